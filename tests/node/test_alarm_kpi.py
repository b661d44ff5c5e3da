"""`anlan alarms kpi` over the data folder of a node that does not run: the same figures as the measures themselves."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest
from typer.testing import CliRunner

from anlan.model.clock import MINUTE, SECOND, ManualClock, isoformat
from anlan.model.errors import InputError, NotFound
from anlan.model.events.alarms import AlarmState, Trigger
from anlan.monitor.journal import Journal
from anlan.node.alarm_kpi import read_report
from anlan.node.configuration import bring_into_force, open_records, view_in_force
from anlan.node.layout import NodeFolder
from anlan.plant.folder import load
from tests.node.older import of_an_older_release

DEMO = Path(str(files("anlan.sense.demo") / "plant"))
START = 1_767_225_600 * SECOND
TIMES = 12
ALARM = "PI-101.H"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo plant in force; PI-101.H came and went twelve times, ten seconds apart, and was acknowledged after five."""
    folder = NodeFolder(tmp_path_factory.mktemp("node")).prepare()
    records = open_records(folder)
    bring_into_force(records, folder, DEMO, load(DEMO), ManualClock())
    number = view_in_force(records).rule_numbers[ALARM]
    records.close()
    Journal.open(folder.journal).close()
    states = AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED
    steps = [
        (Trigger.CONDITION_ON, *states[:2], 0),
        (Trigger.ACKNOWLEDGE, *states[1:], 5),
        (Trigger.CONDITION_OFF, states[2], states[0], 8),
    ]
    rows = [
        (START + (10 * i + after) * SECOND, trigger, before, to) for i in range(TIMES) for trigger, before, to, after in steps
    ]
    with apsw.Connection(str(folder.journal)) as db:
        db.executemany(
            "INSERT INTO transition VALUES (?,1,?,1,?,?,?,?,?,0.0,0,NULL,'','','','',0)",
            ((n, number, int(trigger), int(before), int(to), at, at) for n, (at, trigger, before, to) in enumerate(rows, 1)),
        )
    return folder.root


def run(*arguments: str, language: str = "C") -> Any:
    from anlan.cli import app
    from anlan.node.alarm_kpi import register

    if not any(group.name == "alarms" for group in app.registered_groups):
        register(app)
    return CliRunner().invoke(app, ["alarms", "kpi", *arguments], env={"LC_ALL": language, "COLUMNS": "200"})


SPAN = ("--from", isoformat(START), "--to", isoformat(START + 60 * MINUTE))


def test_the_report_as_json(data: Path) -> None:
    told = run(str(data), *SPAN, "--json")
    assert told.exit_code == 0, told.output
    report = orjson.loads(told.output)
    figures = report["whole"]["figures"]
    assert (figures["rate.count"], figures["flood.count"], figures["rate.peak_10_min_any"]) == (TIMES, 1, TIMES)
    assert (figures["acknowledge.median"], figures["respond.longest"], figures["acknowledge.never"]) == (5.0, 8.0, 0)
    (actor,) = report["whole"]["actors"]
    assert (actor["id"], actor["index"], actor["priority"]) == (ALARM, pytest.approx(0.1), 2)
    posts = {one["post"]: one["figures"]["rate.count"] for one in report["posts"]}
    assert posts.pop(actor["post"]) == TIMES
    assert set(posts.values()) == {0}


def test_one_post_and_the_guide_values_as_a_table_in_both_languages(data: Path) -> None:
    report = orjson.loads(run(str(data), *SPAN, "--json").output)
    post = report["whole"]["actors"][0]["post"]
    english, chinese = run(str(data), *SPAN, "--post", post), run(str(data), *SPAN, "--post", post, language="zh_CN.UTF-8")
    assert english.exit_code == chinese.exit_code == 0, english.output
    assert "most in any 10 min" in english.output
    assert "≤ 10 ISA-18.2-2016*" in english.output
    assert "not read in the standard's own text" in english.output
    assert "任意连续 10 分钟最多" in chinese.output
    assert "未核对原文" in chinese.output
    assert f"{ALARM} {TIMES}" in chinese.output
    assert not any(word in chinese.output for word in ("合格", "达标", "正常", "符合"))


def test_a_folder_that_this_release_has_not_started_yet(data: Path, tmp_path: Path) -> None:
    old = of_an_older_release(data, tmp_path / "old")
    told, now = (orjson.loads(run(str(folder), *SPAN, "--json").stdout) for folder in (old, data))
    assert told["whole"]["actors"] == now["whole"]["actors"]


def test_what_is_wrong_is_said(data: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_report(tmp_path)
    with pytest.raises(NotFound):
        read_report(data, post="nowhere")
    with pytest.raises(InputError, match="shift"):
        read_report(data, window="year")
    with pytest.raises(InputError):
        read_report(data, start="1")


def test_the_journal_is_only_read(data: Path) -> None:
    before = (data / "alarms.db").read_bytes()
    assert read_report(data)["whole"]["figures"]["rate.count"] == 0, "nothing in the last 30 days"
    assert (data / "alarms.db").read_bytes() == before
