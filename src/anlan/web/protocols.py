"""uvicorn's protocols within `web.bounds`: it bounds neither the head of a request, whose time to read grows with the square of its size, nor the
time that a head takes, nor connections of an address, nor the fragments of a message on a WebSocket."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from anlan.web.bounds import Bounds

if TYPE_CHECKING:
    from websockets.frames import Frame

HEAD_BYTES = 64 << 10
"""Request line and headers together."""
BODY_SECONDS = 30.0
"""Without a byte of a body that is not whole yet."""
FRAGMENTS = 1024
"""Of one message on a WebSocket; also empty ones take memory."""
UNREAD_BYTES = 1 << 20
"""Answers to pings that a client doesn't read."""

log = structlog.get_logger()


class Refused(Exception):
    """A request whose head is beyond the bounds; answered with its status alone."""


def http_protocol(bounds: Bounds) -> type[HttpToolsProtocol]:
    return type("BoundedHttp", (_Http,), {"bounds": bounds})


def websocket_protocol(bounds: Bounds) -> type[WebSocketsSansIOProtocol]:
    return type("BoundedWebSocket", (_WebSocket,), {"bounds": bounds})


class _Http(HttpToolsProtocol):
    bounds: ClassVar[Bounds]
    _counted = ""
    """The address under which this connection is counted; "" while it isn't."""
    _head = 0
    _reading_head = True
    _refusal: HTTPStatus | None = None
    _late: asyncio.TimerHandle | None = None
    _heard = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self.bounds.take(address):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self._counted = address or "?"
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return
        self._heard = self.loop.time()
        if self._reading_head:
            self._head += len(data)
        super().data_received(data)
        if self._late is None and self._between_requests():
            self._expect_head()
        if self._reading_head and self._head > HEAD_BYTES and self._refusal is None:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        self._reading_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_time()
        self._reading_head, self._head = False, 0
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_BYTES:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise Refused
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            self._expect_body()

    def on_message_complete(self) -> None:
        self._in_time()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.cycle.more_body:  # nobody wants the rest any more
            self._in_time()
            self._expect_head()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """The parser stops by an exception, also at a head that we refuse."""
        if self._refusal is None:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    def handle_websocket_upgrade(self) -> None:
        self._leave()
        super().handle_websocket_upgrade()

    def _between_requests(self) -> bool:
        """Not once a WebSocket has taken the connection over: an answer of HTTP would break its frames."""
        return self.transport.get_protocol() is self and (self.cycle is None or self.cycle.response_complete)

    def _expect_head(self) -> None:
        if not self.transport.is_closing():
            self._late = self.loop.call_later(self.bounds.head_seconds, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _expect_body(self) -> None:
        self._late = self.loop.call_later(BODY_SECONDS, self._body_is_late)

    def _body_is_late(self) -> None:
        """Nothing of it for so long; unless it waits because the app reads no more for now."""
        if self.flow.read_paused or self.loop.time() - self._heard < BODY_SECONDS:
            self._expect_body()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _leave(self) -> None:
        if self._counted:
            self.bounds.leave(self._counted)
            self._counted = ""

    def _refuse(self, status: HTTPStatus) -> None:
        self._refusal = status
        self._in_time()
        if self.transport.is_closing():
            return
        self.bounds.refuse(status, self.client[0] if self.client else "", self.loop.time())
        words = status.phrase.encode()
        head = b"HTTP/1.1 %d %s\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % (status, words, len(words)) + words)
        self.transport.close()


class _WebSocket(WebSocketsSansIOProtocol):
    bounds: ClassVar[Bounds]
    _counted = ""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        address = self.client[0] if self.client else "?"
        if self.bounds.take(address):
            self._counted = address

    def connection_lost(self, exc: Exception | None) -> None:
        if self._counted:
            self.bounds.leave(self._counted)
        super().connection_lost(exc)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS:
            self._too_much(f"a message of more than {FRAGMENTS} fragments")
        else:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self.transport.get_write_buffer_size() > UNREAD_BYTES:
            self._too_much("pings whose answers are not read")
        else:
            super().handle_ping()

    def _too_much(self, what: str) -> None:
        log.warning("websocket ended", address=self._counted, why=what)
        self.bounds.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._counted, self.loop.time())
        self.frames = []
        self.transport.abort()
