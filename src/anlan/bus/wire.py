"""The conversation between the processes of one node: messages over a Unix stream socket.

A message is an 8-byte prefix (length of head, length of body, both uint32 little-endian), a JSON head and a binary body. A head with
`op` asks; the reply has the same `id` and either `ok: true` or `error: {code, message, facts}`; a head with `push` is told unasked.
Requests of one connection are answered in any order, but handed to their handlers in the order in which they came.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import structlog

from anlan.bus.address import address
from anlan.bus.tasks import end
from anlan.model.errors import AnlanError, Corrupt, LogFull, StoreError, Unavailable

Head = dict[str, Any]
Body = bytes | memoryview
Handler = Callable[["Connection", Head, bytes], Awaitable["tuple[Head, Body]"]]

_PREFIX = struct.Struct("<II")
MAX_MESSAGE = 64 << 20
"""Head and body. The largest we send are the last values of every point: a million of them are 22 MB."""

_ERRORS: dict[str, type[AnlanError]] = {kind.code: kind for kind in (StoreError, LogFull, Corrupt, Unavailable)}

log = structlog.get_logger()


@dataclass(eq=False)
class Connection:
    """One peer. Writes of whole messages never interleave; a peer that does not read is dropped once `most_buffered` bytes wait."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    most_buffered: int = 64 << 20
    closed: bool = False
    on_close: list[Callable[[], object]] = field(default_factory=list)

    def tell(self, head: Head, body: Body = b"") -> None:
        """Queue a message without waiting. The slow reader pays: past the bound it is cut off and has to come back and catch up."""
        if self.closed:
            return
        raw = orjson.dumps(head)
        self.writer.write(_PREFIX.pack(len(raw), len(body)) + raw)
        if body:
            self.writer.write(body)
        if self.writer.transport.get_write_buffer_size() > self.most_buffered:
            log.warning("peer does not read, connection dropped", buffered=self.most_buffered)
            self.abort()

    async def send(self, head: Head, body: Body = b"") -> None:
        """Queue a message and wait until the peer has room for the next."""
        self.tell(head, body)
        await self.writer.drain()

    async def receive(self) -> tuple[Head, bytes]:
        """The next message. Raises IncompleteReadError when the peer is gone, Corrupt when what comes is no message of ours."""
        head_length, body_length = _PREFIX.unpack(await self.reader.readexactly(_PREFIX.size))
        if head_length + body_length > MAX_MESSAGE:
            raise Corrupt(
                "a message of {head} + {body} bytes was announced on the node's socket, where {most} are the most",
                head=head_length,
                body=body_length,
                most=MAX_MESSAGE,
            )
        head = _head(await self.reader.readexactly(head_length))
        return head, await self.reader.readexactly(body_length) if body_length else b""

    def abort(self) -> None:
        if not self.closed:
            self.closed = True
            self.writer.transport.abort()
            for callback in self.on_close:
                callback()


def _head(raw: bytes) -> Head:
    try:
        head = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Corrupt("the head of a message on the node's socket is no JSON: {why}", why=str(error)) from error
    if not isinstance(head, dict):
        raise Corrupt("the head of a message on the node's socket is no JSON object")
    return head


def _tell_lost(error: asyncio.IncompleteReadError | ConnectionError) -> None:
    """A peer that went away is nothing to tell, unless it went in the middle of a message."""
    if not isinstance(error, asyncio.IncompleteReadError) or error.partial:
        log.info("connection broke off", error=str(error))


class Server:
    """Listens on a Unix socket and hands each request to the handler of its `op`."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._closing = False

    async def start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # A socket file left by a killed process would refuse every later start; the store's own lock keeps two cores apart.
        self._path.unlink(missing_ok=True)
        with address(self._path) as path:
            self._server = await asyncio.start_unix_server(self._serve, path, limit=1 << 22)
        self._path.chmod(0o600)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()
        self._closing = True
        await end(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        self._connections.add(connection)
        serving = asyncio.current_task()
        assert serving is not None
        self._tasks.add(serving)
        try:
            while True:
                head, body = await connection.receive()
                task = asyncio.ensure_future(self._answer(connection, head, body))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            _tell_lost(error)  # nothing is owed to it: whatever it sent and got no reply for it sends again
        except Corrupt as error:
            log.error("peer sends what is no message, connection dropped", error=str(error))
        except asyncio.CancelledError:
            if not self._closing:
                raise
            # `close` ends the connection; streams would report a cancelled handler as an error.
        finally:
            connection.abort()
            self._connections.discard(connection)
            self._tasks.discard(serving)

    async def _answer(self, connection: Connection, head: Head, body: bytes) -> None:
        answer: Head
        payload: Body = b""
        try:
            handler = self._handlers.get(str(head.get("op")))
            if handler is None:
                raise Unavailable("the core knows no operation {op}", op=head.get("op"))
            answer, payload = await handler(connection, head, body)
            answer = {"ok": True, **answer}
        except AnlanError as error:
            answer = {"error": {"code": error.code, "message": error.message, "facts": error.facts}}
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # A bug in one request must neither pass in silence nor end the process that decides alarms.
            log.exception("request failed", op=head.get("op"))
            answer = {"error": {"code": "internal", "message": f"{type(error).__name__}: {error}", "facts": {}}}
        # The request's number comes last: an answer with an `id` of its own must still find its asker.
        connection.tell({**answer, "id": head.get("id")}, payload)


class Client:
    """The asking side. `on_push` receives what the server tells unasked; `lost` is set when the connection ends."""

    def __init__(self, connection: Connection, on_push: Callable[[Head, bytes], None] | None = None) -> None:
        self._connection = connection
        self._on_push = on_push
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[tuple[Head, bytes]]] = {}
        self.lost = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def connect(cls, path: Path, on_push: Callable[[Head, bytes], None] | None = None) -> Client:
        try:
            with address(path) as reachable:
                reader, writer = await asyncio.open_unix_connection(reachable, limit=1 << 22)
        except OSError as error:
            raise Unavailable(
                "the core does not answer at {path}: {error}", path=str(path), error=error.strerror or str(error)
            ) from error
        return cls(Connection(reader, writer), on_push)

    async def request(self, op: str, body: Body = b"", **head: Any) -> tuple[Head, bytes]:
        """Ask and wait for the reply; the server's errors come back as the same kind of error."""
        if self.lost.is_set():
            raise Unavailable("the core went away")
        number = next(self._ids)
        answered: asyncio.Future[tuple[Head, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        try:
            await self._connection.send({"op": op, "id": number, **head}, body)
            reply, payload = await answered
        except ConnectionError as error:
            raise Unavailable("the core went away") from error
        finally:
            self._waiting.pop(number, None)
        if (error_head := reply.get("error")) is not None:
            kind = _ERRORS.get(error_head["code"], Unavailable)
            raise kind(
                error_head["message"].replace("{", "{{").replace("}", "}}") if not error_head["facts"] else error_head["message"],
                **error_head["facts"],
            )
        return reply, payload

    async def close(self) -> None:
        self._connection.abort()
        await end([self._reading])

    async def _read(self) -> None:
        try:
            while True:
                head, body = await self._connection.receive()
                if "push" in head:
                    if self._on_push is not None:
                        self._on_push(head, body)
                elif (answered := self._waiting.get(head.get("id", 0))) is not None and not answered.done():
                    answered.set_result((head, body))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            _tell_lost(error)
        except Exception as error:
            # A message that is none of ours, or a bug in what hears the pushes: this connection ends, and the link makes another.
            log.error("connection given up", error=str(error), exc_info=not isinstance(error, Corrupt))
        finally:
            self.lost.set()
            self._connection.abort()
            for answered in self._waiting.values():
                if not answered.done():
                    answered.set_exception(Unavailable("the core went away"))
