"""What a client may take before anybody is known, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest

from anlan.web import bounds, protocols
from anlan.web.bounds import Bounds
from tests.web.conftest import PASSWORD, Node

HEAD = b"GET /login HTTP/1.1\r\nHost: node\r\n"


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def status(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(10):
        return int((await reader.readline()).split()[1])


async def ended(reader: asyncio.StreamReader) -> None:
    """Until the node has closed the connection."""
    async with asyncio.timeout(10):
        try:
            while await reader.read(1 << 16):
                pass
        except ConnectionError:
            pass


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


async def send_on(writer: asyncio.StreamWriter, piece: bytes, most: int) -> int:
    """Until the node closes or `most` bytes are sent; how many were."""
    sent = 0
    try:
        while sent < most:
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    return sent


@pytest.mark.parametrize(
    "piece", [b"a" * 4096, b"X-a: b\r\n" * 500, b"a" * (1 << 18)], ids=["one header", "many headers", "one write"]
)
async def test_an_endless_head_is_refused(address: str, piece: bytes) -> None:
    async with connected(address) as (reader, writer):
        writer.write(HEAD + b"X-long: " * piece.startswith(b"a"))
        sending = asyncio.create_task(send_on(writer, piece, 8 << 20))
        assert await status(reader) == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        assert await sending < 8 << 20


@pytest.mark.parametrize(
    ("kind", "long", "answer"),
    [
        ("header", protocols.HEAD_BYTES - 1000, HTTPStatus.OK),
        ("header", protocols.HEAD_BYTES + 1000, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        ("path", protocols.HEAD_BYTES + 1000, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    ],
)
async def test_a_whole_head_is_measured(address: str, kind: str, long: int, answer: int) -> None:
    async with connected(address) as (reader, writer):
        extra = (b"X-long: " + b"a" * long + b"\r\n") * (kind == "header")
        head = HEAD.replace(b"/login", b"/login?" + b"a" * long) if kind == "path" else HEAD
        writer.write(head + extra + b"\r\n")
        assert await status(reader) == answer


async def test_the_head_of_a_later_request_is_measured_too(address: str) -> None:
    async with connected(address) as (reader, writer):
        writer.write(HEAD + b"\r\n")
        assert await status(reader) == HTTPStatus.OK
        await asyncio.sleep(0.2)
        writer.write(HEAD + b"X-long: ")
        sending = asyncio.create_task(send_on(writer, b"a" * 4096, 8 << 20))
        await ended(reader)
        assert await sending < 1 << 20


async def test_a_head_that_does_not_come_is_not_waited_for(node: Node, address: str) -> None:
    node.context.bounds.head_seconds = 0.2
    for begun in (b"", HEAD, b"\r\n\r\n"):
        async with connected(address) as (reader, writer):
            writer.write(begun)
            assert await status(reader) == HTTPStatus.REQUEST_TIMEOUT
            await ended(reader)
    async with connected(address) as (reader, writer):
        writer.write(HEAD + b"\r\n")
        assert await status(reader) == HTTPStatus.OK
        writer.write(HEAD)
        await ended(reader)


async def test_a_body_that_stops_is_not_waited_for(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "BODY_SECONDS", 0.2)
    async with connected(address) as (reader, writer):
        writer.write(b"POST /api/v1/session HTTP/1.1\r\nHost: node\r\nOrigin: http://node\r\nContent-Length: 100\r\n\r\n{")
        assert await status(reader) == HTTPStatus.REQUEST_TIMEOUT
        await ended(reader)


async def test_an_endless_body_is_cut_after_its_answer(node: Node, address: str) -> None:
    node.context.bounds.head_seconds = 0.5
    async with connected(address) as (reader, writer):
        writer.write(b"POST /api/v1/session HTTP/1.1\r\nHost: node\r\nOrigin: http://node\r\nTransfer-Encoding: chunked\r\n\r\n")
        sending = asyncio.create_task(send_on(writer, b"10000\r\n" + b" " * 65536 + b"\r\n", 1 << 40))
        assert await status(reader) == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        async with asyncio.timeout(10):
            await sending


async def test_connections_of_one_address_are_bounded_and_counted_back(node: Node, address: str) -> None:
    known = node.context.bounds
    known.per_address = 3
    async with connected(address) as first, connected(address), connected(address):
        await until(lambda: known.open["127.0.0.1"] == 3)
        async with connected(address) as (reader, _):
            assert await status(reader) == HTTPStatus.SERVICE_UNAVAILABLE
        first[1].close()
        await until(lambda: known.open["127.0.0.1"] == 2)
        async with connected(address) as (reader, writer):
            writer.write(HEAD + b"\r\n")
            assert await status(reader) == HTTPStatus.OK
    await until(lambda: not known.open)


async def websocket(
    address: str, cookie: str, *more: bytes, requests_before: int = 0
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for _ in range(requests_before):
        writer.write(b"HEAD" + HEAD[3:] + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 ")
    head = (
        f"GET /api/v1/live/ws HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nCookie: {cookie}\r\n"
    )
    writer.write(head.encode() + b"".join(more) + b"\r\n")
    return reader, writer


async def cookie_of(address: str) -> str:
    import httpx

    async with httpx.AsyncClient(base_url=f"http://{address}", headers={"Origin": f"http://{address}"}) as client:
        answer = await client.post("/api/v1/session", json={"account": "admin", "password": PASSWORD})
        assert answer.status_code == HTTPStatus.OK, answer.text
        return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


def masked(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A client's frame; its mask is of zeros."""
    return bytes([0x80 * fin | opcode, 0x80 | len(payload)]) + b"\0\0\0\0" + payload


async def test_a_websocket_is_counted_and_its_head_measured(node: Node, address: str) -> None:
    cookie = await cookie_of(address)
    reader, writer = await websocket(address, cookie)
    assert await status(reader) == HTTPStatus.SWITCHING_PROTOCOLS
    await until(lambda: node.context.bounds.open["127.0.0.1"] == 1)
    writer.close()
    await until(lambda: not node.context.bounds.open)
    reader, writer = await websocket(address, cookie, b"X-long: " + b"a" * protocols.HEAD_BYTES + b"\r\n")
    assert await status(reader) == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    writer.close()


@pytest.mark.parametrize("requests_before", [0, 1])
async def test_a_websocket_lives_on_after_the_time_for_a_head(node: Node, address: str, requests_before: int) -> None:
    cookie = await cookie_of(address)
    await until(lambda: not node.context.bounds.open)
    node.context.bounds.head_seconds = 0.2
    reader, writer = await websocket(address, cookie, requests_before=requests_before)
    assert await status(reader) == HTTPStatus.SWITCHING_PROTOCOLS
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(0.6)
    writer.write(masked(9, b"still here?"))
    async with asyncio.timeout(10):
        while (frame := await reader.readexactly(2))[0] != 0x8A:
            assert frame[0] & 0x80, "frames of WebSocket, nothing of HTTP between them"
            await reader.readexactly(
                frame[1] if frame[1] < 126 else int.from_bytes(await reader.readexactly(2 if frame[1] == 126 else 8))
            )
        assert await reader.readexactly(frame[1]) == b"still here?"
    writer.close()


@pytest.mark.parametrize(
    ("first", "then"),
    [(masked(1, fin=False), masked(0, fin=False)), (b"", masked(9, b"x" * 100))],
    ids=["empty fragments", "pings"],
)
async def test_a_websocket_takes_no_endless_message(node: Node, address: str, first: bytes, then: bytes) -> None:
    reader, writer = await websocket(address, await cookie_of(address))
    assert await status(reader) == HTTPStatus.SWITCHING_PROTOCOLS
    writer.write(first)
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    async with asyncio.timeout(20):
        assert await send_on(writer, then * 200, 1 << 30) < 1 << 30
    assert node.context.bounds.refused[HTTPStatus.REQUEST_ENTITY_TOO_LARGE] == 1


async def test_what_is_refused_is_told_on_every_page(node: Node, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    node.context.bounds.per_address = 0
    async with connected(address) as (reader, _):
        assert await status(reader) == HTTPStatus.SERVICE_UNAVAILABLE
    monkeypatch.setattr(bounds, "TELL_SECONDS", 0.02)
    telling = asyncio.create_task(bounds.telling(node.context.bounds, node.context.faults)())
    await until(lambda: bounds.FAULT in node.context.faults)
    assert "most of them from 127.0.0.1" in str(node.context.faults[bounds.FAULT])
    monkeypatch.setattr(bounds, "LATELY_SECONDS", -1.0)
    await until(lambda: bounds.FAULT not in node.context.faults)
    telling.cancel()


def test_a_proxy_speaks_for_many_and_none_takes_more_than_all() -> None:
    found = Bounds(per_address=1, in_all=3, proxies=frozenset({"10.0.0.1"}))
    assert [found.take(one) for one in ("10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3")] == [True, True, True, False]
    found.leave("10.0.0.2")
    assert [found.take("10.0.0.3"), found.open] == [True, {"10.0.0.1": 2, "10.0.0.3": 1}]
