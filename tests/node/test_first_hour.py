"""The first hour, as real processes: an empty node, a server found, browsed and added at the console, a value that arrives, an alarm that raises."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from anlan.node.supervisor import read_processes
from anlan.sense.modbus.simulator import ModbusServer
from anlan.sense.opcua.simulator import OpcUaServer
from tests.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PATIENCE = 120.0


async def until(true: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                if found := await true():
                    return found
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)


@pytest.fixture
async def server() -> AsyncIterator[OpcUaServer]:
    server = OpcUaServer()
    server.add("Tanks/V101/Level", "Double", 81.5, unit="%", range=(0, 100), description="储罐液位")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def said(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Tells what a node has said that `anlan init` and `anlan up` have just made."""
    environment = {**os.environ, "LANG": "C", "LC_ALL": "C"}
    anlan, works, output = [sys.executable, "-m", "anlan"], str(tmp_path / "works"), tmp_path / "up.out"
    subprocess.run([*anlan, "init", works, "--name", "示例企业"], check=True, env=environment, capture_output=True)
    command = [*anlan, "up", works, "--data", str(tmp_path / "data"), "--port", str(free_ports())]
    with output.open("wb") as file:
        node = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    yield partial(output.read_text, "utf-8")
    node.send_signal(signal.SIGTERM)
    node.wait(60)


@pytest.fixture
async def console(said: Callable[[], str]) -> AsyncIterator[httpx.AsyncClient]:
    """The first administrator, with an own password."""

    async def address() -> Any:
        return re.search(r"Console: (http://\S+)", said())

    where = (await until(address)).group(1)
    first = re.findall(r"^ +admin +(\S+)$", said(), re.MULTILINE)[0]
    async with httpx.AsyncClient(base_url=f"{where}/api/v1", timeout=60) as client:
        opened = await client.post("/session", json={"account": "admin", "password": first, "language": "en"})
        client.headers.update({"X-CSRF-Token": opened.json()["csrf"], "Origin": where, "Accept-Language": "en"})
        await client.post("/me/password", json={"old": first, "new": "wave-after-wave-9"})
        yield client


def pids(folder: Path) -> dict[str, int]:
    return {name: child["pid"] for name, child in read_processes(folder / "data" / "run")["children"].items()}


async def test_from_nothing_to_the_first_alarm(console: httpx.AsyncClient, server: OpcUaServer, tmp_path: Path) -> None:
    async def look(what: str, **body: Any) -> dict[str, Any]:
        return dict((await console.post(f"/devices/{what}", json=body)).raise_for_status().json())

    before = pids(tmp_path)
    assert [one["security"] for one in (await look("opcua/endpoints", url=server.url))["endpoints"]] == ["none"]
    level: dict[str, Any] = {"node": ""}
    for step in ("Tanks", "V101", "Level"):
        told = await look("opcua/browse", url=server.url, security="none", node=level["node"])
        level = next(item for item in told["items"] if item["name"] in {step, "储罐液位"})
    assert (level["value"], level["readable"]) == (81.5, True)

    point = level["row"] | {"id": "LT-101", "place": "U100", "kind": "level", "source": "dcs"}
    addition = {
        "places": [{"path": "U100", "name": {"zh": "罐区"}, "post": "panel"}],
        "source": {"id": "dcs", "driver": "opcua", "options": {"url": server.url, "security": "none"}},
        "points": [point | {"unit": "degX"}],
    }
    wrong = (await console.post("/plant/additions/preview", json=addition)).json()
    assert [(one["row"], one["column"]) for one in wrong["problems"] if one["fatal"]] == [(0, "unit")]
    addition["points"] = [point]
    seen = (await console.post("/plant/additions/preview", json=addition)).json()
    assert (seen["fatal"], {c["what"] for c in seen["changes"]}) == (False, {"place", "source", "point"})
    body = addition | {"base": seen["version"], "reason": "first source"}
    key = {"Idempotency-Key": "first"}
    made = [(await console.post("/plant/additions", json=body, headers=key)).raise_for_status().json() for _ in range(2)]
    assert [one["version"] for one in made] == [2, 2]

    async def value() -> Any:
        items = (await console.get("/live")).json()["items"]
        return next((row["value"] for row in items if row["point"] == "LT-101"), None)

    assert await until(value) == 81.5
    limit = {
        "id": "LT-101",
        "H": "80",
        "priority": "2",
        "consequence_zh": "溢流",
        "corrective_action_zh": "停泵",
        "time_to_respond": "300",
    }
    body = {"limits": [limit], "base": 2, "reason": "first limit"}
    assert (await console.post("/plant/additions", json=body)).raise_for_status().json()["version"] == 3

    async def standing() -> Any:
        return [row for row in (await console.get("/alarms")).json()["items"] if row["id"] == "LT-101.H"]

    assert (await until(standing))[0]["priority"] == 2

    tank = ModbusServer()
    tank.set("hr:0 float32", 12.5)
    await tank.start()
    try:
        row = {
            "id": "PT-102",
            "place": "U100",
            "name_zh": "压力",
            "kind": "pressure",
            "unit": "kPaG",
            "source": "plc",
            "address": "hr:0 float32",
        }
        source = {"id": "plc", "driver": "modbus", "options": {"host": tank.host, "port": tank.port}}
        body = {"source": source, "points": [row], "base": 3, "reason": "second source"}
        (await console.post("/plant/additions", json=body)).raise_for_status()
        await until(lambda: _has(console, "PT-102", 12.5))
    finally:
        await tank.stop()
    assert pids(tmp_path) == before, "nothing was restarted"
    assert server.recording.counts["CreateSubscription"] == 1, "the first source ran on while the second one was added"
    leaves = (await console.get("/audit")).json()["items"]
    assert {"source.look", "source.configure"} <= {leaf["action"] for leaf in leaves}


async def _has(console: httpx.AsyncClient, point: str, value: float) -> bool:
    items = (await console.get("/live")).json()["items"]
    return any(row["point"] == point and row["value"] == value for row in items)
