"""`anlan why` on the folder of a node that is stopped: records, log, journal and history as the node left them."""

from __future__ import annotations

import time
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from anlan.cli import _register_rooms, app
from anlan.model.clock import SECOND, ManualClock, isoformat
from anlan.model.errors import NotFound
from anlan.model.frames import NODE_SOURCE, Kind, Part
from anlan.model.readings import Readings
from anlan.monitor.reader import EngineReader
from anlan.node.configuration import engine_config_in_force, open_records
from anlan.node.layout import NodeFolder
from anlan.node.why import explained
from anlan.plant.folder import load
from anlan.plant.versions import import_plant
from anlan.store.history import History
from anlan.store.log import Log
from tests.node.older import of_an_older_release

START = 1_767_225_600 * SECOND
PLANT = """\
plant: {id: works, name: {zh: 示例, en: Works}}
posts: [{id: panel, name: {zh: 内操}}]
places: [{id: U1, name: {zh: 罐区}, post: panel}]
sources: [{id: plc, driver: modbus, name: {zh: 罐区PLC, en: Tank PLC}, host: 127.0.0.1}]
"""
POINTS = """\
id,place,name_zh,kind,unit,source,address,range_low,range_high,H,on_delay,priority,consequence_zh,corrective_action_zh,time_to_respond
LT-1,U1,液位,level,%,plc,hr:0 float32,0,100,80,5,2,溢流,停泵,300
LT-2,U1,液位,level,%,plc,hr:2 float32,0,100,,,,,,
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of a node: LT-1 above 80 from second 10 on."""
    folder, clock = tmp_path_factory.mktemp("works"), ManualClock(START)
    (folder / "plant.yaml").write_text(PLANT, "utf-8")
    (folder / "points.csv").write_text(POINTS, "utf-8")
    node = NodeFolder(folder / "data").prepare()
    records = open_records(node)
    number = import_plant(records, load(folder), author="a", reason="r", clock=clock).numbers.points["LT-1"]
    config = engine_config_in_force(records)
    records.close()
    log = Log.open(node.log, clock)
    reader = EngineReader(log, node.journal, node.snapshots, clock)
    History.open(node.history, incarnation=log.incarnation).close()

    def write(kind: Kind, body: bytes, source: int = NODE_SOURCE, seq: list[int] = [0]) -> None:  # noqa: B006  (counts on)
        log.append([Part(kind, source, 1, seq[0], clock.now(), 1, body)])
        seq[0] += 1

    write(Kind.CONFIG, config.to_bytes())
    reader.start()
    write(Kind.TICK, orjson.dumps({"now": clock.now(), "sources": {"1": "up"}}))
    for second in range(1, 21):
        clock.advance(SECOND)
        write(Kind.READINGS, Readings.of([(number, clock.now(), 85.0 if second >= 10 else 50.0, 0)]).to_bytes(), source=1)
        write(Kind.TICK, orjson.dumps({"now": clock.now(), "sources": {}}))
    deadline = time.monotonic() + 60
    while reader.done < log.last and time.monotonic() < deadline:
        clock.advance(SECOND)  # the engine commits idle progress by its clock
        time.sleep(0.01)
    reader.close()
    log.close()
    return node.root


def test_why_it_stands_as_far_as_the_stopped_node_knew(data: Path) -> None:
    [found] = explained(data, "LT-1.H")
    assert (found.state, found.condition, found.closed) == ("UNACKNOWLEDGED", True, None)
    assert found.at == START + 20 * SECOND
    assert found.sentence["zh"].startswith("08:00:15 报警:85.00 %,达到或高于限值 80.00 %,延时 5 秒已到。")


def test_why_not_at_a_time(data: Path) -> None:
    runner = CliRunner()
    _register_rooms()
    answer = runner.invoke(app, ["why", str(data), "LT-1", "--at", isoformat(START + 12 * SECOND), "--json"], env={"LC_ALL": "C"})
    assert answer.exit_code == 0, answer.output
    told = [orjson.loads(line) for line in answer.output.splitlines()]
    assert (told[0]["alarm"], told[0]["closed"]) == ("LT-1.H", "delay")
    assert told[0]["sentence"]["en"] == "Above 80.00 % for 2 s: the delay of 5 s has not run out."
    shown = runner.invoke(
        app, ["why", str(data), "LT-1.H", "--at", isoformat(START + 12 * SECOND)], env={"LC_ALL": "zh_CN.UTF-8"}
    )
    assert "✗ 报警延时 5 秒,已计 2 秒。" in shown.output


def test_a_folder_that_this_release_has_not_started_yet(data: Path, tmp_path: Path) -> None:
    old = of_an_older_release(data, tmp_path / "old")
    (then,), (now,) = explained(old, "LT-1.H"), explained(data, "LT-1.H")
    assert (then.sentence, [gate.open for gate in then.gates]) == (now.sentence, [gate.open for gate in now.gates])


def test_what_is_not_there_is_said_so(data: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="neither an alarm nor a point LT-9"):
        explained(data, "LT-9")
    with pytest.raises(NotFound, match="does not exist"):
        explained(tmp_path, "LT-1")
