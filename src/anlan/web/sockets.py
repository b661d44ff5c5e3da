"""NiceGUI's sockets, bound to the session that opened the page.

NiceGUI gives a page's content to any socket that names the page's client id. Here a socket must come with a running session (the gate
refuses others), and that session must be the one for which the page was built; when it ends, its sockets are cut.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import structlog

from anlan.guard.principal import Principal
from anlan.guard.sessions import Sessions

CHECK_SECONDS = 30.0
log = structlog.get_logger()


class SocketBinding:
    """Wraps NiceGUI's `connect` and `handshake`; `install` once per app, `run` while it lives (sessions also end by time)."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._sockets: dict[UUID, set[str]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None

    def install(self) -> None:
        from nicegui import core, nicegui

        handlers = core.sio.handlers["/"]
        # The module's own functions, not what stands in the table: a second app in this process must not wrap the first one's wrapper.
        handlers["connect"] = self._checking_connect(nicegui._on_connect)
        handlers["handshake"] = self._checking_handshake(nicegui._on_handshake)
        handlers["disconnect"] = self._forgetting(nicegui._on_disconnect)
        handlers["event"] = self._checking_message(nicegui._on_event)
        handlers["javascript_response"] = self._checking_message(nicegui._on_javascript_response)
        core.sio.eio.cors_allowed_origins = []  # no check here: the gate has checked the origin, and engine.io takes TLS for plain HTTP
        self._sessions.on_end(self._ended)

    async def run(self) -> None:
        self._loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            for session in list(self._sockets):
                if await asyncio.to_thread(self._sessions.running, session) is None:
                    await self._cut(session)

    def _checking_connect(self, original: Any) -> Any:
        async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> Any:
            session = _session_of(environ)
            client = parse_qs(environ.get("QUERY_STRING", "")).get("client_id", [""])[0]
            if session is None or not _opened_by(client, session):
                log.warning("socket refused: it is not of the session that opened the page")
                return False
            self._sockets[session].add(sid)
            return await original(sid, environ, auth)

        return connect

    def _checking_handshake(self, original: Any) -> Any:
        async def handshake(sid: str, data: dict[str, Any]) -> bool:
            session = self._session_of_socket(sid)
            if session is None or not _opened_by(str(data.get("client_id")), session):
                return False
            return bool(await original(sid, data))

        return handshake

    def _checking_message(self, original: Any) -> Any:
        def message(sid: str, data: dict[str, Any]) -> None:
            session = self._session_of_socket(sid)
            if session is not None and _opened_by(str(data.get("client_id")), session):
                original(sid, data)

        return message

    def _forgetting(self, original: Any) -> Any:
        def disconnect(sid: str, *_: Any) -> None:
            for session, sids in list(self._sockets.items()):
                sids.discard(sid)
                if not sids:
                    del self._sockets[session]
            original(sid)

        return disconnect

    def _session_of_socket(self, sid: str) -> UUID | None:
        return next((session for session, sids in self._sockets.items() if sid in sids), None)

    def _ended(self, session: UUID) -> None:
        if self._loop is not None and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._cut(session), self._loop)

    async def _cut(self, session: UUID) -> None:
        from nicegui import core

        for sid in self._sockets.pop(session, set()):
            await core.sio.disconnect(sid)


def _session_of(environ: dict[str, Any]) -> UUID | None:
    principal = environ.get("asgi.scope", {}).get("state", {}).get("principal")
    return principal.session if isinstance(principal, Principal) else None


def _opened_by(client_id: str, session: UUID) -> bool:
    from nicegui import Client

    client = Client.instances.get(client_id)
    if client is None or client._request is None:
        return False
    principal = client._request.scope.get("state", {}).get("principal")
    return isinstance(principal, Principal) and principal.session == session
