"""What is pushed: events that resume, values encoded once for many, the console's socket. Over a real port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import orjson
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from anlan.model.errors import StoreError

PASSWORD = "calm-waters-42"


@contextlib.asynccontextmanager
async def signed_in(address: str, account: str = "gas") -> AsyncIterator[httpx.AsyncClient]:
    base = f"http://{address}"
    async with httpx.AsyncClient(base_url=base, headers={"Origin": base}, timeout=10) as client:
        answer = await client.post("/api/v1/session", json={"account": account, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield client


@contextlib.asynccontextmanager
async def console_socket(address: str, client: httpx.AsyncClient) -> AsyncIterator[ClientConnection]:
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    headers = {"Cookie": cookie, "Origin": f"http://{address}"}
    async with websockets.connect(f"ws://{address}/api/v1/live/ws", additional_headers=headers) as socket:
        yield socket


class Events:
    """Server-sent events as they come: (kind, id, data)."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def next(self) -> tuple[str, str, Any]:
        found: dict[str, str] = {}
        async with asyncio.timeout(10):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if line and name:
                    found[name] = value
                elif "data" in found:
                    return found.get("event", ""), found.get("id", ""), orjson.loads(found["data"])
        raise AssertionError("the stream ended")


async def frame_with(socket: ClientConnection, wanted: Callable[[Any], bool]) -> Any:
    """The next frame that has what is wanted."""
    async with asyncio.timeout(10):
        while True:
            frame = orjson.loads(await socket.recv())
            if wanted(frame):
                return frame


async def test_events_come_as_they_are_decided_and_resume_where_one_left(node: Any, address: str) -> None:
    async with signed_in(address) as client:
        async with client.stream("GET", "/api/v1/events") as answer:
            events = Events(answer)
            assert (await events.next())[0] == "position"
            node.feed("AT-203", 0.7)
            await node.settle()
            kind, position, row = await events.next()
            assert (kind, row["id"], row["after"]) == ("transition", "AT-203.H", "UNACKNOWLEDGED")
        node.feed("AT-203", 2.0)
        node.feed("LT-301", 85.0)
        await node.settle()
        async with client.stream("GET", "/api/v1/events", headers={"Last-Event-ID": position}) as answer:
            events = Events(answer)
            await events.next()
            told = [(await events.next())[2] for _ in range(2)]
        assert [row["id"] for row in told] == ["AT-203.HH", "LT-301.H"]
        assert [row["n"] for row in told] == [2, 3]


async def test_a_reader_far_behind_reads_from_the_journal(node: Any, address: str) -> None:
    from anlan.monitor.service import AlarmService

    for value in (0.7, 0.1, 0.7, 0.1):
        node.feed("AT-203", value)
    await node.settle()
    AlarmService.of(node.context).board._recent.clear()
    async with signed_in(address) as client, client.stream("GET", "/api/v1/events?after=0") as answer:
        events = Events(answer)
        await events.next()
        assert [(await events.next())[2]["n"] for _ in range(4)] == [1, 2, 3, 4]


async def test_live_values_first_all_then_what_moved(node: Any, address: str) -> None:
    node.feed("AT-203", 0.1)
    async with signed_in(address) as client, client.stream("GET", "/api/v1/live/stream?points=AT-203,LT-301") as answer:
        events = Events(answer)
        first = (await events.next())[2]
        assert {row[0]: row[2] for row in first["v"]} == {"AT-203": 0.1, "LT-301": None}
        node.feed("LT-301", 55.0)
        assert [row[:3:2] for row in (await events.next())[2]["v"]] == [["LT-301", 55.0]]


async def test_the_console_socket_tells_everything_that_moves(node: Any, address: str) -> None:
    node.feed("AT-203", 0.1)
    async with signed_in(address) as client, console_socket(address, client) as socket:
        first = await frame_with(socket, lambda f: "a" in f)
        assert (first["a"], first["whole"]) == ([], True)
        await socket.send('{"points": ["AT-203", "NO-SUCH"]}')
        frame = await frame_with(socket, lambda f: "v" in f)
        assert [row[0] for row in frame["v"]] == ["AT-203"]
        node.feed("AT-203", 0.7)
        await node.settle()
        alarm = (await frame_with(socket, lambda f: "a" in f))["a"][0]
        assert (alarm["id"], alarm["state"]) == ("AT-203.H", "UNACKNOWLEDGED")
        node.context.sources[1].state = "down"
        node.context.sources_moved.ring()
        assert (await frame_with(socket, lambda f: "s" in f))["s"][0]["state"] == "down"
        node.clock.advance(2_000_000)
        summary = (await frame_with(socket, lambda f: "sum" in f))["sum"]
        assert summary["whole"]["of"] == 2


async def test_a_fault_of_the_node_is_told_in_the_persons_language_until_it_is_mended(node: Any, address: str) -> None:
    from anlan.web.faults import compare_versions

    async with signed_in(address) as client, console_socket(address, client) as socket:
        assert (await frame_with(socket, lambda f: "f" in f))["f"] == []
        compare_versions(node.context, 2)
        told = (await frame_with(socket, lambda f: "f" in f))["f"]
        assert len(told) == 1
        assert told[0].startswith("引擎运行的是组态版本 2,本操作台显示的是版本 1")
        compare_versions(node.context, 1)
        assert (await frame_with(socket, lambda f: "f" in f))["f"] == []
        compare_versions(node.context, 0)
        assert not node.context.faults, "an engine that runs nothing yet differs from nothing"


async def test_a_quiet_plant_still_sends_a_frame_a_second(node: Any, address: str) -> None:
    async with signed_in(address) as client, console_socket(address, client) as socket:
        frames = [orjson.loads(await asyncio.wait_for(socket.recv(), 2)) for _ in range(3)]
        assert all(frame["t"] == node.clock.now() for frame in frames)


@pytest.mark.parametrize("message", ["", "[]", "{}", '{"points": 3}', "{"])
async def test_what_the_socket_does_not_understand_ends_it(address: str, message: str) -> None:
    async with signed_in(address) as client, console_socket(address, client) as socket:
        await socket.send(message)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await frame_with(socket, lambda f: False)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("headers", [{}, {"Cookie": "anlan=made-up"}])
async def test_a_stranger_hears_only_that_nobody_is_signed_in(address: str, headers: dict[str, str]) -> None:
    async with websockets.connect(f"ws://{address}/api/v1/live/ws", additional_headers=headers) as socket:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "not-signed-in")


async def test_a_foreign_page_gets_no_socket(address: str) -> None:
    async with signed_in(address) as client:
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        headers = {"Cookie": cookie, "Origin": "http://elsewhere"}
        with pytest.raises(websockets.InvalidStatus):
            async with websockets.connect(f"ws://{address}/api/v1/live/ws", additional_headers=headers):
                pass


async def test_a_person_without_the_right_gets_no_socket(address: str) -> None:
    async with signed_in(address, "guest") as client:
        with pytest.raises((websockets.InvalidStatus, websockets.ConnectionClosed)):
            async with console_socket(address, client) as socket:
                await socket.recv()


async def test_signing_out_ends_the_socket(node: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.monitor.console_socket.CHECK_SESSION", 0.0)
    async with signed_in(address) as client, console_socket(address, client) as socket:
        await socket.recv()
        await client.delete("/api/v1/session")
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await frame_with(socket, lambda f: False)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


async def test_a_change_is_encoded_once_for_all_viewers(node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from anlan.web import fanout

    encoded: list[Any] = []

    def counting(row: Any) -> bytes:
        encoded.append(row)
        return orjson.dumps(row)

    monkeypatch.setattr(fanout, "dumps", counting)
    hub = node.context.fanout
    pacing = asyncio.create_task(hub.run())
    viewers = [hub.frames(hub.number_set([1, 2])) for _ in range(50)]
    await asyncio.gather(*(anext(viewer) for viewer in viewers))
    encoded.clear()
    waiting = [asyncio.create_task(anext(viewer)) for viewer in viewers]
    await asyncio.sleep(0)
    node.feed("AT-203", 0.3)
    told = await asyncio.wait_for(asyncio.gather(*waiting), 5)
    assert len({rows for _, rows in told}) == 1
    assert len(encoded) == 1
    pacing.cancel()


def test_what_moves_between_two_viewers_of_one_frame_is_lost_to_neither(node: Any) -> None:
    hub = node.context.fanout
    both = hub.number_set([1, 2])
    node.feed("AT-203", 0.1)
    seen = node.context.live.tick - 1
    first = hub.rows_since(both, seen)
    node.feed("LT-301", 50.0)
    second = hub.rows_since(both, seen)
    assert [row[0] for row in orjson.loads(b"[" + first + b"]")] == ["AT-203"]
    assert [row[0] for row in orjson.loads(b"[" + second + b"]")] == ["AT-203", "LT-301"]


async def test_a_sources_rate_is_told_without_being_asked(node: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.sense.service.TELL_SECONDS", 0.01)
    node.feed("AT-203", 0.1)
    async with signed_in(address) as client, console_socket(address, client) as socket:
        await frame_with(socket, lambda f: "s" in f)
        for value in (0.2, 0.3, 0.4):
            node.feed("AT-203", value)
        row = (await frame_with(socket, lambda f: "s" in f and f["s"][0]["readings"] == 4))["s"][0]
        assert row["rate"] == pytest.approx(1.0)


async def test_values_come_on_while_nobody_knows_how_many_requests_wait(node: Any, address: str) -> None:
    """A count in the navigation takes no picture of the plant away."""

    async def broken(_: Any) -> int:
        raise StoreError("{file} cannot be read", file="records.db")

    node.context.extras["requests.waiting"] = broken
    async with signed_in(address) as client, console_socket(address, client) as socket:
        await socket.send('{"points": ["AT-203"]}')
        assert (await frame_with(socket, lambda f: "rq" in f))["rq"] is None
        node.feed("AT-203", 0.7)
        await node.settle()
        await frame_with(socket, lambda f: any(row[2] == 0.7 for row in f.get("v", [])))
