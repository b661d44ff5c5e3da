"""Points taken out of evidence: inhibited, in calibration, latched over range. What alarms, votes and records make of it, by examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest
from bench_of_points import BADQ, FAILED, HIGH, OVER, OVERDUE, OWN, SILENT, START, TOLD, VOTE, VOTED, A, B, Bench, C
from engine_reference_state import SECOND

from anlan.model.events.alarms import AlarmState, Trigger
from anlan.model.frames import Kind
from anlan.model.languages import translate
from anlan.model.quality import Reason, Severity, severity_of
from anlan.model.readings import Readings
from anlan.monitor.engine import Engine
from anlan.monitor.journal import SCHEMA_VERSION, Journal, JournalReader
from anlan.monitor.point_commands import LONGEST, PointCommand
from anlan.monitor.point_modes import NO_DETECTOR, Mode, standing_of


def steps(bench: Bench) -> list[tuple[str, float]]:
    return [(s.step, (s.happened_at - START) / SECOND) for found in bench.all for s in found.steps]


@pytest.mark.parametrize(("kind", "reason"), [("inhibit", Reason.MAINTENANCE), ("calibrate", Reason.CALIBRATION)])
def test_the_newest_value_counts_by_the_mode_at_once_and_back_at_its_end(kind: str, reason: Reason) -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    assert bench.order(2, kind, lasts=10).accepted
    assert (severity_of(bench.word()), bench.reason()) == (Severity.BAD, reason)
    bench.read(3, (A, 5.0))
    assert (bench.state(), bench.reason()) == (AlarmState.NORMAL, reason)
    bench.read(4, (A, 0.3))
    assert bench.order(5, {"inhibit": "end_inhibit", "calibrate": "end_calibration"}[kind]).accepted
    assert bench.word() == 0


def test_gas_that_is_there_when_the_mode_ends_alarms_without_waiting_for_a_reading() -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=10)
    bench.read(3, (A, 5.0))
    bench.order(4, "end_inhibit")
    assert bench.state() is AlarmState.UNACKNOWLEDGED
    raised = next(t for t in bench.heard if t.alarm == HIGH)
    assert (raised.value, raised.quality) == (5.0, 0)


def test_an_on_change_point_keeps_the_quality_its_source_sent_during_the_mode() -> None:
    """No reading may come for days: what the source sent last must count, not what was known before."""
    bench = Bench(on_change=True)
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=100)
    bench.read(3, (A, 0.2, FAILED))
    bench.order(4, "end_inhibit")
    assert bench.word() == FAILED


def test_an_alarm_that_stands_keeps_its_last_evidence() -> None:
    bench = Bench()
    bench.read(1, (A, 5.0))
    bench.order(2, "inhibit", lasts=100)
    bench.read(3, (A, 0.1))
    assert bench.state() is AlarmState.UNACKNOWLEDGED
    bench.order(4, "end_inhibit")
    assert bench.state() is AlarmState.RETURNED_UNACKNOWLEDGED


def test_a_delay_that_has_ended_by_then_fires_before_the_mode_begins() -> None:
    bench = Bench(on_change=True, high_delay=3)
    bench.read(1, (A, 5.0))
    bench.ticks(3)
    assert bench.state() is AlarmState.NORMAL
    bench.order(4.5, "inhibit", lasts=100)
    assert bench.state() is AlarmState.UNACKNOWLEDGED
    assert next(t.happened_at for t in bench.heard if t.alarm == HIGH) == START + 4 * SECOND


def test_a_delay_begins_anew_after_the_mode() -> None:
    """Nobody knew whether the gas was there meanwhile: the time of the mode is no part of the delay."""
    bench = Bench(high_delay=5)
    bench.read(1, (A, 5.0))
    bench.order(2, "inhibit", lasts=100)
    for at in range(3, 20):
        bench.read(at, (A, 5.0))
    bench.order(20, "end_inhibit")
    assert bench.state() is AlarmState.NORMAL
    for at in range(20, 24):
        bench.read(at + 0.5, (A, 5.0))
    assert bench.state() is AlarmState.NORMAL
    bench.read(24.5, (A, 5.0))
    assert bench.state() is AlarmState.UNACKNOWLEDGED


@pytest.mark.parametrize("off_delay", [0, 3])
def test_its_own_alarms_of_quality_and_silence_are_suppressed_meanwhile(off_delay: int) -> None:
    bench = Bench(off_delay=off_delay)
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=60)
    hidden = [(t.alarm, t.trigger, t.who, t.reason) for t in bench.last.events()]
    assert hidden == [
        (BADQ, Trigger.SUPPRESS, "zhang", "WO-7: sensor exchange"),
        (SILENT, Trigger.SUPPRESS, "zhang", "WO-7: sensor exchange"),
    ]
    for at in range(3, 15):
        bench.read(at, (A, 0.2))
    assert bench.state(BADQ) is AlarmState.SUPPRESSED
    bench.ticks(30)  # unplugged: silent beyond the deadline
    assert bench.state(SILENT) is AlarmState.SUPPRESSED
    bench.read(31, (A, 0.2))
    bench.order(32, "end_inhibit")
    assert (bench.state(BADQ), bench.state(SILENT)) == (AlarmState.NORMAL, AlarmState.NORMAL)
    assert not [t for t in bench.heard if t.after is AlarmState.UNACKNOWLEDGED and t.alarm != VOTED]


def test_a_detector_that_is_still_silent_alarms_when_the_mode_ends() -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=15)
    bench.ticks(20)
    assert bench.state(SILENT) is AlarmState.UNACKNOWLEDGED


def test_a_sensor_that_is_still_bad_alarms_after_the_delay_of_its_own_alarm() -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    bench.order(2, "calibrate", lasts=10)
    for at in range(3, 20):
        bench.read(at, (A, 0.2, FAILED))
    raised = next(t for t in bench.heard if t.alarm == BADQ and t.after is AlarmState.UNACKNOWLEDGED)
    assert (raised.happened_at - START) / SECOND == pytest.approx(17, abs=1)


def test_a_new_configuration_does_not_bring_the_suppressed_alarms_back() -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=60)
    bench.configure(3)
    assert bench.state(BADQ) is AlarmState.SUPPRESSED
    assert bench.reason() is Reason.MAINTENANCE


def test_modes_end_by_themselves_on_node_time() -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    bench.order(2.5, "inhibit", lasts=4)
    bench.ticks(6)
    assert bench.reason() is Reason.MAINTENANCE
    bench.ticks(7)
    assert bench.word() == 0
    (step,) = bench.last.steps
    assert (step.step, (step.happened_at - START) / SECOND, step.who, step.work_order) == ("inhibit_expired", 6.5, "", "WO-7")


def test_a_clock_set_forward_ends_no_mode_early() -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=60)
    bench.tick(3600)
    assert bench.reason() is Reason.MAINTENANCE


def test_calibration_outranks_inhibition_and_either_goes_on_without_the_other() -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=60)
    bench.order(3, "calibrate", lasts=60)
    assert bench.reason() is Reason.CALIBRATION
    bench.order(4, "end_calibration")
    assert bench.reason() is Reason.MAINTENANCE
    assert bench.state(BADQ) is AlarmState.SUPPRESSED


def test_asked_anew_the_mode_lasts_until_the_later_end() -> None:
    bench = Bench(on_change=True)
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=5)
    bench.order(4, "inhibit", lasts=20)
    bench.ticks(20)
    assert bench.reason() is Reason.MAINTENANCE
    bench.ticks(25)
    assert bench.word() == 0
    assert [name for name, _ in steps(bench)] == ["inhibit", "inhibit", "inhibit_expired"]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_point_that_is_no_detector_is_never_calibrated(restarted: bool) -> None:
    """A bypass, a trip: one person's word would blind their alarm."""
    bench = Bench(on_change=True, calibratable=False)
    bench.read(1, (A, 0.0))
    if restarted:
        bench.engine = Engine.restore(bench.engine.snapshot())
    answer = bench.order(2, "calibrate", lasts=60, work_order="WO-7")
    assert (answer.accepted, answer.why) == (False, NO_DETECTOR)
    assert translate(NO_DETECTOR, "zh") != NO_DETECTOR
    bench.read(3, (A, 1.0))
    assert (bench.word(), bench.state()) == (0, AlarmState.UNACKNOWLEDGED)
    assert bench.order(4, "inhibit", lasts=60).accepted


def test_a_calibration_that_is_renewed_ends_by_its_first_begin() -> None:
    bench, longest = Bench(), LONGEST["calibrate"] / SECOND
    bench.read(1, (A, 0.2))
    assert bench.order(2, "calibrate", lasts=60).accepted
    assert bench.order(30, "calibrate", lasts=longest - 28).accepted
    bench.configure(31)  # what it was renewed from is no longer counted from
    bench.engine = Engine.restore(bench.engine.snapshot())
    answer = bench.order(40, "calibrate", lasts=longest - 37)
    why = "calibration lasts {hours} h at most from its first begin: end it before it begins anew"
    assert (answer.accepted, answer.why, translate(why, "zh") != why) == (False, why, True)
    assert bench.order(41, "calibrate", lasts=longest - 39).accepted
    assert bench.order(42, "end_calibration").accepted
    assert bench.order(43, "calibrate", lasts=longest).accepted


def test_a_clock_set_back_lengthens_no_calibration() -> None:
    bench, longest = Bench(), LONGEST["calibrate"] / SECOND
    bench.read(1, (A, 0.2))
    assert bench.order(2, "calibrate", lasts=longest).accepted
    bench.ticks(100)
    bench.tick(10)
    command = PointCommand(
        id="set back", kind="calibrate", point=A, who="zhang", post="panel", at=START + 10 * SECOND,
        reason="x", until=START + round((10 + longest - 8) * SECOND),
    )  # fmt: skip
    bench.step(Kind.COMMAND, 10, command.to_bytes())
    assert not bench.last.results[-1][1].accepted


def test_the_vote_follows_at_once() -> None:
    """2oo3: B sees gas. With A away the vote is 1oo2 and stands; when A is back and sees nothing it falls."""
    bench = Bench(on_change=True)
    bench.read(1, (A, 0.0), (B, 5.0), (C, 0.0))
    assert bench.voted() == 0.0
    bench.order(2, "calibrate", lasts=60)
    assert bench.voted() == 1.0
    assert bench.state(VOTED) is AlarmState.UNACKNOWLEDGED
    bench.order(3, "end_calibration")
    assert bench.voted() == 0.0


def test_a_catalytic_detector_over_range_is_latched_until_it_is_reset_on_site() -> None:
    """Above the explosive range it can read low: what it shows after that is no evidence that the gas is gone."""
    bench = Bench(latches=True)
    bench.read(1, (A, 120.0, OVER))
    assert (bench.reason(), bench.state()) == (Reason.OVER_RANGE_LATCHED, AlarmState.UNACKNOWLEDGED)
    refused = bench.order(2, "reset_over_range")
    assert refused.why == "the detector still reads over range: it can be reset once it reads within its range"
    bench.read(3, (A, 0.2))
    assert (bench.reason(), bench.state()) == (Reason.OVER_RANGE_LATCHED, AlarmState.UNACKNOWLEDGED)
    assert bench.order(4, "reset_over_range").accepted
    assert (bench.word(), bench.state()) == (0, AlarmState.RETURNED_UNACKNOWLEDGED)


def test_one_that_does_not_latch_comes_back_by_itself() -> None:
    bench = Bench()
    bench.read(1, (A, 120.0, OVER))
    bench.read(2, (A, 0.2))
    assert (bench.word(), bench.state()) == (0, AlarmState.RETURNED_UNACKNOWLEDGED)


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ({"kind": "inhibit", "point": 99, "lasts": 5}, "point {point} does not exist"),
        ({"kind": "inhibit", "point": VOTE, "lasts": 5}, "a calculated point has no detector behind it: take its inputs out of service instead"),
        ({"kind": "inhibit", "lasts": 5, "reason": " "}, "a reason is needed"),
        ({"kind": "inhibit", "lasts": 5, "work_order": ""}, "a work order is needed to inhibit a point"),
        ({"kind": "inhibit"}, "an end is needed that lies ahead"),
        ({"kind": "inhibit", "lasts": 0}, "an end is needed that lies ahead"),
        ({"kind": "inhibit", "lasts": LONGEST["inhibit"] / SECOND + 1}, "this lasts {hours} h at most"),
        ({"kind": "calibrate", "lasts": LONGEST["calibrate"] / SECOND + 1}, "this lasts {hours} h at most"),
        ({"kind": "end_inhibit"}, "the point is not inhibited"),
        ({"kind": "end_calibration"}, "the point is not in calibration"),
        ({"kind": "reset_over_range"}, "the point is not latched over range"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(order: dict[str, Any], why: str) -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    answer = bench.order(2, **order)
    assert (answer.accepted, answer.why) == (False, why)
    assert answer.text("zh") != answer.text("en")
    assert translate(why, "zh") != why
    assert not bench.last.steps
    assert bench.word() == 0


def test_a_step_sent_twice_is_done_once() -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    first = bench.order(2, "inhibit", lasts=60, id="same")
    again = bench.order(3, "inhibit", lasts=60, id="same")
    assert (first, again.step) == (again, 1)
    assert [name for name, _ in steps(bench)] == ["inhibit"]


def test_a_point_that_now_comes_from_elsewhere_has_lost_its_mode_and_it_is_told() -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=60)
    bench.configure(3, source=2)
    assert steps(bench)[-1] == ("inhibited_dropped", 3.0)
    assert not bench.engine.modes.standing


def test_a_snapshot_goes_on_identically() -> None:
    bench = Bench(on_change=True, latches=True)
    bench.read(1, (A, 0.2), (B, 120.0, OVER))
    bench.order(2, "inhibit", lasts=6)
    bench.read(3, (A, 0.2, FAILED), (B, 0.1))
    restored = Engine.restore(bench.engine.snapshot())
    assert restored.snapshot() == bench.engine.snapshot()
    there = Bench.__new__(Bench)
    there.engine, there.heard, there.all, there.version, there.ticked = restored, [], [], bench.version, bench.ticked
    for one in (bench, there):
        one.ticks(9)
        one.order(10, "reset_over_range", point=B)
    assert there.engine.snapshot() == bench.engine.snapshot()
    assert (there.word(A), there.word(B)) == (FAILED, 0)


def test_an_approval_is_a_value_of_the_nodes_own_point_and_ends_by_itself() -> None:
    bench = Bench()
    assert bench.order(1, "approve_bypass", point=OWN, lasts=5, approver="li").accepted
    assert float(bench.engine.live([OWN]).value[0]) == 1.0
    bench.ticks(5)
    assert bench.state(TOLD) is AlarmState.UNACKNOWLEDGED
    bench.ticks(6)
    assert float(bench.engine.live([OWN]).value[0]) == 0.0
    assert bench.state(TOLD) is AlarmState.RETURNED_UNACKNOWLEDGED
    assert steps(bench) == [("approve_bypass", 1.0), ("approve_bypass_expired", 6.0)]
    assert bench.order(7, "end_approval", point=OWN).why == "no approval of this bypass stands"
    bench.order(8, "approve_bypass", point=OWN, lasts=60)
    restored = Engine.restore(bench.engine.snapshot())
    assert restored.modes.standing == bench.engine.modes.standing
    bench.order(9, "end_approval", point=OWN)
    assert float(bench.engine.live([OWN]).value[0]) == 0.0


def test_what_records_say_of_a_calibration_is_told_as_long_as_they_say_so() -> None:
    bench = Bench()
    bench.order(1, "calibration_overdue", point=OWN)
    assert bench.state(TOLD) is AlarmState.UNACKNOWLEDGED
    bench.order(2, "calibration_in_date", point=OWN)
    assert bench.state(TOLD) is AlarmState.RETURNED_UNACKNOWLEDGED
    assert not bench.engine.modes.standing


def test_an_overdue_calibration_makes_the_reading_uncertain_at_once_and_hides_no_alarm() -> None:
    bench = Bench(dated=True)
    bench.read(1, (A, 0.2), (B, 0.2))
    assert bench.order(2, "calibration_overdue", point=OWN).accepted
    assert (severity_of(bench.word()), bench.reason()) == (Severity.UNCERTAIN, Reason.CALIBRATION_OVERDUE)
    assert bench.word(B) == 0
    bench.read(3, (A, 5.0))
    raised = next(t for t in bench.heard if t.alarm == HIGH)
    assert (bench.state(), raised.value, raised.quality) == (AlarmState.UNACKNOWLEDGED, 5.0, OVERDUE)
    bench.read(4, (A, 0.3))
    assert bench.word() == OVERDUE
    bench.order(5, "calibration_in_date", point=OWN)
    assert bench.word() == 0
    bench.read(6, (A, 0.4))
    assert bench.word() == 0


def test_a_detector_that_is_overdue_still_votes() -> None:
    bench = Bench(dated=True)
    bench.order(1, "calibration_overdue", point=OWN)
    bench.read(2, (A, 5.0), (B, 5.0), (C, 0.1))
    assert (bench.word(), bench.voted(), bench.state(VOTED)) == (OVERDUE, 1.0, AlarmState.UNACKNOWLEDGED)


@pytest.mark.parametrize(("sent", "counts"), [(0x0800, 0x4816), (OVER, OVER), (FAILED, FAILED)])
def test_the_date_says_nothing_of_a_reading_that_is_not_good_anyway(sent: int, counts: int) -> None:
    bench = Bench(dated=True)
    bench.read(1, (A, 0.2, sent))
    bench.order(2, "calibration_overdue", point=OWN)
    assert bench.word() == counts
    bench.read(3, (A, 0.3, sent))
    assert bench.word() == counts
    bench.order(4, "calibration_in_date", point=OWN)
    assert bench.word() == sent


def test_a_delay_runs_on_when_the_date_passes() -> None:
    """The value was known before and is known after."""
    bench = Bench(on_change=True, high_delay=5, dated=True)
    bench.read(1, (A, 5.0))
    bench.order(3, "calibration_overdue", point=OWN)
    bench.ticks(6)
    raised = next(t for t in bench.heard if t.alarm == HIGH)
    assert (raised.happened_at - START) / SECOND == 6


def test_modes_outrank_the_date_and_give_the_word_back_to_it() -> None:
    bench = Bench(on_change=True, dated=True)
    bench.read(1, (A, 0.2))
    bench.order(2, "calibration_overdue", point=OWN)
    bench.order(3, "inhibit", lasts=100)
    assert bench.reason() is Reason.MAINTENANCE
    bench.order(4, "end_inhibit")
    assert bench.word() == OVERDUE
    bench.order(5, "inhibit", lasts=100)
    bench.order(6, "calibration_in_date", point=OWN)
    bench.order(7, "end_inhibit")
    assert bench.word() == 0


def test_a_configuration_that_names_the_date_finds_it_told_already_and_one_that_does_not_forgets_it() -> None:
    bench = Bench(on_change=True)
    bench.read(1, (A, 0.2))
    bench.order(2, "calibration_overdue", point=OWN)
    assert bench.word() == 0
    bench.dated = True
    bench.configure(3)
    assert bench.word() == OVERDUE
    assert Engine.restore(bench.engine.snapshot()).snapshot() == bench.engine.snapshot()
    bench.dated = False
    bench.configure(4)
    assert bench.word() == 0


def test_what_a_source_sent_while_the_nodes_clock_was_set_back_counts_when_a_mode_ends() -> None:
    bench = Bench(on_change=True)
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=1000)
    back = START - 3600 * SECOND
    bench.tick(-3600)
    bench.step(Kind.READINGS, -3600, Readings.of([(A, back, 0.2, FAILED)]).to_bytes(), 1)
    bench.step(Kind.COMMAND, -3599, PointCommand(
        id="back", kind="end_inhibit", point=A, who="zhang", post="panel", at=back, reason="done"
    ).to_bytes())  # fmt: skip
    assert (severity_of(bench.word()), bench.reason()) == (Severity.BAD, Reason.SENSOR_FAILURE)


@pytest.mark.parametrize(
    ("kind", "point", "why"),
    [
        ("inhibit", OWN, "the node itself tells this point: nobody can take it out of service"),
        ("approve_bypass", A, "this point comes from a source: only the source tells its value"),
    ],
)
def test_nobody_writes_a_value_of_a_device_or_silences_the_node(kind: str, point: int, why: str) -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    answer = bench.order(2, kind, point=point, lasts=5)
    assert (answer.accepted, answer.why) == (False, why)
    assert translate(why, "zh") != why


# ------------------------------------------------------------------------------------------------------------- the journal


def test_steps_stand_in_the_journal_with_the_commit_that_decided_them(tmp_path: Path) -> None:
    bench = Bench()
    bench.read(1, (A, 0.2))
    bench.order(2, "inhibit", lasts=3, approver="li")
    bench.order(3, "calibrate", point=B, lasts=60)
    bench.ticks(6)
    bench.order(6, "end_inhibit")  # refused: it has ended by itself
    journal = Journal.open(tmp_path / "alarms.db")
    journal.commit(bench.engine.frame, bench.all)
    kept = journal.steps()
    assert [(s.step, s.point, s.who, s.approver) for s in kept] == [
        ("inhibit_expired", A, "", ""),
        ("calibrate", B, "zhang", ""),
        ("inhibit", A, "zhang", "li"),
    ]
    assert list(reversed(kept)) == [s for found in bench.all for s in found.steps]
    assert [s.step for s in journal.steps(A)] == ["inhibit_expired", "inhibit"]
    assert [s.n for s in journal.steps(before=3, limit=1)] == [2]
    assert standing_of(journal.last_steps()).keys() == {(B, Mode.CALIBRATING)}
    rows = apsw.Connection(str(tmp_path / "alarms.db")).execute("SELECT kind, point, alarm, accepted FROM command ORDER BY frame")
    assert rows.fetchall() == [("inhibit", A, 0, 1), ("calibrate", B, 0, 1), ("end_inhibit", A, 0, 0)]


def test_an_older_file_is_brought_up_and_read_before_that(tmp_path: Path) -> None:
    from anlan.monitor import journal as module

    path = tmp_path / "alarms.db"
    old = apsw.Connection(str(path))
    old.execute(f"BEGIN; {module._SCHEMA} COMMIT")
    old.execute("INSERT INTO command VALUES ('a', 1, 'reset', 7, 1, 1, 'li', '', '', 5, 1, '', NULL)")
    old.close()
    reader = JournalReader.open(path)
    assert (reader.steps(), reader.last_steps(), reader.last_step) == ([], [], 0)
    reader.close()
    bench = Bench()
    bench.order(2, "inhibit", lasts=3)
    journal = Journal.open(path)
    journal.begin_incarnation("log", 1)
    journal.commit(bench.engine.frame, bench.all)
    assert [s.step for s in journal.steps()] == ["inhibit"]
    assert journal.steps_between(0, bench.engine.frame) == journal.steps()
    check = apsw.Connection(str(path))
    assert check.execute("SELECT id, point FROM command ORDER BY id").fetchall()[0] == ("a", 0)
    assert check.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
