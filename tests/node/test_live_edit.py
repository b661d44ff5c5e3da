"""A rule edited while a real node runs: in force before the answer, delays of other rules undisturbed, the versions of all processes equal,
differences alarmed, and a start by the same command goes on with the edit."""

from __future__ import annotations

import asyncio
import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from anlan.bus.wire import Client
from anlan.model.clock import SECOND, SystemClock
from anlan.model.frames import Kind
from anlan.node.configuration import bring_into_force, open_records
from anlan.node.layout import NodeFolder
from anlan.node.supervisor import read_processes
from anlan.plant.folder import load
from anlan.plant.master_book import ALARMS
from anlan.store.logreader import LogReader
from tests.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PATIENCE = 200.0

PLANT = """\
plant: {id: works, name: 示例企业}
posts: [{id: panel, name: 内操}]
places: [{id: U100, name: 罐区, post: panel}]
sources: [{id: plc, driver: modbus, host: 127.0.0.1, port: PORT, keep_alive: 2}]
alarms: {stale: none, bad: none}
"""
POINTS = """\
id,place,name_zh,kind,unit,range_low,range_high,source,address,period,H,on_delay,priority,consequence_zh,corrective_action_zh,time_to_respond,safety
LT-1,U100,A,level,%,0,100,plc,hr:0 float32,1,60,25,2,溢流,停泵,600,no
LT-2,U100,B,level,%,0,100,plc,hr:2 float32,1,90,0,3,溢流,停泵,600,no
PT-3,U100,C,pressure,MPaG,0,10,plc,hr:4 float32,1,8,0,1,爆裂,泄压,120,yes
"""
VALUES = {0: 80.0, 2: 70.0, 4: 5.0}
"""LT-1 is above its limit, LT-2 and PT-3 below."""


def until(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := true():
                return found
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {true}")


DEVICE = """\
import asyncio, struct, sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext
try:
    from pymodbus.datastore import ModbusDeviceContext as Slave
except ImportError:
    from pymodbus.datastore import ModbusSlaveContext as Slave
from pymodbus.server import StartAsyncTcpServer
words = []
for value in (80.0, 70.0, 5.0):
    words += list(struct.unpack(">HH", struct.pack(">f", value)))
store = Slave(hr=ModbusSequentialDataBlock(1, words + [0] * 20))
try:
    context = ModbusServerContext(devices=store, single=True)
except TypeError:
    context = ModbusServerContext(slaves=store, single=True)
asyncio.run(StartAsyncTcpServer(context, address=("127.0.0.1", int(sys.argv[1]))))
"""


class Node:
    def __init__(self, folder: Path, ports: int) -> None:
        self.folder, self.works, self.data = folder, folder / "works", folder / "data"
        self.works.mkdir()
        (self.works / "plant.yaml").write_text(PLANT.replace("PORT", str(ports)), "utf-8")
        (self.works / "points.csv").write_text(POINTS, "utf-8")
        self.port = ports + 1
        self.passwords: dict[str, str] = {}
        self.clients: list[httpx.Client] = []
        self.device = subprocess.Popen([sys.executable, "-c", DEVICE, str(ports)])

    def start(self) -> Node:
        output = self.folder / "up.out"
        command = [sys.executable, "-m", "anlan", "up", str(self.works), "--data", str(self.data), "--port", str(self.port)]
        with output.open("wb") as said:
            self.process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, "LANG": "C", "LC_ALL": "C"})

        def address() -> Any:
            assert self.process.poll() is None, output.read_text()
            return re.search(r"Console: (http://\S+)", output.read_text())

        self.address = until(address).group(1)
        found = dict(re.findall(r"^ +(\w+) +([a-z0-9]{4}(?:-[a-z0-9]{4}){3})$", output.read_text(), re.MULTILINE))
        self.passwords |= found
        return self

    def sign_in(self) -> httpx.Client:
        """The first administrator, with an own password."""
        client = httpx.Client(base_url=f"{self.address}/api/v1", timeout=30)
        self.clients.append(client)
        own = "wave-after-wave-9"
        first = self.passwords["admin"]
        answer = client.post("/session", json={"account": "admin", "password": first, "language": "en"})
        if answer.status_code != 200:
            answer = client.post("/session", json={"account": "admin", "password": own, "language": "en"})
        assert answer.status_code == 200, answer.text
        client.headers.update({"X-CSRF-Token": answer.json()["csrf"], "Origin": self.address, "Accept-Language": "en"})
        if client.get("/alarms").status_code == 403:  # the one-time password must be changed first
            changed = client.post("/me/password", json={"old": first, "new": own})
            assert changed.status_code < 300, changed.text
        return client

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "anlan", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "LANG": "C", "LC_ALL": "C"},
            check=False,
        )

    def status(self) -> dict[str, Any]:
        async def ask() -> dict[str, Any]:
            client = await Client.connect(NodeFolder(self.data).socket)
            reply, _ = await client.request("status")
            await client.close()
            return dict(reply)

        return asyncio.run(ask())


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path, free_ports())
    try:
        yield made.start()
    finally:
        if made.process.poll() is None:
            made.stop()
        made.device.kill()
        made.device.wait()


def journal(client: httpx.Client, alarm: str) -> list[dict[str, Any]]:
    return client.get(f"/alarms/{alarm}/journal").json()["items"]  # type: ignore[no-any-return]


def edit(client: httpx.Client, alarm: str, base: int, **change: Any) -> httpx.Response:
    return client.patch(f"/alarms/{alarm}/rule", json={"change": change, "base": base, "reason": "a test of the live edit"})


def test_an_edit_goes_live_and_disturbs_no_running_delay(node: Node) -> None:
    """LT-1 has been above its limit since the first reading; its 25 s run on while LT-2's limit is moved below its value."""
    client = node.sign_in()
    # The delay has run for some seconds, without a gap, when the edit comes.
    until(lambda: node.status()["received"].get("1", 0) > 15)
    assert client.get("/alarms/LT-1.H").json()["state"] == "NORMAL"
    answer = edit(client, "LT-2.H", 1, limit=65)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["version"], [c["text"]["en"] for c in told["changes"]]) == (2, ["alarm LT-2.H: limit 90 → 65"])
    # In force before the answer: the engine runs it, and its CONFIG frame lies before anything that came after.
    status = node.status()
    assert status["engine"]["config"] == 2
    assert client.get("/alarms/LT-2.H").json()["state"] == "UNACKNOWLEDGED" or until(lambda: journal(client, "LT-2.H"), 5)
    raised = until(lambda: journal(client, "LT-1.H"), 40)[-1]
    assert raised["trigger"] == "CONDITION_ON"
    log = LogReader.open(NodeFolder(node.data).log)
    edited = [p.received_at for f in log.read(log.first - 1, 100_000) for p in f.parts if p.kind is Kind.CONFIG][-1]
    log.close()
    # Had the edit begun the delay anew, the alarm could not have come before 25 s after it.
    assert 0 < raised["happened_at"] - edited < 22 * SECOND
    until(lambda: {row["config"] for row in node.status()["loaded"]} == {2})
    assert client.get("/alarms/master/difference").json()["equal"] is True


def test_loosening_a_safety_limit_waits_and_a_stale_base_shows_what_changed(node: Node) -> None:
    client = node.sign_in()
    asked = edit(client, "PT-3.H", 1, limit=8.5)
    assert (asked.status_code, asked.json()["version"], asked.json()["new"]) == (202, 1, False)
    assert [one["en"] for one in asked.json()["request"]["loosened"]] == ["PT-3.H: limit 8.0 → 8.5"]
    assert edit(client, "PT-3.H", 1, limit=7.5).json()["version"] == 2
    stale = edit(client, "LT-2.H", 1, limit=85)
    assert (stale.status_code, stale.json()["code"]) == (409, "base-moved")
    assert [c["text"]["en"] for c in stale.json()["facts"]["changes"]] == ["alarm PT-3.H: limit 8 → 7.5"]
    wrong = edit(client, "LT-2.H", 2, limit=185)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "rule-mistakes")
    assert "outside the range" in wrong.json()["detail"]
    assert edit(client, "LT-2.H", 2, point="LT-1").status_code == 422
    assert client.get("/plant/versions").json()["items"][0]["author"] == "admin"


def test_a_running_configuration_that_is_not_the_approved_one_is_an_alarm(node: Node) -> None:
    """Somebody changes what core runs behind the records: the alarm names it, and stops when the approved version runs again."""
    client = node.sign_in()
    until(lambda: node.status()["configuration"]["differing"] == [])
    from anlan.monitor.compile import EngineConfig, column

    async def tamper() -> None:
        core = await Client.connect(NodeFolder(node.data).socket)
        _, body = await core.request("configuration")
        config = EngineConfig.from_bytes(body)
        ids = config.rule_table["id"].to_pylist()
        limits = column(config.rule_table, "limit").copy()
        limits[ids.index("PT-3.H")] = 9.9
        import dataclasses

        import pyarrow as pa

        at = config.rule_table.schema.get_field_index("limit")
        changed = config.rule_table.set_column(at, config.rule_table.schema.field(at), pa.array(limits))
        await core.request("configure", dataclasses.replace(config, rule_table=changed).to_bytes())
        await core.close()

    asyncio.run(tamper())
    until(lambda: client.get("/alarms/node.configuration.ST").json()["state"] == "UNACKNOWLEDGED", 30)
    found = client.get("/alarms/master/difference").json()
    assert (found["equal"], [(c["id"], c["key"], c["before"], c["after"]) for c in found["changes"]]) == (
        False,
        [("PT-3.H", "limit", 9.9, 8.0)],
    )
    assert node.status()["configuration"]["differing"] == ["PT-3.H"]
    assert client.post("/alarms/master/reapply").status_code == 200
    until(lambda: client.get("/alarms/node.configuration.ST").json()["state"] == "RETURNED_UNACKNOWLEDGED", 30)
    assert client.get("/alarms/master/difference").json()["equal"] is True
    leaves = [leaf for leaf in client.get("/audit").json().get("items", []) if leaf["action"] == "master.difference"]
    assert leaves
    assert "PT-3.H" in orjson.dumps(leaves[0]).decode()


def test_a_file_changed_behind_the_node_is_an_alarm_too(node: Node) -> None:
    client = node.sign_in()
    until(lambda: node.status()["configuration"]["differing"] == [])
    file = NodeFolder(node.data).engine_config
    file.write_bytes(file.read_bytes() + b"\0")
    until(lambda: client.get("/alarms/node.configuration.ST").json()["state"] == "UNACKNOWLEDGED", 30)


def test_a_restart_and_a_killed_core_go_on_with_the_edit(node: Node) -> None:
    client = node.sign_in()
    assert edit(client, "LT-2.H", 1, limit=85).status_code == 200
    core = read_processes(node.data / "run")["children"]["core"]["pid"]
    os.kill(core, signal.SIGKILL)
    until(lambda: read_processes(node.data / "run")["children"]["core"]["pid"] not in (None, core))
    until(lambda: client.get("/alarms/master/difference").json().get("equal"))
    assert node.status()["engine"]["config"] == 2
    node.stop()
    node.start()
    client = node.sign_in()
    assert client.get("/alarms/LT-2.H/rule").json()["rule"]["limit"] == 85
    assert node.status()["engine"]["config"] == 2


def test_workbook_and_folder_go_the_same_way(node: Node, tmp_path: Path) -> None:
    import openpyxl

    client = node.sign_in()
    file = tmp_path / "alarms.xlsx"
    assert node.run("alarms", "export", str(node.data), str(file)).returncode == 0
    book = openpyxl.load_workbook(file)
    sheet = book[ALARMS]
    heads = [c.value for c in sheet[2]]
    row = next(r for r in range(3, sheet.max_row) if sheet.cell(r, 1).value == "LT-2.H")
    sheet.cell(row, heads.index("Limit") + 1).value = 88
    book.save(file)
    shown = node.run("alarms", "import", str(node.data), str(file))
    assert "alarm LT-2.H: limit 90 → 88" in shown.stdout, shown
    preview = client.post(
        "/alarms/master/preview", content=file.read_bytes(), headers={"Content-Type": "application/octet-stream"}
    )
    assert [c["id"] for c in preview.json()["changes"]] == ["LT-2.H"]
    applied = node.run("alarms", "import", str(node.data), str(file), "--apply", "--reason", "HAZOP item 14")
    assert "in force: configuration version 2" in applied.stdout, applied
    assert node.status()["engine"]["config"] == 2
    assert node.run("export", str(tmp_path / "now"), "--data", str(node.data)).returncode == 0
    points = tmp_path / "now" / "points.csv"
    points.write_text(points.read_text("utf-8-sig").replace(",88,", ",87,"), "utf-8")
    done = node.run("plant", "apply", str(tmp_path / "now"), "--data", str(node.data), "--reason", "after the test")
    assert "in force: configuration version 3" in done.stdout, done
    assert client.get("/alarms/LT-2.H/rule").json()["rule"]["limit"] == 87
    assert client.get("/plant/versions").json()["items"][0]["effect"] is None, "a limit alone carries none"
    rows = list(csv.DictReader(points.read_text("utf-8-sig").splitlines()))
    rows[1]["on_delay"] = "7"
    with points.open("w", encoding="utf-8", newline="") as file_:
        writer = csv.DictWriter(file_, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    done = node.run("plant", "apply", str(tmp_path / "now"), "--data", str(node.data), "--reason", "after the test")
    assert re.search(r"replayed from .*: 0 → 0 alarms, 0 missed\nin force: configuration version 4", done.stdout), done
    assert client.get("/plant/versions").json()["items"][0]["effect"]["changes"] == {"LT-2.H": {"on_delay": 7.0}}
    points.write_text(points.read_text("utf-8-sig").replace("hr:2 float32", "hr:0 float32 "), "utf-8")
    refused = node.run("plant", "apply", str(tmp_path / "now"), "--data", str(node.data), "--reason", "another address")
    assert refused.returncode == 2, refused
    points.write_text(points.read_text("utf-8-sig").replace("hr:0 float32 ", "hr:6 float32"), "utf-8")
    done = node.run("plant", "apply", str(tmp_path / "now"), "--data", str(node.data), "--reason", "another address")
    assert "in force: configuration version 5" in done.stdout, done
    until(lambda: {row["config"] for row in node.status()["loaded"]} == {5})
    until(
        lambda: [v["value"] for v in client.get("/live?points=LT-2").json()["items"]] == [0.0], 30
    )  # the other address is read, without a restart
    points.write_text(points.read_text("utf-8-sig").replace("hr:4 float32", "hr:8 float32"), "utf-8")
    waits = node.run("plant", "apply", str(tmp_path / "now"), "--data", str(node.data), "--reason", "the transmitter was moved")
    assert (waits.returncode, "takes two persons: PT-3: address hr:4 float32 → hr:8 float32" in waits.stdout) == (3, True), waits
    assert (node.status()["engine"]["config"], "not in force: request" in waits.stderr) == (5, True)


def test_a_stopped_node_replays_a_workbook_from_its_folder(node: Node, tmp_path: Path) -> None:
    import openpyxl

    client = node.sign_in()
    until(lambda: node.status()["received"].get("1", 0) > 15)
    until(lambda: journal(client, "LT-1.H"), 60)
    until(lambda: node.status()["received"].get("1", 0) > 150, 60)  # three points a second, for more than 30 s
    node.stop()
    file = tmp_path / "alarms.xlsx"
    assert node.run("alarms", "export", str(node.data), str(file)).returncode == 0
    book = openpyxl.load_workbook(file)
    sheet = book[ALARMS]
    column = [c.value for c in sheet[2]].index("On-delay (s)") + 1
    row = next(r for r in range(3, sheet.max_row + 1) if sheet.cell(r, 1).value == "LT-1.H")
    sheet.cell(row, column).value = 590
    book.save(file)
    applied = node.run("alarms", "import", str(node.data), str(file), "--apply", "--reason", "HAZOP item 14")
    # It has stood since 25 s after the first reading; ten minutes it has not.
    assert re.search(r"replayed from .*: 1 → 0 alarms, 0 missed", applied.stdout), applied
    # And so does a start on a changed folder, before the node's processes run.
    now, folder = tmp_path / "now", NodeFolder(node.data)
    assert node.run("export", str(now), "--data", str(node.data)).returncode == 0
    points = now / "points.csv"
    points.write_text(points.read_text("utf-8-sig").replace(",590,", ",30,"), "utf-8")
    records = open_records(folder)
    try:
        effect = bring_into_force(records, folder, now, load(now), SystemClock()).version.effect
    finally:
        records.close()
    assert effect is not None
    assert (effect["changes"], effect["effect"]["before"], effect["effect"]["after"]) == ({"LT-1.H": {"on_delay": 30.0}}, 0, 1)
