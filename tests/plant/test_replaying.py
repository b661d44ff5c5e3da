"""`anlan replay`: files of every form, what is wrong in them, other rules, incidents, and the same bytes every time."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from works import gas, line, write

from anlan.model.clock import ManualClock
from anlan.model.errors import ConfigError, InputError
from anlan.model.instants import LATEST
from anlan.model.quality import Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.monitor.reading_export import as_parquet
from anlan.monitor.units_then import Stretch
from anlan.plant.description import Plant
from anlan.plant.folder import load
from anlan.plant.numbers import in_memory
from anlan.plant.replaying import recording
from anlan.plant.replaying.incidents import read_incidents
from anlan.plant.replaying.recording import NOTHING, Kept, Merged, Sorted, Stream, Tally, merged, open_recording
from anlan.plant.replaying.report import Report
from anlan.plant.replaying.rules import RuleMistakes, other_rules, with_changes
from anlan.plant.replaying.run import Outcome, ToldTransition, Wish, run

sys.path.insert(0, str(Path(__file__).parent))
from recordings import START, iso, long_csv, parquet

SECOND = 1_000_000
POINTS = {"LT-101": 1, "AT-1": 2}
ROWS = [(0.0, "LT-101", 50.0), (1.0, "LT-101", 81.0), (2.0, "LT-101", 82.5), (3.0, "LT-101", 70.0)]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return load(write(tmp_path / "works", line(), gas("20")))


def read(file: Path, folder: Path, *, skip: bool = False) -> tuple[list[tuple[int, float, float, int]], Tally]:
    tally = Tally()
    stream = open_recording(file, POINTS, tally, folder, skip=skip)
    rows = Readings.concat([NOTHING, *(stream.readings() if stream is not None else [])])
    return [
        (int(p), round(int(t) / SECOND - START, 6), float(v), int(q))
        for p, t, v, q in zip(rows.point, rows.time, rows.value, rows.quality, strict=True)
    ], tally


def text(tmp_path: Path, content: str, name: str = "x.csv") -> Path:
    (tmp_path / name).write_text(content, "utf-8")
    return tmp_path / name


# --------------------------------------------------------------------------------------------------------------- the files

EXPECTED = [(1, 0.0, 50.0, 0), (1, 1.0, 81.0, 0), (1, 2.0, 82.5, 0), (1, 3.0, 70.0, 0)]


def test_every_form_says_the_same(tmp_path: Path) -> None:
    wide = text(tmp_path, "Time,LT-101,AT-1\n" + "".join(f"{iso(at)},{v},\n" for at, _, v in ROWS), "wide.csv")
    chinese = tmp_path / "zh.csv"
    chinese.write_bytes(("时间,位号,数值\n" + "".join(f"{iso(at)},{p},{v}\n" for at, p, v in ROWS)).encode("gb18030"))
    files = [
        long_csv(tmp_path / "a.csv", ROWS),
        long_csv(tmp_path / "a.csv.gz", ROWS),
        parquet(tmp_path / "a.parquet", ROWS),
        wide,
        chinese,
    ]
    for file in files:
        assert read(file, tmp_path)[0] == EXPECTED


@pytest.mark.parametrize(
    "stamps",
    [
        ["1767225600", "1767225601", "1767225602", "1767225603"],
        ["1767225600.0", "1767225601.0", "1767225602.0", "1767225603.0"],
        ["1767225600000", "1767225601000", "1767225602000", "1767225603000"],
        ["1767225600000000", "1767225601000000", "1767225602000000", "1767225603000000"],
        ["2026-01-01T08:00:00+08:00", "2026-01-01 08:00:01+0800", "2026-01-01T00:00:02.000000000Z", "2026-01-01T00:00:03Z"],
    ],
)
def test_times_of_every_kind(tmp_path: Path, stamps: list[str]) -> None:
    lines = "".join(f"{stamp},LT-101,{value}\n" for stamp, (_, _, value) in zip(stamps, ROWS, strict=True))
    assert read(text(tmp_path, f"time,point,value\n{lines}"), tmp_path)[0] == EXPECTED


def test_readings_that_a_node_exports_as_parquet_are_replayed_as_they_were(plant: Plant, tmp_path: Path) -> None:
    units = [Stretch(number, 0, LATEST, plant.points_by_id[id], (1.0, 0.0)) for id, number in POINTS.items()]
    given = Readings.of(
        [(2, START * SECOND, 1e-300, 0x8301), (1, START * SECOND + 1, math.inf, 0), (1, START * SECOND + 2, 80.1, 0)]
    )
    table = pa.Table.from_batches([given.to_arrow()])
    (tmp_path / "x.parquet").write_bytes(as_parquet(table.sort_by([("point", "ascending"), ("time", "ascending")]), units, {}))
    tally = Tally()
    stream = open_recording(tmp_path / "x.parquet", POINTS, tally, tmp_path, skip=False)
    assert stream is not None
    read_again = Readings.concat(list(stream.readings()))
    assert read_again.to_arrow().equals(given.to_arrow())
    assert tally.skipped == {}


def test_quality_in_words_and_as_a_word_and_what_is_empty(tmp_path: Path) -> None:
    content = "time,point,value,quality\n1767225600,LT-101,1,\n1767225601,LT-101,2,Bad\n1767225602,LT-101,3,uncertain\n1767225603,LT-101,4,32774\n"
    assert [q for *_, q in read(text(tmp_path, content), tmp_path)[0]] == [0, 0x8014, 0x4014, 32774]
    [(_, _, value, _)] = read(text(tmp_path, "time,point,value\n1767225600,LT-101,\n"), tmp_path)[0]
    assert np.isnan(value)


def test_an_empty_cell_of_a_wide_file_is_no_reading_and_a_nan_is_one(tmp_path: Path) -> None:
    rows, _ = read(text(tmp_path, "time,LT-101,AT-1\n1767225600,,5\n1767225601,nan,\n"), tmp_path)
    assert [(p, at) for p, at, *_ in rows] == [(2, 0.0), (1, 1.0)]


@pytest.mark.parametrize(
    ("content", "where", "why"),
    [
        ("time,point,value\n2026-01-01T00:00:00Z,LT-101,1\n2026-01-01T00:00:01,LT-101,1\n", 3, "a time with its zone"),
        ("time,point,value\n1767225600,LT-101,1\n\n\n1767225601,LT-101,x\n", 5, "value was “x”"),
        ("time,point,value\n1767225600,LT-999,1\n", 2, "there is no point LT-999"),
        ("time,point,value,quality\n1767225600,LT-101,1,192\n", 2, "quality was “192”"),
        ("time,point,value\n1767225600,LT-101,1\n1767225600000,LT-101,1\n", 3, "as in the first line"),
        ("time,LT-101,LT-999\n1767225600,1,2\n", 1, "the column LT-999 is no point"),
        ("time,LT-101,LT-101\n1767225600,1,2\n", 1, "twice"),
        ("when,LT-101\n1767225600,1\n", 1, "no column is called time"),
        ("time,LT-101\n1767225600,1\n1767225601,1,2\n", 3, "more or fewer cells"),
        ("", 0, "Empty CSV"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, content: str, where: int, why: str) -> None:
    file = text(tmp_path, content)
    with pytest.raises(ConfigError, match=why) as caught:
        read(file, tmp_path)
    assert (caught.value.file, caught.value.line) == (str(file), where)
    assert caught.value.text("zh") != caught.value.text("en")


def test_what_is_wrong_is_counted_when_it_is_to_be_skipped(tmp_path: Path) -> None:
    content = "time,point,value\n1767225600,LT-101,1\n1767225601,LT-999,1\n1767225602,LT-101,x\n1,2\nnever,LT-101,3\n1767225605,LT-101,2\n"
    rows, tally = read(text(tmp_path, content), tmp_path, skip=True)
    assert [(at, value) for _, at, value, _ in rows] == [(0.0, 1.0), (5.0, 2.0)]
    assert dict(tally.skipped) == {"point": 1, "value": 1, "cells": 1, "time": 1}
    assert list(tally.unknown) == ["LT-999"]


def test_a_line_after_one_that_was_skipped_is_still_named_rightly(tmp_path: Path) -> None:
    """Ragged rows are not in the batches; a mistake behind one keeps its own line."""
    from anlan.plant.replaying.tables import _line

    assert [_line(n, [3, 5]) for n in (2, 3, 4, 5)] == [2, 4, 6, 7]


def test_parquet_without_a_zone_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"time": pa.array([0], pa.timestamp("us")), "point": ["LT-101"], "value": [1.0]}), file)
    with pytest.raises(ConfigError, match="a time with its zone"):
        read(file, tmp_path)


# ------------------------------------------------------------------------------------------------------- order and memory


def shuffled(seed: int, rows: int) -> list[tuple[float, str, float]]:
    random = Random(seed)
    told = [(at * 0.5, random.choice(("LT-101", "AT-1")), float(at)) for at in range(rows)]
    random.shuffle(told)
    return told


def test_a_file_that_is_not_in_order_is_sorted_and_that_is_noted(tmp_path: Path) -> None:
    rows, tally = read(long_csv(tmp_path / "x.csv", shuffled(1, 500)), tmp_path)
    assert [at for _, at, *_ in rows] == [n * 0.5 for n in range(500)]
    assert [message for message, _ in tally.notes] == ["{file}: its lines are not in order of time; they were sorted"]


def test_a_large_file_is_sorted_by_runs_or_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "SMALL", 0)
    monkeypatch.setattr(recording, "RUN_ROWS", 300)
    monkeypatch.setattr("anlan.plant.replaying.tables.BLOCK", 4_000)
    mixed = open_recording(long_csv(tmp_path / "x.csv", shuffled(2, 2_000)), POINTS, Tally(), tmp_path, skip=False)
    ordered = open_recording(long_csv(tmp_path / "y.csv", sorted(shuffled(2, 2_000))), POINTS, Tally(), tmp_path, skip=False)
    assert isinstance(mixed, Merged)
    assert len(mixed.runs) > 4
    assert isinstance(ordered, Sorted)
    a, b = (Readings.concat(list(stream.readings())) for stream in (mixed, ordered))
    assert a.value.tolist() == b.value.tolist() == [float(n) for n in range(2_000)]
    assert Readings.concat(list(mixed.readings())).time.tolist() == a.time.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_many_files_become_one_in_order_of_time(seed: int) -> None:
    random = Random(seed)
    streams: list[Stream] = []
    everything: list[tuple[int, int]] = []
    for number in range(random.randint(1, 6)):
        times = sorted(random.randint(0, 60) for _ in range(random.randint(1, 40)))
        everything += [(at, number) for at in times]
        streams.append(Pieces(random, Readings.of([(number, at, 0.0, 0) for at in times])))
    batches = list(merged(streams))
    found = [(int(t), int(p)) for rows in batches for t, p in zip(rows.time, rows.point, strict=True)]
    assert [at for at, _ in found] == sorted(at for at, _ in everything)
    assert sorted(found) == sorted(everything)


class Pieces(Kept):
    """A stream that comes in batches of random length, some empty."""

    def __init__(self, random: Random, rows: Readings) -> None:
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "_random", random)

    def readings(self) -> Any:
        at = 0
        while at < len(self.rows):
            length = self._random.randint(0, 5)  # type: ignore[attr-defined]
            yield self.rows[at : at + length]
            at += length


# ------------------------------------------------------------------------------------------------------------ the whole run


def replay(plant: Plant, *files: Path, other: Plant | None = None, **wish: Any) -> tuple[list[ToldTransition], Outcome]:
    told: list[ToldTransition] = []
    outcome = run(plant, Wish(files=files, **wish), ManualClock(), other=other, tell=told.append)
    return told, outcome


def said(told: list[ToldTransition]) -> list[tuple[str, str, float]]:
    return [(t.rule.id, t.trigger.name, t.at / SECOND - START) for t in told]


def test_a_recording_goes_through_the_plants_rules(plant: Plant, tmp_path: Path) -> None:
    told, outcome = replay(plant, long_csv(tmp_path / "x.csv", ROWS))
    assert said(told) == [("LT-101.H", "CONDITION_ON", 1.0), ("LT-101.H", "CONDITION_OFF", 3.0)]
    summary = outcome.summary
    assert (summary.readings, summary.alarms, summary.episodes, summary.by_priority["2"]) == (4, 1, 1, 1)
    assert summary.silent_points == ["AT-1"]
    assert told[0].as_json() == {
        "time": "2026-01-01T00:00:01.000000Z", "alarm": "LT-101.H", "point": "LT-101", "priority": 2, "trigger": "CONDITION_ON",
        "before": "NORMAL", "after": "UNACKNOWLEDGED", "value": 81.0, "limit": 80.0,
        "quality": {"word": 0, "severity": "good", "reason": "none", "flags": []}, "noticed": "2026-01-01T00:00:01.000000Z",
    }  # fmt: skip


def test_a_latch_lasts_to_the_end_of_a_recording_and_is_named(tmp_path: Path) -> None:
    """Who reset the detector on site no file says: it counts as over range, and the summary says of which points."""
    plant = load(write(tmp_path / "works", line(), gas("20", principle="catalytic")))
    word = int(quality(Severity.UNCERTAIN, Reason.OVER_RANGE))
    rows = "".join(f"{START + at},AT-1,{value},{word if value > 100 else 0}\n" for at, value in enumerate((1, 101, 2, 1, 1)))
    told, outcome = replay(plant, text(tmp_path, f"time,point,value,quality\n{rows}"))
    assert {(rule, trigger) for rule, trigger, _ in said(told)} >= {("AT-1.H", "CONDITION_ON")}
    assert not [rule for rule, trigger, _ in said(told) if trigger == "CONDITION_OFF" and rule == "AT-1.H"]
    assert outcome.summary.latched_points == outcome.summary.as_json()["latched_points"] == ["AT-1"]
    assert any("AT-1" in said and "holds no resets" in said for said in Report(plant, "en").summary(outcome.summary))


def test_the_span_is_cut(plant: Plant, tmp_path: Path) -> None:
    file = long_csv(tmp_path / "x.csv", [(float(at), "LT-101", 81.0 if at % 10 == 5 else 50.0) for at in range(100)])
    told, outcome = replay(plant, file, start=(START + 30) * SECOND, end=(START + 50) * SECOND)
    assert outcome.summary.readings == 20
    assert [at for _, trigger, at in said(told) if trigger == "CONDITION_ON"] == [35.0, 45.0]
    with pytest.raises(InputError, match="no reading to replay"):
        replay(plant, file, start=(START + 3000) * SECOND)


def test_numbers_in_memory_are_those_the_records_would_give(plant: Plant, tmp_path: Path) -> None:
    from anlan.plant.versions import import_plant
    from anlan.store.records import Records

    records = Records.open(tmp_path / "records.db")
    records.migrate({"plant": "anlan.plant"})
    given = import_plant(records, plant, author="a", reason="r", clock=ManualClock()).numbers
    records.close()
    mine = in_memory(plant)
    assert (dict(mine.sources), dict(mine.points), dict(mine.alarms)) == (
        dict(given.sources),
        dict(given.points),
        dict(given.alarms),
    )


CHATTER = [(float(at), "LT-101", 81.0 if at % 4 == 0 and at < 40 else 50.0) for at in range(60)]
CHATTER += [(float(at), "LT-101", 85.0) for at in range(60, 90)] + [(float(at), "LT-101", 50.0) for at in range(90, 100)]


def test_the_friday_list(plant: Plant, tmp_path: Path) -> None:
    rules = text(tmp_path, "- {id: LT-101.H, on_delay: 10}\n", "friday.yaml")
    _, outcome = replay(plant, long_csv(tmp_path / "x.csv", CHATTER), other=other_rules(plant, rules))
    effect = outcome.effect
    assert effect is not None
    assert (effect.before, effect.after, effect.counts["gone"], effect.counts["later"]) == (11, 1, 10, 1)
    assert effect.chattering_removed == ["LT-101.H"]
    shown = "\n".join([*Report(plant, "zh").effect(effect), *Report(plant, "en").effect(effect)])
    assert "报警 11 → 1 次(−10),漏报 0" in shown
    assert "11 → 1 alarms (−10), 0 missed" in shown


def test_incidents_are_read_and_judged(plant: Plant, tmp_path: Path) -> None:
    file = text(
        tmp_path, f"start,end,point,name\n{iso(20)},{iso(24)},LT-101,short\n{iso(60)},{iso(90)},V-101,long\n", "incidents.csv"
    )
    incidents = read_incidents(file, plant)
    assert [(i.subject, i.name) for i in incidents] == [("LT-101", "short"), ("works/U100/V-101", "long")]
    wish = {"incidents": incidents, "lead": 2 * SECOND}
    _, outcome = replay(
        plant, long_csv(tmp_path / "x.csv", CHATTER), other=with_changes(plant, [{"id": "LT-101.H", "on_delay": 10}]), **wish
    )
    assert outcome.effect is not None
    assert [m.name for m in outcome.effect.missed] == ["short"]
    assert [(m.name, m.by) for m in outcome.effect.later] == [("long", 10 * SECOND)]


@pytest.mark.parametrize(
    ("content", "where", "why"),
    [
        ("start,end,name\n", 1, "the column point is missing"),
        (f"start,end,point\n{iso(2)},{iso(1)},LT-101\n", 2, "ends before"),
        (f"start,end,point\n2026-01-01T00:00:00,{iso(1)},LT-101\n", 2, "with its zone"),
        (f"start,end,point\n{iso(0)},{iso(1)},LT-999\n", 2, "neither a point nor a place"),
    ],
)
def test_a_wrong_incident_is_told_with_its_line(plant: Plant, tmp_path: Path, content: str, where: int, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        read_incidents(text(tmp_path, content, "i.csv"), plant)
    assert caught.value.line == where


def test_other_rules_as_a_list_a_section_and_a_folder(plant: Plant, tmp_path: Path) -> None:
    as_list = other_rules(plant, text(tmp_path, "- {id: LT-101.H, limit: 82}\n- {id: AT-1.H, enabled: false}\n", "a.yaml"))
    rules = {rule.id: rule for rule in as_list.rules}
    assert (rules["LT-101.H"].limit, rules["LT-101.H"].dead_band, rules["AT-1.H"].enabled) == (82, 1.0, False)
    section = other_rules(plant, text(tmp_path, "alarms: {stale: none, rules: [{id: LT-101.H, limit: 83}]}\n", "b.yaml"))
    assert ({r.id: r.limit for r in section.rules}["LT-101.H"], section.alarms.stale) == (83, "none")
    folder = other_rules(plant, write(tmp_path / "other", line(H="84")))
    assert {rule.id: rule.limit for rule in folder.rules}["LT-101.H"] == 84


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("- {id: LT-101.X, limit: 3}\n", "rules.yaml:1: there is no alarm LT-101.X"),
        ("- {id: LT-101.H, limti: 3}\n", "rules.yaml:1: unknown key limti"),
        ("- {id: LT-101.H, limit: high}\n", "rules.yaml:1"),
        ("- {id: LT-101.H, kind: L}\n", "cannot become another kind"),
        ("- {limit: 3}\n", "names no alarm"),
        ("alarms: {defaults: {on_delay: 3}}\n", "defaults stand for empty columns"),
        ("3\n", "a list of rules"),
    ],
)
def test_wrong_rules_are_told_with_their_line(plant: Plant, tmp_path: Path, content: str, why: str) -> None:
    with pytest.raises(RuleMistakes) as caught:
        other_rules(plant, text(tmp_path, content, "rules.yaml"))
    assert why in str(caught.value)


def anlan(*words: str, language: str = "C") -> subprocess.CompletedProcess[str]:
    import os

    script = "import sys; from anlan.cli import main; sys.argv = ['anlan', *sys.argv[1:]]; main()"
    environment = {**os.environ, "LC_ALL": language}
    return subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, env=environment, timeout=100, check=False
    )


@pytest.mark.slow
def test_the_command_says_the_same_bytes_every_time(tmp_path: Path) -> None:
    folder = write(tmp_path / "works", line(), gas("20"))
    files = [
        str(long_csv(tmp_path / "a.csv", CHATTER)),
        str(parquet(tmp_path / "b.parquet", [(at + 0.25, "AT-1", 30.0 * (at % 7 == 3)) for at in range(90)])),
    ]
    text(tmp_path, "- {id: LT-101.H, on_delay: 10}\n", "friday.yaml")
    runs = [anlan("replay", str(folder), *files, "--json", "--rules", str(tmp_path / "friday.yaml")) for _ in range(2)]
    runs.append(anlan("replay", str(folder), *reversed(files), "--json", "--rules", str(tmp_path / "friday.yaml")))
    assert [one.returncode for one in runs] == [0, 0, 0]
    lines = [one.stdout.splitlines() for one in runs]
    summaries = [orjson.loads(one.pop()) for one in lines]
    assert lines[0] == lines[1] == lines[2]
    effect, last = orjson.loads(lines[0][-1])["effect"], summaries[0]
    assert (effect["counts"]["gone"], last["readings"], last["quality"]["good"]) == (10, 190, 190)
    for summary in summaries:
        summary.pop("seconds"), summary.pop("readings_per_second")
    assert summaries[0] == summaries[1] == summaries[2]


@pytest.mark.slow
def test_the_command_explains_itself_in_both_languages(tmp_path: Path) -> None:
    folder = write(tmp_path / "works")
    file = str(long_csv(tmp_path / "a.csv", ROWS))
    shown = anlan("replay", str(folder), file, language="zh_CN.UTF-8").stdout
    assert "2026-01-01 08:00:01" in shown
    assert "LT-101.H" in shown
    assert "1 条规则共报警 1 次" in shown
    wrong = anlan("replay", str(folder), str(text(tmp_path, "time,point,value\n1767225600,LT-999,1\n", "w.csv")))
    assert wrong.returncode == 2
    assert "w.csv:2: there is no point LT-999" in wrong.stderr
