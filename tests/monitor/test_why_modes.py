"""Why, and what-if, of detectors that people had inhibited, calibrated or reset. The oracle is the live engine: what it said at each second."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from bench_of_points import BADQ, FAILED, HIGH, OVER, OWN, SILENT, START, TOLD, VOTED, A, B, C
from engine_reference_state import SECOND
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from remembering_bench import Remembering, ask

from anlan.model.clock import HOUR
from anlan.model.events.alarms import Trigger
from anlan.model.quality import Reason, Severity, quality
from anlan.monitor import past as module
from anlan.monitor.trying import tried
from anlan.monitor.why import Explanation

INHIBITED = {
    "zh": "张三 禁用该测点,08:00:20.7 至 08:01:00.7(作业票 WO-7:sensor exchange),李四 批准",
    "en": "Inhibited by 张三 from 08:00:20.7 until 08:01:00.7 (work order WO-7: sensor exchange), approved by 李四",
}


def gates(found: Explanation) -> dict[str, bool | None]:
    return {gate.gate: gate.open for gate in found.gates}


def inhibited_through_an_excursion(end: str | None = None, **rest: Any) -> Remembering:
    """From 20.7 to 60.7, or to 50.7 when a person ends it; the gas is there from 30 to 40."""
    bench = Remembering(**rest)
    for at in range(90):
        if at == 20:
            assert bench.order(20.7, "inhibit", lasts=40, approver="li").accepted
        if at == 50 and end is not None:
            assert bench.order(50.7, end).accepted
        bench.read(at + 0.8, (A, 5.0 if 30 <= at < 40 else 0.2), (B, 0.1), (C, 0.1))
    return bench


def test_an_alarm_that_did_not_come_while_its_detector_was_inhibited_says_by_whom_and_until_when(tmp_path: Path) -> None:
    bench = inhibited_through_an_excursion()
    assert [t.trigger for t in bench.heard if t.alarm == HIGH] == []
    past = bench.past(tmp_path)
    found = ask(past, 35)
    assert (found.state, found.condition, found.closed) == ("NORMAL", False, "mode")
    assert found.sentence["zh"] == f"{INHIBITED['zh']}:其读数不作为依据,报警保持此前的判断。"
    assert found.sentence["en"] == f"{INHIBITED['en']}: its readings are no evidence, the alarm keeps what it last knew."
    assert gates(found)["quality"] is True, "the source itself calls it good"
    assert found.quality is not None
    assert (found.value, found.quality["reason"]) == (5.0, "maintenance")
    assert found.modes == [
        {
            "point": "AT-1", "mode": "inhibited", "since": START + 20_700_000, "until": START + 60_700_000, "who": "zhang", "who_name": "张三",
            "post": "panel", "reason": "sensor exchange", "work_order": "WO-7", "approver": "li", "approver_name": "李四",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(("end", "ended"), [(None, "08:01:01"), ("end_inhibit", "08:00:50.7")])
def test_before_it_nothing_stood_and_after_it_what_was_missed_is_told(tmp_path: Path, end: str | None, ended: str) -> None:
    past = inhibited_through_an_excursion(end).past(tmp_path)
    before = ask(past, 15)
    assert (before.closed, before.modes, gates(before)["mode"]) == ("limit", [], True)
    assert "禁用" not in before.sentence["zh"]
    after = ask(past, 80)
    assert (after.closed, after.condition, after.modes) == ("limit", False, [])
    said = INHIBITED["zh"].replace("08:01:00.7", ended)
    assert after.sentence["zh"].endswith(f"08:00:30.8 的 5.0 ppm 已越限,但不作为依据:{said}。")
    assert after.closest is not None
    assert after.closest["value"] == 0.2, "what was no evidence came near nothing"
    assert after.longest is None
    drawn = dict(zip(after.trace["time"], after.trace["bad"], strict=True))
    assert drawn[START + 30_800_000]
    assert not drawn[START + 10_800_000]


def test_calibration_mode_is_told_as_that_and_its_renewal_keeps_its_first_begin(tmp_path: Path) -> None:
    bench = Remembering()
    bench.read(1.8, (A, 0.2))
    bench.order(2.7, "calibrate", lasts=30, work_order="WO-9", reason="quarterly")
    bench.order(20.7, "calibrate", lasts=30, work_order="WO-9", reason="quarterly")
    for at in range(21, 45):
        bench.read(at + 0.8, (A, 5.0))
    past = bench.past(tmp_path)
    found = ask(past, 44)
    assert found.closed == "mode"
    assert found.sentence["zh"].startswith(
        "张三 将该测点置于标定模式,08:00:02.7 至 08:00:50.7(作业票 WO-9:quarterly):其读数不作为依据"
    )
    assert ask(past, 44, BADQ).closed == "suppressed"
    assert ask(past, 44, BADQ).sentence["zh"].endswith("其质量报警和停止更新报警在此期间被抑制。")


def test_a_detector_that_is_unplugged_meanwhile_is_inhibited_and_not_only_silent_or_bad(tmp_path: Path) -> None:
    bench = Remembering()
    bench.read(1.8, (A, 0.2))
    bench.order(2.7, "inhibit", lasts=100)
    bench.read(3.8, (A, 0.2, FAILED))
    bench.ticks(10)
    past = bench.past(tmp_path)
    found = ask(past, 10)
    assert (found.closed, gates(found)["quality"]) == ("mode", False)
    bench.ticks(40)
    (tmp_path / "later").mkdir()
    silent = ask(bench.past(tmp_path / "later"), 40)
    assert silent.closed == "fresh"
    assert silent.sentence["zh"].startswith("已 36.2 秒没有数据")
    assert "张三 禁用该测点" in silent.sentence["zh"]


def test_an_alarm_that_stands_tells_why_it_does_not_end(tmp_path: Path) -> None:
    bench = Remembering()
    bench.read(1.8, (A, 5.0))
    bench.order(2.7, "inhibit", lasts=100)
    for at in range(3, 20):
        bench.read(at + 0.8, (A, 0.1))
    found = ask(bench.past(tmp_path), 19)
    assert (found.state, found.condition, found.closed) == ("UNACKNOWLEDGED", True, "mode")
    assert found.sentence["zh"].startswith("08:00:01.8 报警")
    assert found.sentence["zh"].endswith("报警保持此前的判断。")
    assert "不能确定" not in found.sentence["zh"]


@pytest.mark.parametrize("days", [0, 3])
def test_a_latch_over_range_is_known_however_long_ago_it_came(tmp_path: Path, days: int) -> None:
    """A catalytic bead that reads low again counts as beyond every high limit, until somebody resets it."""
    bench = Remembering(on_change=True, latches=True)
    bench.read(1.8, (A, 0.2))
    bench.read(2.8, (A, 100.0, OVER))
    bench.read(3.8, (A, 0.1))
    bench.ticked = later = days * 86_400 + 10
    bench.tick(later)
    bench.ticks(later + 5)
    past = bench.past(tmp_path)
    found = ask(past, later + 3)
    assert (found.condition, found.closed) == (True, None)
    assert [one["mode"] for one in found.modes] == ["over_range_latched"]
    assert found.modes[0]["since"] == START + 2_800_000
    assert "已超出量程,即越过 1.0 ppm。" in found.sentence["zh"]
    assert found.sentence["zh"].endswith("08:00:02.8 起超量程锁定:现场复位之前,视为越过所有高限。")
    bench.order(later + 6.7, "reset_over_range", reason="looked at on site")
    bench.ticks(later + 10)
    (tmp_path / "later").mkdir()
    reset = ask(bench.past(tmp_path / "later"), later + 9)
    assert (reset.state, reset.condition, reset.modes) == ("RETURNED_UNACKNOWLEDGED", False, [])


def test_a_latch_is_known_while_the_delay_of_its_high_alarm_still_waits_for_a_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quality alarm, which has come by then, is asked for at a window that begins after the reading over range."""
    monkeypatch.setattr(module, "WINDOW", 0)
    bench = Remembering(latches=True, high_delay=3, off_delay=3)
    for at in range(40, 44):
        bench.read(at + 0.6, (A, 0.2))
    bench.read(44.6, (A, 5.0, OVER))
    bench.read(45.6, (A, 0.2))
    for at in range(52, 120):
        bench.read(at + 0.6, (A, 0.2))
    assert bench.said[50][HIGH] == ("NORMAL", False)
    past = bench.past(tmp_path)
    for at in (116, 117, 118):  # windows of 66 s
        assert bench.said[at][BADQ] == ("UNACKNOWLEDGED", True)
        found = ask(past, at, BADQ)
        assert (found.state, found.condition) == ("UNACKNOWLEDGED", True), at


def test_over_range_is_beyond_a_high_limit_though_its_quality_is_bad(tmp_path: Path) -> None:
    bench = Remembering()
    bench.read(1.8, (A, 0.2))
    bench.read(2.8, (A, 100.0, quality(Severity.BAD, Reason.OVER_RANGE)))
    found = ask(bench.past(tmp_path), 2.9)
    assert found.condition
    assert gates(found)["quality"] is True
    assert "超出量程即视为越过该侧的所有限值" in next(g.text["zh"] for g in found.gates if g.gate == "quality")


def test_a_vote_names_its_members_that_are_out(tmp_path: Path) -> None:
    bench = Remembering(on_change=True)
    bench.read(1.8, (A, 0.0), (B, 5.0), (C, 0.0))
    bench.order(2.7, "calibrate", lasts=60, work_order="WO-9")
    bench.ticks(10)
    found = ask(bench.past(tmp_path), 8, VOTED)
    assert found.condition
    assert gates(found)["mode"] is True
    assert [one["point"] for one in found.modes] == ["AT-1"]
    assert "AT-1:张三 将该测点置于标定模式,08:00:02.7 至 08:01:02.7(作业票 WO-9:sensor exchange)。" in found.sentence["zh"]


def test_what_the_node_was_told_of_a_bypass_is_replayed(tmp_path: Path) -> None:
    """No history has the node's own points that people's steps tell."""
    bench = Remembering()
    bench.order(2.7, "approve_bypass", OWN, lasts=30)
    bench.ticks(50)
    past = bench.past(tmp_path)
    assert (ask(past, 20, TOLD).condition, ask(past, 20, TOLD).value) == (True, 1.0)
    assert (ask(past, 45, TOLD).condition, ask(past, 45, TOLD).value) == (False, 0.0)


def random_story(random: Random) -> Remembering:
    bench = Remembering(
        on_change=random.random() < 0.4,
        latches=random.random() < 0.5,
        high_delay=random.choice((0, 3)),
        off_delay=random.choice((0, 3)),
    )
    steps: tuple[tuple[str, int, bool], ...] = (
        ("inhibit", A, True), ("end_inhibit", A, False), ("calibrate", A, True), ("end_calibration", A, False), ("reset_over_range", A, False),
        ("inhibit", B, True), ("end_inhibit", B, False), ("approve_bypass", OWN, True), ("end_approval", OWN, False),
    )  # fmt: skip
    for at in range(200):
        if random.random() < 0.12:
            kind, point, lasts = random.choice(steps)
            bench.order(at + 0.2, kind, point, random.choice((5, 20, 80)) if lasts else None)
        if at % 60 < 45 or random.random() < 0.1:  # else silent
            words = [OVER if random.random() < 0.04 else FAILED if random.random() < 0.05 else 0 for _ in range(3)]
            values = [random.choice((0.2, 0.2, 0.5, 1.0, 5.0)) for _ in range(3)]
            bench.read(at + 0.6, *((point, values[k], words[k]) for k, point in enumerate((A, B, C))))
    bench.ticks(201)
    return bench


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 32))
@example(1_443_163_754)  # a latch whose high alarm still waits
@example(5_000_205)  # a mode that ends at the tick at which a delay ends
@example(5_000_252)  # reset while inhibited
@example(5_000_354)  # latched in a mode before the one that stands, and waiting when that began
@example(5_000_467)  # inhibited before its calibration was over
def test_what_is_told_is_what_the_engine_had_at_every_moment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Windows of a minute over 200 s: they begin before, within and after modes, excursions and latches."""
    monkeypatch.setattr(module, "WINDOW", 0)
    random = Random(seed)
    bench = random_story(random)
    past = bench.past(tmp_path_factory.mktemp("node"))
    for at in random.sample(range(2, 200), 8):
        for alarm in (HIGH, BADQ, SILENT, VOTED, TOLD):
            found = ask(past, at, alarm)
            assert (found.state, found.condition) == bench.said[at][alarm], f"{alarm} at {at}"
        assert {one["mode"] for one in ask(past, at).modes} == bench.out[at], f"at {at}"


def activations(bench: Remembering, alarm: int, start: float) -> list[int]:
    """When the live engine announced it."""
    rows = np.concatenate([found.rows for found in bench.all])
    rows = rows[
        (rows["alarm"] == alarm) & (rows["trigger"] == Trigger.CONDITION_ON) & (rows["happened_at"] >= START + start * SECOND)
    ]
    return [int(at) for at in rows["happened_at"]]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 32))
def test_a_trial_of_the_rules_as_they_are_gives_what_the_engine_announced(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("anlan.monitor.trying.RUN_UP", 20 * SECOND)
    bench = random_story(Random(seed))
    past = bench.past(tmp_path_factory.mktemp("node"))
    found = tried(past, [HIGH], {HIGH: {"limit": 0.9}}, START + 100 * SECOND, START + 200 * SECOND)
    begun = [begin for begin, _ in found.rows["AT-1.HIGH"]["before"]]
    assert begun == [at for at in activations(bench, HIGH, 100) if at < START + 200 * SECOND]


def test_a_lower_limit_would_not_have_announced_what_was_inhibited(tmp_path: Path) -> None:
    bench = inhibited_through_an_excursion()
    found = tried(bench.past(tmp_path), [HIGH], {HIGH: {"limit": 0.5}}, START, START + 90 * SECOND)
    assert (found.effect.before, found.effect.after) == (0, 0)
    calm = Remembering()
    for at in range(60):
        calm.read(at + 0.8, (A, 5.0 if 30 <= at < 40 else 0.2))
    (tmp_path / "calm").mkdir()
    counted = tried(calm.past(tmp_path / "calm"), [HIGH], {HIGH: {"limit": 0.5}}, START, START + 90 * SECOND)
    assert (counted.effect.before, counted.effect.after) == (1, 1)


def test_a_mode_that_the_journal_has_not_ended_goes_on(tmp_path: Path) -> None:
    """The node was away at its end: until it came back nobody had given the point back."""
    bench = Remembering()
    bench.read(1.8, (A, 0.2))
    bench.order(2.7, "inhibit", lasts=20)
    past = bench.past(tmp_path)
    assert ask(past, 3600).closed == "fresh"
    assert [one["mode"] for one in ask(past, 3600).modes] == ["inhibited"]
    assert ask(past, HOUR / SECOND).modes[0]["until"] == START + 22_700_000
    assert ask(past, 3, SILENT).closed == "suppressed"
