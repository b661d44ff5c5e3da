"""The app from its parts: gate, API, sign-in page, API page, static files, NiceGUI's pages. Built by `node`, and by tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from anlan import __version__
from anlan.guard.principal import Principal
from anlan.model.errors import AnlanError, NotFound, Unavailable
from anlan.web import (
    api_account,
    api_audit,
    api_docs,
    api_keys,
    api_node,
    api_oidc,
    api_people,
    api_roster,
    api_session,
    api_settings,
    api_stations,
    problem,
)
from anlan.web.api_witness import routes as witness_routes
from anlan.web.auth import public
from anlan.web.bounds import telling
from anlan.web.context import Context
from anlan.web.gate import Gate
from anlan.web.sockets import SocketBinding
from anlan.web.stream import Bell

API = "/api/v1"
METHODS = "GET", "POST", "PUT", "PATCH", "DELETE"
RESTART_SECONDS = 1.0
MENDED_SECONDS = 30.0
"""A background task that has run this long again is no longer told as a fault."""
FIRST_SECONDS = 5.0
"""A console that shows that something is unknown is worth more than none."""
Routes = Callable[[Context], APIRouter]
Pages = Callable[[Context], None]
Door = Callable[[Context, Request], str]

log = structlog.get_logger()


def build_app(
    context: Context, *, routes: Sequence[Routes] = (), pages: Sequence[Pages] = (), door: Door | None = None
) -> FastAPI:
    """`routes` and `pages` are the rooms' functions of these names. Without pages NiceGUI is not even imported.

    `door(context, request)` makes the sign-in page, a whole document without NiceGUI because strangers get no socket; `web.door.door`
    unless another is given.
    """
    # Without redirect_slashes: a path that names nothing is answered with what was wrong, not sent round to another address.
    app = FastAPI(
        title="Anlan",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(context),
    )
    app.state.context = context
    context.guard.sessions.places_of_post = context.places_of_post
    context.guard.policies.words = lambda: (context.plant.id, context.plant.name.zh, context.plant.name.en)
    problem.install(app)
    for make in (
        api_session.routes,
        api_account.routes,
        api_keys.routes,
        api_oidc.routes,
        api_people.routes,
        api_roster.routes,
        api_stations.routes,
        api_node.routes,
        api_settings.routes,
        api_audit.routes,
        witness_routes,
        *routes,
    ):
        app.include_router(make(context), prefix=API)
    app.include_router(api_docs.routes(context, app))
    context.background.append(context.fanout.run)
    context.background.append(context.guard.refusals.run)
    context.background.append(telling(context.bounds, context.faults))
    _mount_static(app)
    _hang_door(app, context, door)
    if pages:
        _mount_pages(app, context, pages)
    app.add_middleware(Gate, guard=context.guard, settings=context.settings, meter=context.meter)
    return app


def _lifespan(context: Context) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        context.guard.sessions.on_change(lambda: _ring(loop, context.people_moved))
        tasks = [asyncio.create_task(_keep_running(run, context)) for run in context.background]
        try:
            await _learn_first(context)
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return lifespan


async def _learn_first(context: Context) -> None:
    """An app that is new would else answer for a moment that nothing stands. What takes longer is told as unknown by who needs it."""
    waiting = [asyncio.create_task(_keep_trying(learn)) for learn in context.first]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=FIRST_SECONDS)
        for task in late:
            task.cancel()


async def _keep_trying(learn: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            return await learn()
        except AnlanError as failure:
            log.warning("not known before the first request", error=str(failure))
            await asyncio.sleep(0.2)


def _ring(loop: asyncio.AbstractEventLoop, bell: Bell) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(bell.ring)


async def _keep_running(run: Callable[[], Coroutine[Any, Any, None]], context: Context) -> None:
    """A background task that fails is started again and its fault shown: one bad row must not end the live values for good."""
    name = getattr(run, "__qualname__", repr(run))
    while True:
        mended = asyncio.get_running_loop().call_later(MENDED_SECONDS, context.faults.pop, name, None)
        try:
            await run()
        except Exception as error:
            context.faults[name] = Unavailable(
                "the part {part} of the console failed and was started again: {why}", part=name, why=str(error)
            )
            log.exception("background task failed", task=name)
            mended.cancel()
            await asyncio.sleep(RESTART_SECONDS)
        else:
            return


def _missing(app: FastAPI, context: Context) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    """The answer to a path that names nothing, instead of NiceGUI's own English page: in the frame for a person, as a problem for a
    program. What is no page may still be a path of `app` that takes other methods: NiceGUI, mounted at the root, is asked for them too."""
    from anlan.web.pages import refused

    async def missing(request: Request, _: Exception) -> Response:
        if allowed := _methods(app, request):
            return problem.method_not_allowed(request, ", ".join(allowed))
        refusal = NotFound("there is no page {path} on this console", path=request.url.path[:200])
        principal: Principal | None = request.scope.get("state", {}).get("principal")
        if (
            principal is None
            or principal.must_change
            or principal.must_enrol
            or "text/html" not in request.headers.get("accept", "")
        ):
            return problem.of_error(request, refusal)
        return refused(context, principal, refusal)

    return missing


def _methods(app: FastAPI, request: Request) -> list[str]:
    """What the routes of this path take, mounted apps aside."""
    routes = [one for one in app.routes if not isinstance(one, Mount)]
    asked = ({**request.scope, "app": app, "method": method} for method in METHODS)
    return [scope["method"] for scope in asked if any(one.matches(scope)[0] is Match.FULL for one in routes)]


def _hang_door(app: FastAPI, context: Context, given: Door | None) -> None:
    from anlan.web import door, emergency_door

    document = given or door.door

    @app.get("/login", include_in_schema=False, dependencies=[public()])
    async def login(request: Request) -> Response:
        return HTMLResponse(document(context, request), headers={"Cache-Control": "no-store"})

    for path, page in (("/pair", emergency_door.pairing), ("/emergency", emergency_door.emergency)):
        _hang_station_page(app, context, path, page)


def _hang_station_page(app: FastAPI, context: Context, path: str, page: Door) -> None:
    """Like the door without NiceGUI: nobody who is known opens them."""

    @app.get(path, include_in_schema=False, dependencies=[public()])
    async def station_page(request: Request) -> Response:
        return HTMLResponse(page(context, request), headers={"Cache-Control": "no-store"})


def _mount_static(app: FastAPI) -> None:
    from anlan.web import theme

    app.mount(theme.base(), _Immutable(directory=theme.STATIC), name="static")


class _Immutable(StaticFiles):
    """The address changes with the content, so a browser need never ask again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _mount_pages(app: FastAPI, context: Context, pages: Sequence[Pages]) -> None:
    # NiceGUI keeps one app per process; what it otherwise writes beside the working directory belongs to no node.
    from nicegui import core, ui
    from nicegui.storage import Storage

    Storage.path = Path("/nonexistent")
    core.app.user_middleware.clear()
    core.app.middleware_stack = None
    for register in pages:
        register(context)
    core.app.add_exception_handler(404, _missing(app, context))
    core.app.add_exception_handler(405, problem.of_http)
    binding = SocketBinding(context.guard.sessions)
    binding.install()
    context.background.append(binding.run)
    # Tailwind's runtime reads the whole page anew at every change, which live pages make several times a second; nothing is bound.
    ui.run_with(
        app,
        title="Anlan",
        language="zh-CN",
        dark=True,
        tailwind=False,
        binding_refresh_interval=None,
        show_welcome_message=False,
        storage_secret=None,
        reconnect_timeout=10.0,
    )
