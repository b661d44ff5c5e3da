"""Pages behind the gate: each declares its action, and its builder runs only for a person who may.

def pages(context: Context) -> None:
    @page(context, "/alarms", "alarm.view", title="Alarms")
    def alarms(request: Request) -> None: ...

A builder that raises NotFound (an id in the path that names nothing) answers 404, in the frame, with alarms and ways as on every page.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from anlan.guard.principal import FactorNeeded, PasswordChangeNeeded, Principal
from anlan.guard.roles import load_roles
from anlan.model.errors import AnlanError, Forbidden, NotFound, NotSignedIn
from anlan.model.languages import translate
from anlan.web import shell
from anlan.web.auth import principal_of
from anlan.web.context import Context
from anlan.web.problem import TITLES
from anlan.web.refusing import record_refusal

Builder = Callable[..., Any]


def page(context: Context, path: str, action: str, **options: Any) -> Callable[[Builder], Builder]:
    """Decorates the builder of a NiceGUI page; `options` go to `ui.page`. Refuses an action that roles.yaml doesn't list."""
    if action not in load_roles().actions:
        raise ValueError(f"page {path}: action {action!r} is not listed in guard/data/roles.yaml")

    def decorate(build: Builder) -> Builder:
        from nicegui import ui

        context.page_actions[path] = action
        ui.page(path, **options)(_guarded(context, build, action))
        return build

    return decorate


def turned_away(context: Context, request: Request, action: str) -> Response | None:
    """What a person who may not open the page gets instead of it: the sign-in, the password page, or a refusal."""
    target = quote(request.url.path)
    try:
        principal_of(request).require(action)
    except NotSignedIn:
        return RedirectResponse(f"/login?next={target}", status_code=303)
    except (PasswordChangeNeeded, FactorNeeded) as refusal:
        record_refusal(request, refusal)
        return RedirectResponse(f"/login?change=1&next={target}", status_code=303)
    except Forbidden as refusal:
        record_refusal(request, refusal)
        return refused(context, principal_of(request), refusal)
    return None


def refused(context: Context, principal: Principal, refusal: AnlanError) -> Response:
    """The frame with what was refused and where to go on."""
    title = translate(TITLES.get(refusal.code, ""), principal.language)
    document = shell.instead(context, principal, title, refusal.text(principal.language))
    return HTMLResponse(document, status_code=refusal.status, headers={"Cache-Control": "no-store"})


def principal_of_page() -> Principal:
    """The Principal for whom the page now being built is built."""
    from nicegui import ui

    return principal_of(ui.context.client.request)


def _guarded(context: Context, build: Builder, action: str) -> Builder:
    signature = inspect.signature(build, eval_str=True)
    asks = "request" in signature.parameters

    @wraps(build)
    async def guarded(*, request: Request, **given: Any) -> Any:
        refusal = turned_away(context, request, action)
        if refusal is not None:
            return refusal
        try:
            result = build(request=request, **given) if asks else build(**given)
            return await result if inspect.isawaitable(result) else result
        except NotFound as missing:
            record_refusal(request, missing)
            return refused(context, principal_of(request), missing)

    request = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)
    others = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in signature.parameters.values() if p.name != "request"]
    guarded.__signature__ = signature.replace(parameters=[request, *others])  # type: ignore[attr-defined]
    return guarded
