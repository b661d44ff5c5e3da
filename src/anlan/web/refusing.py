"""Every refusal goes on record (`guard.refusals`): what a person may not do or see, and what nobody may who shows no valid sign-in."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from anlan.guard.limiter import TooManyTries
from anlan.guard.principal import Principal
from anlan.guard.refusals import Refusal, Refusals
from anlan.guard.sessions import SignInRefused
from anlan.model.errors import AnlanError, Forbidden, Hidden, NotSignedIn
from anlan.web.logs import hidden

API = "/api/v1"
NO_ROUTE = "unknown route"
"""What stands for every path that no route was found for, and for those refused before one was looked for."""
REFUSED = (Forbidden, Hidden, NotSignedIn, TooManyTries)


def record_refusal(connection: HTTPConnection, error: AnlanError) -> None:
    """Once per request. A refused sign-in is on record by `Sessions`, which knows whose it was; a stranger who opens a page and is shown
    the sign-in has tried nothing."""
    state = connection.scope.get("state", {})
    refusals: Refusals | None = state.get("refusals")
    if refusals is None or not isinstance(error, REFUSED) or isinstance(error, SignInRefused) or state.get("refusal recorded"):
        return
    if isinstance(error, NotSignedIn) and not state.get("shown") and not connection.scope["path"].startswith("/api/"):
        return
    state["refusal recorded"] = True
    principal: Principal | None = state.get("principal")
    method = connection.scope.get("method", "WEBSOCKET")
    route = _template(connection)
    address = connection.client.host if connection.client is not None else "local"
    if principal is None:
        # What a stranger asks for is their own text: it tells nothing apart, and one of it stands for all.
        refusals.note(Refusal("", "", address, "", error.code), first=f"{method} {hidden(connection.scope['path'])[:200]}")
        return
    # A path without a route is the asker's own text: as a kind it would let them write as many leaves as they can think of.
    kind = Refusal(str(principal.person), principal.post, address, f"{method} {route}" if route else NO_ROUTE, error.code)
    refusals.note(kind, path=hidden(connection.scope["path"])[:200], **({} if route else {"method": method[:20]}))


def _template(connection: HTTPConnection) -> str:
    """The route's path with its names in braces, "" where none was found; a router's own route doesn't know its prefix."""
    route = getattr(connection.scope.get("route"), "path", "")
    return API + route if route and connection.scope["path"].startswith(API) and not route.startswith(API) else route
