"""A node's folder may lie as deep as anyone likes, though a socket's path may not be long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anlan.bus.address import LONGEST, address
from anlan.bus.wire import Body, Client, Connection, Head, Server
from anlan.model.errors import Unavailable


def deep(tmp_path: Path, length: int) -> Path:
    """A path of exactly `length` bytes."""
    rest = length - len(os.fsencode(tmp_path)) - len("//core.sock")
    return tmp_path / "深" / ("d" * (rest - len("深".encode()) - 1)) / "core.sock"


@pytest.mark.parametrize("length", [LONGEST - 1, LONGEST, LONGEST + 1, LONGEST + 120])
async def test_a_deep_folder_is_served_and_reached(tmp_path: Path, length: int) -> None:
    async def echo(connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        return {"n": head["n"]}, body

    path = deep(tmp_path, length)
    assert len(os.fsencode(path)) == length
    server = Server(path, {"echo": echo})
    await server.start()
    client = await Client.connect(path)
    head, body = await client.request("echo", b"body", n=7)
    assert (head["n"], body) == (7, b"body")
    assert path.is_socket()
    await client.close()
    await server.close()


async def test_a_deep_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = deep(tmp_path, LONGEST + 50)
    with pytest.raises(Unavailable, match=r"core\.sock"):
        await Client.connect(path)


def test_the_folder_is_held_open_only_as_long_as_it_is_needed(tmp_path: Path) -> None:
    path = deep(tmp_path, LONGEST + 50)
    path.parent.mkdir(parents=True)
    before = set(Path("/proc/self/fd").iterdir())
    with address(path) as reachable:
        assert len(reachable) <= LONGEST
    assert set(Path("/proc/self/fd").iterdir()) == before
