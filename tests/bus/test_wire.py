"""The node's own conversation: order, errors, lost peers, peers that do not read."""

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from anlan.bus.link import Link
from anlan.bus.tasks import end
from anlan.bus.wire import Body, Client, Connection, Head, Server
from anlan.model.errors import LogFull, Unavailable


class Echo:
    """A server whose handlers record the order in which they were entered."""

    def __init__(self, path: Path) -> None:
        self.entered: list[int] = []
        self.peers: list[Connection] = []
        self.server = Server(
            path,
            {
                "echo": self.echo,
                "full": self.full,
                "bug": self.bug,
                "subscribe": self.subscribe,
                "hang": self.hang,
                "named": self.named,
            },
        )
        self.hanging = asyncio.Event()

    async def echo(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        self.entered.append(head["n"])
        await asyncio.sleep(0.001 if head["n"] % 2 else 0)
        return {"n": head["n"]}, body

    async def full(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        raise LogFull("the log is full: {bytes} bytes", bytes=7)

    async def bug(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        raise ZeroDivisionError("a {brace} in the text")

    async def named(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        return {"id": "an id of its own", "n": 7}, b""

    async def hang(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        self.hanging.set()
        await asyncio.Event().wait()
        return {}, b""

    async def subscribe(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        self.peers.append(connection)
        return {}, b""


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[Echo]:
    echo = Echo(tmp_path / "core.sock")
    await echo.server.start()
    yield echo
    await echo.server.close()


async def test_requests_enter_in_order_and_each_gets_its_own_answer(echo: Echo, tmp_path: Path) -> None:
    client = await Client.connect(tmp_path / "core.sock")
    answers = await asyncio.gather(*(client.request("echo", bytes([n]), n=n) for n in range(100)))
    assert [(head["n"], body) for head, body in answers] == [(n, bytes([n])) for n in range(100)]
    assert echo.entered == list(range(100))
    await client.close()


async def test_an_error_comes_back_as_the_same_error_with_its_facts(echo: Echo, tmp_path: Path) -> None:
    client = await Client.connect(tmp_path / "core.sock")
    with pytest.raises(LogFull, match="the log is full: 7 bytes") as caught:
        await client.request("full")
    assert caught.value.facts == {"bytes": 7}
    with pytest.raises(Unavailable, match=r"a \{brace\} in the text"):
        await client.request("bug")
    with pytest.raises(Unavailable, match="no operation fly"):
        await client.request("fly")
    assert (await client.request("echo", n=0))[0]["n"] == 0
    await client.close()


async def test_an_answer_with_an_id_of_its_own_finds_its_asker(echo: Echo, tmp_path: Path) -> None:
    client = await Client.connect(tmp_path / "core.sock")
    async with asyncio.timeout(5):
        assert (await client.request("named"))[0]["n"] == 7
    await client.close()


async def test_a_lost_server_fails_what_waits_instead_of_hanging(echo: Echo, tmp_path: Path) -> None:
    client = await Client.connect(tmp_path / "core.sock")
    waiting = asyncio.ensure_future(client.request("hang"))
    await echo.hanging.wait()
    await echo.server.close()
    with pytest.raises(Unavailable, match="went away"):
        await waiting
    with pytest.raises(Unavailable):
        await client.request("echo", n=2)
    await client.close()


async def test_a_peer_that_does_not_read_is_cut_off_and_memory_stays_bounded(echo: Echo, tmp_path: Path) -> None:
    _, writer = await asyncio.open_unix_connection(str(tmp_path / "core.sock"))
    writer.write(b"\x1d\0\0\0\0\0\0\0" + b'{"op": "subscribe", "id": 1 }')
    async with asyncio.timeout(5):
        while not echo.peers:
            await asyncio.sleep(0.01)
    peer = echo.peers[0]
    peer.most_buffered = 1 << 20
    for _ in range(64):
        peer.tell({"push": "live"}, bytes(1 << 18))
    assert peer.closed
    assert peer.writer.transport.get_write_buffer_size() == 0
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack("<II", 2, 1 << 31),
        struct.pack("<II", 0xFFFFFFFF, 0),
        struct.pack("<II", 40 << 20, 40 << 20),
        struct.pack("<II", 3, 0) + b"not",
        struct.pack("<II", 2, 0) + b"[]",
    ],
)
async def test_what_is_no_message_costs_its_sender_the_connection_and_nobody_else(
    echo: Echo, tmp_path: Path, sent: bytes
) -> None:
    client = await Client.connect(tmp_path / "core.sock")
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "core.sock"))
    with structlog.testing.capture_logs() as told:
        writer.write(sent)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
    writer.close()
    assert [line["log_level"] for line in told] == ["error"]
    assert (await client.request("echo", n=1))[0]["n"] == 1
    await client.close()


@pytest.mark.parametrize("sent", [struct.pack("<II", 2, 1 << 31), struct.pack("<II", 15, 0) + b'{"push": "bug"}'])
async def test_a_link_outlives_what_is_no_message_and_a_bug_in_who_hears(tmp_path: Path, sent: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await reader.read()
        writer.close()

    def hear(head: Head, body: bytes) -> None:
        raise ZeroDivisionError

    changes: list[bool] = []
    server = await asyncio.start_unix_server(answer, str(tmp_path / "core.sock"))
    link = Link(tmp_path / "core.sock", on_push=hear, on_change=changes.append)
    running = asyncio.create_task(link.run())
    async with asyncio.timeout(5):
        while changes.count(False) < 2:
            await asyncio.sleep(0.01)
    await end([running])
    server.close()


async def test_a_link_that_is_ended_while_it_closes_its_connection_ends(echo: Echo, tmp_path: Path) -> None:
    """Whatever moment the cancellation meets."""
    for steps in range(40):
        running = asyncio.create_task(Link(tmp_path / "core.sock").run())
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=2)
        assert done


async def test_a_task_that_loses_a_cancellation_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.bus.tasks.PATIENCE", 0.02)
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while lost < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1

    async def broken() -> None:
        raise ZeroDivisionError

    tasks = [asyncio.create_task(deaf()), asyncio.create_task(broken())]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end(tasks)
    assert all(task.done() for task in tasks)


async def test_a_link_greets_again_after_the_core_came_back(tmp_path: Path) -> None:
    path, greeted, changes = tmp_path / "core.sock", [], []

    async def greet(client: Client) -> None:
        greeted.append((await client.request("echo", n=len(greeted)))[0]["n"])

    link = Link(path, on_connect=greet, on_change=changes.append)
    running = asyncio.ensure_future(link.run())
    with pytest.raises(Unavailable):
        await link.request("echo", n=9)
    for _ in range(2):
        echo = Echo(path)
        await echo.server.start()
        async with asyncio.timeout(5):
            await link.wait_connected()
        assert (await link.request("echo", n=5))[0]["n"] == 5
        await echo.server.close()
        async with asyncio.timeout(5):
            while link.connected:
                await asyncio.sleep(0.01)
    assert greeted == [0, 1]
    assert changes == [True, False, True, False]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
