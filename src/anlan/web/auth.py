"""Who asks, and whether they may: `require(action)` stands on every route; a test walks the route table and finds none without.

    @router.get("/alarms", dependencies=[require("alarm.view")])

The gate (`gate.py`) has put the Principal into the request before any route runs. A cookie is sent by a browser on its own, so a write
further shows that it comes from our own page: its Origin is ours, or it carries the session's CSRF token.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.exceptions import WebSocketException
from starlette.requests import HTTPConnection
from starlette.status import WS_1008_POLICY_VIOLATION

from anlan.guard.devices import KNOWN_FOR
from anlan.guard.principal import Principal
from anlan.guard.roles import SELF, load_roles
from anlan.guard.sessions import csrf_token
from anlan.guard.tokens import check_person
from anlan.model.clock import SECOND
from anlan.model.errors import AnlanError, Forbidden, NotSignedIn, StoreError
from anlan.web.context import Context, WebSettings
from anlan.web.refusing import record_refusal

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


CHECK_SECONDS = 5.0


class ForeignOrigin(Forbidden):
    code: ClassVar[str] = "foreign-origin"


class Require:
    """The dependency behind `require`; `action` is what the route declares, `whole` that a branch of the plant is not enough."""

    def __init__(self, action: str, *, whole: bool = False) -> None:
        if action not in load_roles().actions:
            raise ValueError(f"action {action!r} is not listed in guard/data/roles.yaml")
        self.action, self.whole = action, whole

    async def __call__(self, connection: HTTPConnection) -> Principal:
        try:
            principal = principal_of(connection)
            principal.require(self.action, "" if self.whole else None)
            if self.action == SELF and connection.scope.get("method", "GET") not in SAFE_METHODS:
                check_person(principal)
        except AnlanError as error:
            if connection.scope["type"] != "websocket":
                raise
            record_refusal(connection, error)
            raise WebSocketException(WS_1008_POLICY_VIOLATION, error.code) from error
        return principal


def require(action: str, *, whole: bool = False) -> Any:
    """For `dependencies=[…]`: refused unless the asker has `action` somewhere; the service narrows by place.

    `whole` for what has no place to narrow by, such as the audit record: refused unless the asker has it for the whole plant.
    """
    return Depends(Require(action, whole=whole))


def principal_of(connection: HTTPConnection) -> Principal:
    """Raises NotSignedIn."""
    principal = connection.scope.get("state", {}).get("principal")
    if principal is None:
        raise NotSignedIn("sign in first")
    assert isinstance(principal, Principal)
    return principal


Asker = Annotated[Principal, Depends(principal_of)]
"""A route's parameter: the Principal who asks."""


def still_allowed(context: Context, asker: Principal) -> Callable[[], Awaitable[bool]]:
    """For streams, which outlive their request: whether the session still runs and still holds what it held. Asks anew only after
    something has changed, and now and then because sessions also end by time: cheap enough to ask before each line that is sent."""

    sessions, clock = context.guard.sessions, context.clock
    seen, asked = sessions.changes, clock.monotonic()

    async def still() -> bool:
        nonlocal seen, asked
        if seen == sessions.changes and clock.monotonic() < asked + CHECK_SECONDS:
            return True
        seen, asked = sessions.changes, clock.monotonic()
        try:
            principal = await asyncio.to_thread(sessions.running, asker.session)
        except StoreError:
            return True  # nobody was sent away while the records cannot be read: a picture must not go dark for that
        return principal is not None and principal.grants == asker.grants

    return still


def declared_action(dependencies: list[Any]) -> str | None:
    """The action among a route's resolved dependencies (`dependant.dependencies`), if it declares one."""
    found = declared(dependencies)
    return found.action if found is not None else None


def declared(dependencies: list[Any]) -> Require | None:
    """The same with all that was declared."""
    for dependency in dependencies:
        call = getattr(dependency, "call", None) or getattr(dependency, "dependency", None)
        if isinstance(call, Require):
            return call
    return None


def cookie_name(settings: WebSettings) -> str:
    """Under TLS the browser itself holds the prefix's promise: this host only, whole path, Secure."""
    return "__Host-anlan" if settings.tls else "anlan"


def token_of(connection: HTTPConnection, settings: WebSettings) -> str | None:
    return connection.cookies.get(cookie_name(settings))


def check_origin(connection: HTTPConnection, settings: WebSettings, *, socket: bool = False) -> None:
    """Raises ForeignOrigin for a write or a socket that a foreign page may have caused.

    A browser names its Origin with every write and every socket. Without one it's a program, which then shows the CSRF token: that
    it can read, which a foreign page can't.
    """
    origin = connection.headers.get("origin")
    if origin is not None:
        if not _is_ours(connection, origin, settings):
            raise ForeignOrigin("the request came from {origin}, which is not this console", origin=origin[:200])
        return
    token = token_of(connection, settings)
    if socket or token is None:
        return
    shown = connection.headers.get("x-csrf-token", "")
    if not hmac.compare_digest(shown.encode("utf-8", "replace"), csrf_token(token).encode()):
        raise ForeignOrigin("a write by cookie needs the header X-CSRF-Token; GET /api/v1/me tells it")


def _is_ours(connection: HTTPConnection, origin: str, settings: WebSettings) -> bool:
    if origin in settings.origins:
        return True
    parts = urlsplit(origin)
    secure = {"https": True, "http": False}.get(parts.scheme)
    return secure is not None and secure == settings.tls and parts.netloc == connection.headers.get("host", "")


def served_origin(connection: HTTPConnection, settings: WebSettings) -> str:
    """Where the browser believes this console to be, for what it signs by origin (`guard.webauthn`): as it says itself, which `check_origin`
    has looked at; else by the Host it asked, at a proxy's origin where one is set for that name."""
    said = connection.headers.get("origin", "")
    if said and _is_ours(connection, said, settings):
        return said
    host = connection.headers.get("host", "")
    proxied = next((one for one in settings.origins if urlsplit(one).netloc == host), "")
    return proxied or f"{'https' if settings.tls else 'http'}://{host}"


def public() -> Any:
    """For the few routes that a stranger may call: says so where the action would stand. `PUBLIC` in gate.py lists their paths."""
    return Depends(_public)


async def _public() -> None:
    return None


def set_cookie(response: Any, settings: WebSettings, token: str) -> None:
    response.set_cookie(cookie_name(settings), token, path="/", httponly=True, samesite="strict", secure=settings.tls)


def device_of(connection: HTTPConnection, settings: WebSettings) -> str:
    """What this browser keeps from an earlier sign-in (`guard.devices`), "" for nothing."""
    return connection.cookies.get(cookie_name(settings) + "-device", "")[:256]


def set_device(response: Any, settings: WebSettings, device: str) -> None:
    name, age = cookie_name(settings) + "-device", KNOWN_FOR // SECOND
    response.set_cookie(name, device, max_age=age, path="/", httponly=True, samesite="strict", secure=settings.tls)


def clear_cookie(response: Any, settings: WebSettings) -> None:
    response.delete_cookie(cookie_name(settings), path="/", httponly=True, samesite="strict", secure=settings.tls)


def bearer_of(connection: HTTPConnection) -> str | None:
    """What `Authorization: Bearer …` shows; None without such a header."""
    scheme, _, text = connection.headers.get("authorization", "").partition(" ")
    return text.strip()[:256] if scheme.lower() == "bearer" else None


def from_where(connection: HTTPConnection) -> str:
    """The peer's address; proxies are believed only where `serve` was told their addresses."""
    return connection.client.host if connection.client is not None else "local"


__all__ = ["SELF", "Asker", "require"]
