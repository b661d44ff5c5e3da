"""A whole node whose disk somebody else fills, down to the last byte and for as long as the round lasts.

A Modbus device is read on; what people would see and do is asked of the console's API as they do it. In each round, while the disk is full:
the node's own fault `node.log` and the source's loss of view become alarms; a level that rises then raises its HIGH, marked as unrecorded;
somebody signs in and acknowledges it; a process that is killed is named with its new number by `anlan status`. Once there is room again all
of that ends by itself, without a restart. `--plant roomy` leaves the disk alone, `--plant mute` the level: the checker must miss an alarm.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson

from anlan.sense.modbus.simulator import ModbusServer
from faults._report import Report, run
from faults._small_disk import Filler, small_disk
from faults.node_kill import free_port

MIB = 1 << 20
DISK = 400 * MIB
READY, TOLD, ENDED = 90.0, 20.0, 60.0
"""Within which the node must be ready, people be told, and all be well again. [s]"""
OWN_PASSWORD = "calm-water-9-holds"

PLANT = """\
plant: {{id: works, name: {{en: Works}}}}
posts: [{{id: panel, name: {{en: Panel}}}}]
places: [{{id: U1, name: {{en: Unit}}, post: panel}}]
sources:
  - {{id: plc, driver: modbus, host: 127.0.0.1, port: {port}, keep_alive: 1}}
"""
POINTS = """\
id,place,name_en,kind,unit,source,address,reporting,period,stale_after,H,priority,time_to_respond,post,consequence_en,corrective_action_en
LT-1,U1,Level,level,%,plc,hr:0 float32,cyclic,0.5,30,80,2,600,panel,Overflows,Stop the pump
PT-1,U1,Pressure,pressure,kPaG,plc,hr:2 float32,cyclic,0.5,30,,,,,,
"""


def main() -> int:
    return run("node_disk_full", play, rounds=3, bugs=["roomy", "mute"])


def play(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    with small_disk(DISK) as disk, tempfile.TemporaryDirectory(prefix="anlan-disk-full-") as folder:
        asyncio.run(Play(Path(folder), disk, report, args.plant, args.rounds).run())


@dataclass
class Play:
    folder: Path
    disk: Path
    report: Report
    bug: str | None
    rounds: int

    async def run(self) -> None:
        self.device = ModbusServer()
        self.set_level(50.0)
        await self.device.start()
        (self.folder / "plant.yaml").write_text(PLANT.format(port=self.device.port), "utf-8")
        (self.folder / "points.csv").write_text(POINTS, "utf-8")
        self.address = f"http://127.0.0.1:{free_port()}"
        try:
            await self.start_node()
            for _ in range(self.rounds):
                await self.round()
                self.report.rounds += 1
            self.up.terminate()
            await asyncio.wait_for(self.up.wait(), 40)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.up.pid, signal.SIGKILL)
            await self.device.stop()

    def set_level(self, percent: float) -> None:
        self.device.set("hr:0 float32", percent)
        self.device.set("hr:2 float32", 101.3)

    # ---- the node and its people

    async def start_node(self) -> None:
        told = self.folder / "up.log"
        port = self.address.rpartition(":")[2]
        command = [sys.executable, "-m", "anlan", "up", str(self.folder), "--data", str(self.disk / "data"), "--port", port]
        environment = {**os.environ, "LANG": "C", "LC_ALL": "C"}
        with told.open("ab") as file:
            self.up = await asyncio.create_subprocess_exec(
                *command, stdout=file, stderr=file, start_new_session=True, env=environment
            )
        if not await self.holds(lambda: _true("Console: http" in told.read_text("utf-8")), READY):
            raise RuntimeError(f"the node is not ready after {READY} s: {told.read_text('utf-8')[-2000:]}")
        first = re.findall(r"^ +admin +(\S+)$", told.read_text("utf-8"), re.MULTILINE)[0]
        async with aclosing(await self.signed_in("admin", first)) as admin:
            await self.own_password(admin, first)
            body = {
                "account": "operator",
                "name": {"zh": "李卫", "en": "Li Wei"},
                "held": [{"role": "inside_operator", "post": "panel"}],
            }
            made = (await admin.post("/people", json=body)).raise_for_status().json()
        async with aclosing(await self.signed_in("operator", made["one_time_password"])) as operator:
            await self.own_password(operator, made["one_time_password"])
        self.operator = await self.signed_in("operator", OWN_PASSWORD)

    @staticmethod
    async def own_password(person: httpx.AsyncClient, first: str) -> None:
        (await person.post("/me/password", json={"old": first, "new": OWN_PASSWORD})).raise_for_status()

    async def signed_in(self, account: str, password: str) -> httpx.AsyncClient:
        """Somebody at a console. Raises httpx.HTTPError when the node does not let them in."""
        client = httpx.AsyncClient(base_url=f"{self.address}/api/v1", timeout=15, headers={"Origin": self.address})
        answer = (
            await client.post("/session", json={"account": account, "password": password, "language": "en"})
        ).raise_for_status()
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return client

    # ---- one round

    async def round(self) -> None:
        self.set_level(50.0)
        await self.must(self.quiet, ENDED, "an alarm stands before the disk is full")
        filler = Filler(self.disk)
        if self.bug != "roomy":
            filler.start()
        try:
            await self.while_full()
        finally:
            if self.bug != "roomy":
                filler.stop()
        self.set_level(50.0)
        await self.must(self.recovered, ENDED, "the alarms of the full disk have not ended by themselves")

    async def while_full(self) -> None:
        await self.must(lambda: self.stands("node.log.ST"), TOLD, "the node does not tell that its disk is full")
        await self.must(lambda: self.stands("plc.VIEW"), TOLD, "nobody is told that the source's readings are refused")
        if self.bug != "mute":
            self.set_level(90.0)
        begun = time.monotonic()
        await self.must(lambda: self.stands("LT-1.H"), TOLD, "a high level is not told")
        print(f"high level told after {time.monotonic() - begun:.2f} s", file=sys.stderr)
        high = await self.row("LT-1.H")
        if high is not None and not high["unrecorded"]:
            self.report.violation("a decision on a refused reading is not marked as unrecorded")
        try:
            await self.acknowledge_in_a_new_session()
        except httpx.HTTPError as refused:
            answer = getattr(refused, "response", None)
            self.report.violation(f"signing in or acknowledging failed: {refused} {answer.text if answer is not None else ''}")
        await self.kill_sense()

    async def acknowledge_in_a_new_session(self) -> None:
        async with aclosing(await self.signed_in("operator", OWN_PASSWORD)) as person:
            row = await self.row("LT-1.H")
            if row is None:
                return
            body = {"episode": row["episode"], "priority": row["priority"], "reason": ""}
            answer = (await person.post("/alarms/LT-1.H/acknowledge", json=body)).raise_for_status().json()
        if not answer["accepted"]:
            self.report.violation(f"the acknowledgement was refused: {answer}")
        await self.must(self.acknowledged, TOLD, "the acknowledgement does not show")
        self.report.acknowledged += 1

    async def kill_sense(self) -> None:
        before = (await self.processes())["sense"]["pid"]
        os.kill(before, signal.SIGKILL)

        async def named() -> bool:
            now = (await self.processes())["sense"]["pid"]
            return now not in {before, None} and _is_alive(now)

        await self.must(named, TOLD, "the status does not name the new process", alarm=False)

    async def processes(self) -> dict[str, Any]:
        command = [sys.executable, "-m", "anlan", "status", "--data", str(self.disk / "data"), "--json"]
        asked = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        return dict(orjson.loads((await asked.communicate())[0])["processes"]["children"])

    # ---- what people see

    async def alarms(self) -> dict[str, dict[str, Any]]:
        answer = (await self.operator.get("/alarms")).raise_for_status().json()
        return {row["id"]: row for row in answer["items"]}

    async def row(self, alarm: str) -> dict[str, Any] | None:
        with suppress(httpx.HTTPError):
            return (await self.alarms()).get(alarm)
        return None

    async def stands(self, alarm: str) -> bool:
        return alarm in await self.alarms()

    async def acknowledged(self) -> bool:
        return (await self.alarms())["LT-1.H"]["state"] == "ACKNOWLEDGED"

    async def quiet(self) -> bool:
        return not {"LT-1.H", "plc.VIEW", "node.log.ST"} & set(await self.active())

    async def recovered(self) -> bool:
        live = (await self.operator.get("/live")).raise_for_status().json()["items"]
        read = any(row["point"] == "LT-1" and row["value"] == 50.0 for row in live)
        return read and not await self.active()

    async def active(self) -> list[str]:
        """Alarms whose condition holds."""
        return [alarm for alarm, row in (await self.alarms()).items() if row["state"] in {"UNACKNOWLEDGED", "ACKNOWLEDGED"}]

    async def must(self, true: Callable[[], Awaitable[bool]], within: float, otherwise: str, *, alarm: bool = True) -> None:
        if await self.holds(true, within):
            return
        self.report.missed_alarms += alarm
        self.report.violation(f"{otherwise} (within {within:.0f} s)")

    @staticmethod
    async def holds(true: Callable[[], Awaitable[bool]], within: float) -> bool:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError, KeyError, OSError, orjson.JSONDecodeError):
                if await true():
                    return True
            await asyncio.sleep(0.1)
        return False


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def _true(found: bool) -> bool:
    return found


if __name__ == "__main__":
    sys.exit(main())
