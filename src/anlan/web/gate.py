"""The gate in front of everything: finds out who asks, turns strangers away, hangs the security headers and writes the log line.

Deny by default: only what `PUBLIC` lists answers without a session, pages and NiceGUI's sockets included. The routes' own `require`
then decides what a person may do. Plain ASGI, because streams must not be buffered.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import replace
from http.cookies import CookieError
from typing import ClassVar
from urllib.parse import quote

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anlan.guard.principal import Principal
from anlan.guard.service import Guard
from anlan.guard.webauthn import served_at
from anlan.model.errors import AnlanError, InputError, NotSignedIn, StoreError
from anlan.web.auth import SAFE_METHODS, bearer_of, check_origin, from_where, served_origin, token_of
from anlan.web.context import WebSettings
from anlan.web.metrics import Meter
from anlan.web.problem import accepted_language, of_error, unexpected
from anlan.web.rates import RATES, Rates
from anlan.web.refusing import record_refusal
from anlan.web.station_cookie import station_cookie

STATION = frozenset(
    {
        "/pair",
        "/emergency",
        "/api/v1/station",
        "/api/v1/emergency",
        "/api/v1/emergency/acknowledge",
        "/api/v1/emergency/silence",
        "/api/v1/emergency/evacuate",
        "/api/v1/emergency/evacuate/end",
    }
)
"""Ask for a station's pairing code or key themselves; they answer while the records of people cannot be read."""
IDENTITY = frozenset({"/api/v1/oidc", "/api/v1/oidc/begin", "/api/v1/oidc/callback", "/api/v1/oidc/finish"})
"""Signing in by an identity service: its way there and back."""
PUBLIC = frozenset({"/login", "/favicon.ico", "/api/v1/health", "/api/v1/session", "/api/v1/metrics"}) | STATION | IDENTITY
"""Answer to strangers. Session: that is where one signs in. Metrics: asks for its scope, or loopback, itself."""
PUBLIC_UNDER = ("/static/", "/_nicegui/")
"""Files of the program, the same for every plant: scripts, styles, fonts."""
NOT_PUBLIC_UNDER = ("/_nicegui/client/", "/_nicegui/auto/", "/_nicegui_ws/")
"""NiceGUI's uploads, generated files and sockets carry a page's content."""

UPLOADS_UNDER = ("/api/v1/alarms/master/", "/api/v1/plant/drawings/", "/api/v1/plant/lists/", "/api/v1/risk/workbooks/")
"""Take whole workbooks; each asks for a right before it reads a byte of them."""

CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""No remote origin at all. NiceGUI (Vue templates compiled in the browser) needs unsafe-eval and inline scripts."""

HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
log = structlog.get_logger("anlan.web")


class TooLarge(InputError):
    code: ClassVar[str] = "too-large"
    status: ClassVar[int] = 413


class ReadOnly(AnlanError):
    """A change of what is only shown here."""

    code: ClassVar[str] = "read-only"
    status: ClassVar[int] = 409


class Gate:
    def __init__(self, app: ASGIApp, *, guard: Guard, settings: WebSettings, meter: Meter) -> None:
        self.app, self.settings, self.meter = app, settings, meter
        self.sessions, self.tokens, self.refusals = guard.sessions, guard.tokens, guard.refusals
        self.rates = Rates(guard.clock, RATES if settings.rates else ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = _request_id(connection)
        state["refusals"] = self.refusals
        served_at.set(served_origin(connection, self.settings))
        with structlog.contextvars.bound_contextvars(request=state["request_id"]), self.meter.request(scope) as answered:
            try:
                state["principal"] = await self._who_or_nobody(connection)
                self._check(connection, state["principal"])
            except AnlanError as error:
                await self._refuse(connection, error, receive, _with_headers(scope, send, self.settings, answered))
                return
            await self._pass(connection, receive, _with_headers(scope, send, self.settings, answered), answered)

    async def _pass(self, connection: HTTPConnection, receive: Receive, send: Send, answered: list[int]) -> None:
        """Let the app answer. What it did not expect is answered here, inside the headers and the log line, and told to nobody."""
        try:
            await self.app(connection.scope, _counted(receive, self._most(connection)), send)
        except Exception:
            log.exception("unexpected error", path=connection.scope["path"])
            if answered or connection.scope["type"] == "websocket":
                raise
            await unexpected(connection)(connection.scope, receive, send)

    async def _who_or_nobody(self, connection: HTTPConnection) -> Principal | None:
        """While the records of people cannot be read nobody is known; what needs nobody answers all the same."""
        try:
            return await self._who(connection)
        except StoreError:
            if not is_public(connection.scope["path"]):
                raise
            return None

    async def _who(self, connection: HTTPConnection) -> Principal | None:
        if (bearer := bearer_of(connection)) is not None:
            return await self._by_token(connection, bearer)
        try:
            token = token_of(connection, self.settings)
        except CookieError:
            return None
        if not token or len(token) > 256:
            return None
        connection.scope["state"]["shown"] = True
        try:
            return self.sessions.peek(token)
        except KeyError:
            return await asyncio.to_thread(self.sessions.resolve, token)

    async def _by_token(self, connection: HTTPConnection, text: str) -> Principal | None:
        """A token is for the API alone; shown beside a cookie, it is what counts. Its program says in each request which language it reads."""
        connection.scope["state"]["shown"] = True
        if not connection.scope["path"].startswith("/api/"):
            return None
        address = from_where(connection)
        try:
            found = self.tokens.peek(text, address)
        except KeyError:
            found = await asyncio.to_thread(self.tokens.resolve, text, address)
        return replace(found, language=accepted_language(connection)) if found is not None else None

    def _check(self, connection: HTTPConnection, principal: Principal | None) -> None:
        if principal is None and not is_public(connection.scope["path"]):
            raise NotSignedIn("sign in first")
        if _length(connection) > (most := self._most(connection)):
            raise TooLarge("the request's body is larger than {most} bytes", most=most)
        if self.settings.read_only is not None and _changes(connection):
            raise ReadOnly(self.settings.read_only.message, **self.settings.read_only.facts)
        if principal is not None and connection.scope["type"] == "http":
            self.rates.take(str(principal.person), connection.scope["method"], connection.scope["path"])
        if principal is not None and principal.token is not None:
            return  # no browser adds this header by itself, so no foreign page is behind it
        socket = connection.scope["type"] == "websocket"
        if socket or connection.scope["method"] not in SAFE_METHODS:
            check_origin(connection, self.settings, socket=socket or connection.scope["path"].startswith("/_nicegui_ws/"))

    def _most(self, connection: HTTPConnection) -> int:
        uploads = connection.scope["path"].startswith(UPLOADS_UNDER)
        return self.settings.max_upload if uploads else self.settings.max_body

    async def _refuse(self, connection: HTTPConnection, error: AnlanError, receive: Receive, send: Send) -> None:
        if connection.scope["type"] == "websocket":
            record_refusal(connection, error)
            if isinstance(error, NotSignedIn) and connection.scope["path"].startswith("/api/"):
                # Only a socket that was opened can be closed with a reason that the page's script sees: it then asks to sign in.
                await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 1008, "reason": error.code})
            return
        response: Response = of_error(connection, error)
        if isinstance(error, NotSignedIn) and _wants_page(connection):
            target = connection.scope["path"] + (f"?{connection.url.query}" if connection.url.query else "")
            response = RedirectResponse(f"/login?next={quote(target)}", status_code=303)
        elif isinstance(error, StoreError) and _wants_page(connection) and station_cookie(self.settings) in connection.cookies:
            response = RedirectResponse("/emergency", status_code=303)
        await response(connection.scope, receive, send)


def _changes(connection: HTTPConnection) -> bool:
    """Whether it asks for a change of the plant's data; who signs in or out or chooses a password, and the pages' own traffic, change none."""
    path = connection.scope["path"]
    harmless = path == "/api/v1/session" or path.startswith(("/_nicegui", "/api/v1/session/", "/api/v1/me/"))
    return connection.scope["type"] == "http" and connection.scope["method"] not in SAFE_METHODS and not harmless


def is_public(path: str) -> bool:
    return path in PUBLIC or (path.startswith(PUBLIC_UNDER) and not path.startswith(NOT_PUBLIC_UNDER))


def _length(connection: HTTPConnection) -> int:
    """As announced; what comes without announcement is counted as it comes (`_counted`)."""
    announced = connection.headers.get("content-length", "0")
    return int(announced) if announced.isascii() and announced.isdigit() else 0


def _counted(receive: Receive, most: int) -> Receive:
    """Stops reading a body that turns out larger than `most` bytes."""
    read = 0

    async def counting() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b"")) if message["type"] == "http.request" else 0
        if read > most:
            raise HTTPException(413, "the request is too large")
        return message

    return counting


def _wants_page(connection: HTTPConnection) -> bool:
    return not connection.scope["path"].startswith("/api/") and "text/html" in connection.headers.get("accept", "")


def _request_id(connection: HTTPConnection) -> str:
    given = connection.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _with_headers(scope: Scope, send: Send, settings: WebSettings, answered: list[int]) -> Send:
    async def hang(message: Message) -> None:
        if message["type"] == "http.response.start":
            answered.append(message["status"])
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-ID"] = scope["state"]["request_id"]
            if settings.tls:
                headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            if scope["path"].startswith("/api/"):
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return hang
