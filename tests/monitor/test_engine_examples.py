"""What an operator may rely on, one example each: limits, dead-band, delays, gaps, clocks, quality, loss of view, latching, commands."""

from __future__ import annotations

import math

import pytest
from plant_of_one import START, One, micros, rule, seconds

from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.languages import translate
from anlan.model.quality import Flag, Reason, Severity, quality, reason_of, severity_of
from anlan.monitor import states
from anlan.monitor.commands import TRIGGER, why_not

K, S = AlarmKind, AlarmState
BAD = quality(Severity.BAD, Reason.SENSOR_FAILURE)
UNCERTAIN = quality(Severity.UNCERTAIN)


# ---- limits and dead-band


@pytest.mark.parametrize(
    ("kind", "quiet", "on", "within", "off"),
    [
        (K.HIGH, 79.9, 80.0, 78.0, 77.9),
        (K.HIGH_HIGH, 79.9, 80.0, 78.0, 77.9),
        (K.LOW, 80.1, 80.0, 82.0, 82.1),
        (K.LOW_LOW, 80.1, 80.0, 82.0, 82.1),
    ],
)
def test_a_limit_is_inclusive_and_clears_only_beyond_its_dead_band(
    kind: AlarmKind, quiet: float, on: float, within: float, off: float
) -> None:
    one = One((rule(kind, limit=80.0, dead_band=2.0),))
    assert one.read(1, quiet) == []
    assert [t.trigger for t in one.read(2, on)] == [Trigger.CONDITION_ON]
    assert one.read(3, within) == []
    assert [t.trigger for t in one.read(4, off)] == [Trigger.CONDITION_OFF]


def test_the_transition_carries_what_decided() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    (raised,) = one.read(2.5, 83.5, UNCERTAIN, stamp=2.0)
    assert (raised.alarm, raised.episode, raised.value, raised.quality, raised.limit) == (10, 1, 83.5, UNCERTAIN, 80.0)
    assert (seconds(raised.happened_at), seconds(raised.noticed_at)) == (2.0, 2.5)
    assert (raised.before, raised.after) == (S.NORMAL, S.UNACKNOWLEDGED)


def test_one_reading_can_raise_high_and_high_high() -> None:
    one = One((rule(K.HIGH, limit=80.0), rule(K.HIGH_HIGH, number=11, limit=90.0)))
    assert [t.alarm for t in one.read(1, 95.0)] == [10, 11]


def test_a_discrete_point_alarms_in_its_listed_states() -> None:
    one = One((rule(K.STATE, states=(2, 300)),), on_change=True, deadline=0)
    assert one.read(1, 1.0) == []
    (raised,) = one.read(2, 300.0)
    assert (raised.trigger, raised.limit) == (Trigger.CONDITION_ON, 300.0)
    assert one.read(3, 2.0) == []
    assert [t.trigger for t in one.read(4, 0.0)] == [Trigger.CONDITION_OFF]


# ---- delays on data time


def test_an_on_delay_counts_data_time_not_arrival() -> None:
    one = One((rule(K.HIGH, limit=80.0, on_delay=2_000_000),))
    one.read(10.0, 85.0, stamp=1.0)
    one.read(10.1, 85.0, stamp=2.9)
    (raised,) = one.read(10.2, 85.0, stamp=3.0)
    assert seconds(raised.happened_at) == 3.0


def test_a_value_that_returns_within_its_on_delay_never_alarms() -> None:
    one = One((rule(K.HIGH, limit=80.0, on_delay=2_000_000),))
    assert one.read(1, 85) + one.read(2, 79) + one.read(3, 85) + one.read(4, 85) == []
    assert len(one.read(5, 85)) == 1


def test_noise_inside_the_dead_band_does_not_restart_the_delay() -> None:
    one = One((rule(K.HIGH, limit=80.0, dead_band=2.0, on_delay=2_000_000),))
    assert one.read(1, 80) + one.read(2, 79) == []
    assert len(one.read(3, 78.5)) == 1


def test_a_return_shorter_than_the_off_delay_is_the_same_episode() -> None:
    one = One((rule(K.HIGH, limit=80.0, off_delay=2_000_000),))
    one.read(1, 85)
    assert one.read(2, 70) + one.read(3, 85) + one.read(4, 70) + one.read(5, 70) == []
    (returned,) = one.read(6, 70)
    assert (returned.trigger, returned.episode) == (Trigger.CONDITION_OFF, 1)


def test_a_delay_never_fires_inside_a_data_gap_of_a_cyclic_point() -> None:
    """ThingsBoard #14210: a duration alarm fired while no data came."""
    one = One((rule(K.HIGH, limit=80.0, on_delay=10_000_000),))
    one.read(1, 85)
    assert one.ticks(2, 40) == []


def test_a_gap_counts_as_the_deadline_and_no_more() -> None:
    one = One((rule(K.HIGH, limit=80.0, on_delay=10_000_000),))
    one.read(1, 85)
    assert one.read(61, 85) == []  # 60 s of silence count as 3
    assert [t for at in range(62, 68) for t in one.read(at, 85)] == []
    (raised,) = one.read(68, 85)
    assert seconds(raised.happened_at) == 68.0


def test_a_slow_cyclic_point_alarms_in_the_end() -> None:
    """Every gap is longer than the deadline; each still counts as the deadline, so the delay ends."""
    one = One((rule(K.HIGH, limit=80.0, on_delay=10_000_000),))
    heard = [t for at in range(0, 30, 5) for t in one.read(at, 85)]
    assert [seconds(t.happened_at) for t in heard] == [20.0]


def test_on_change_silence_with_a_live_source_means_unchanged() -> None:
    one = One((rule(K.HIGH, limit=80.0, on_delay=10_000_000),), on_change=True, deadline=0)
    one.read(1.2, 85, stamp=1.0)
    assert one.ticks(2, 11) == []
    (raised,) = one.tick(12)
    assert (seconds(raised.happened_at), seconds(raised.noticed_at)) == (11.0, 12.0)


def test_on_change_a_delay_that_ended_before_the_next_value_has_fired() -> None:
    """Delivered in one burst, without a tick between: the value stood for 20 s all the same."""
    one = One((rule(K.HIGH, limit=80.0, on_delay=10_000_000),), on_change=True, deadline=0)
    one.read(30, 85, stamp=1.0)
    raised, returned = one.read(30, 20, stamp=21.0)
    assert (raised.trigger, seconds(raised.happened_at), raised.value) == (Trigger.CONDITION_ON, 11.0, 85)
    assert (returned.trigger, seconds(returned.happened_at), returned.value) == (Trigger.CONDITION_OFF, 21.0, 20)


def test_on_change_the_time_out_of_view_does_not_count() -> None:
    one = One((rule(K.HIGH, limit=80.0, on_delay=10_000_000),), on_change=True, deadline=0)
    one.read(1, 85)
    one.tick(2)
    one.tick(3, {1: "down"})  # 2 s counted
    assert one.ticks(4, 30) == []
    one.tick(31, {1: "up"})
    assert one.read(31.5, 85) == []
    one.tick(32)
    assert one.ticks(33, 39) == []
    (raised,) = one.tick(40)
    assert seconds(raised.happened_at) == 39.5


# ---- clocks


def test_a_stamp_from_the_future_is_flagged_and_decided_on_by_its_arrival() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    (raised,) = one.read(2, 85, stamp=8)
    assert seconds(raised.happened_at) == 2.0
    assert raised.quality & Flag.CLOCK_BAD
    assert one.read(3, 70)[0].trigger is Trigger.CONDITION_OFF  # what follows with a right clock isn't late


def test_a_stamp_five_seconds_ahead_is_still_believed() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    (raised,) = one.read(2, 85, stamp=7)
    assert (seconds(raised.happened_at), raised.quality) == (7.0, 0)


def test_a_node_clock_set_back_an_hour_stops_no_alarm() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(1, 70)
    one.tick(-3598)
    (raised,) = one.read(-3597.5, 85, stamp=2.5)
    assert raised.after is S.UNACKNOWLEDGED
    assert seconds(raised.happened_at) == pytest.approx(2.5, abs=1.0)


def test_what_a_node_clock_set_back_an_hour_stamps_stops_no_alarm() -> None:
    """A polled device stamps nothing: its readings carry the node's own time, which has passed already."""
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(1, 70)
    one.tick(-3598)
    (raised,) = one.read(-3597.5, 85, stamp=-3597.5)
    assert raised.after is S.UNACKNOWLEDGED
    assert Flag.CLOCK_BAD & raised.quality
    assert seconds(raised.happened_at) == pytest.approx(2.5, abs=1.0)
    (over,) = one.read(-3590, 70, stamp=-3590)
    assert seconds(over.happened_at) > seconds(raised.happened_at)


@pytest.mark.parametrize("stamp", [-3600, 0.5, -START / 1e6], ids=["an hour ago", "just passed", "1970"])
def test_what_a_wrong_clock_stamps_is_decided_on_by_its_receipt(stamp: float) -> None:
    """The node found over a while that the device's clock is wrong, and marks what it stamps."""
    one = One((rule(K.HIGH, limit=80.0, on_delay=2_000_000),))
    one.read(1, 70)
    for second in (2, 3):
        assert one.read(second, 85, int(Flag.CLOCK_BAD), stamp=stamp + second) == []
    (raised,) = one.read(4, 85, int(Flag.CLOCK_BAD), stamp=stamp + 4)
    assert (raised.after, seconds(raised.happened_at)) == (S.UNACKNOWLEDGED, 4.0)
    assert Flag.CLOCK_BAD & raised.quality
    (over,) = one.read(5, 70, stamp=5)
    assert seconds(over.happened_at) == 5.0, "its clock was set right"


def test_what_was_brought_in_later_is_not_live_whatever_its_clock() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(10, 70)
    assert one.read(11, 85, int(Flag.CLOCK_BAD | Flag.BACKFILL), stamp=3) == []


def test_zero_is_a_time() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    (raised,) = one.read(1, 85, stamp=-START / 1e6)
    assert (raised.happened_at, raised.after) == (0, S.UNACKNOWLEDGED)
    live = one.engine.live([1]).readings()
    assert (live.point.tolist(), live.time.tolist(), live.value.tolist()) == ([1], [0], [85.0])


def test_what_a_gateway_kept_stays_late_while_the_node_clock_is_set_back() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(10, 70)
    one.tick(-3590)
    assert one.read(-3588, 85, stamp=-3600) == []


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 86_400 * 365.0])
def test_a_jump_of_the_node_clock_makes_nothing_stale_and_ends_no_delay(jump: float) -> None:
    one = One((rule(K.STALE), rule(K.HIGH, number=11, limit=80.0, on_delay=10_000_000)), on_change=True, deadline=3_000_000)
    one.read(1, 85)
    one.tick(2)
    assert one.tick(jump) == []


def test_a_node_that_slept_blames_no_source_at_once() -> None:
    one = One((rule(K.STALE),))
    one.read(1, 5)
    one.tick(1)
    assert one.tick(61) == []
    assert one.read(61.2, 5) + one.tick(62) == []


# ---- late and repeated data


def test_late_readings_are_counted_and_never_move_the_live_state() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(5, 70)
    assert one.read(6, 99, stamp=4) == []
    assert one.last.late[0][1].tolist() == [0]
    assert float(one.engine.live([1]).value[0]) == 70
    assert one.engine.ledger[1].tolist() == [2, 1, 0, 1, 0, 0]


def test_exact_duplicates_change_nothing() -> None:
    one = One((rule(K.STALE),))
    one.read(1, math.nan)
    one.tick(2)
    one.tick(3)
    one.read(3.9, math.nan, stamp=1)
    assert one.engine.ledger[1].tolist() == [2, 1, 1, 0, 0, 0]
    assert len(one.tick(4)) == 1  # and are no sign of life


def test_a_new_value_or_quality_under_the_same_stamp_counts() -> None:
    one = One((rule(K.HIGH, limit=80.0), rule(K.BAD_QUALITY, number=11)))
    one.read(1, 70)
    assert len(one.read(1.1, 85, stamp=1)) == 1
    assert [t.alarm for t in one.read(1.2, 85, BAD, stamp=1)] == [11]


def test_readings_for_unknown_points_are_counted() -> None:
    one = One(())
    assert one.read(1, 5, point=2) + one.read(1, 5, point=4_000_000_000) == []
    assert one.engine.ledger[1].tolist() == [2, 0, 0, 0, 2, 0]


# ---- quality


def test_bad_data_neither_clears_nor_raises_a_value_alarm() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(1, 85)
    assert one.read(2, 0, BAD) == []
    assert one.state is S.UNACKNOWLEDGED
    assert len(one.read(3, 0)) == 1
    assert one.read(4, 99, BAD) == []


def test_nan_is_bad() -> None:
    one = One((rule(K.BAD_QUALITY), rule(K.LOW, number=11, limit=1.0)))
    (raised,) = one.read(1, math.nan)
    assert (raised.alarm, reason_of(raised.quality)) == (10, Reason.NOT_A_NUMBER)
    assert reason_of(one.quality) is Reason.NOT_A_NUMBER


def test_bad_quality_waits_for_its_delay_through_silence_too() -> None:
    one = One((rule(K.BAD_QUALITY, on_delay=5_000_000),), on_change=True, deadline=0)
    one.read(1, 5, BAD)
    assert one.ticks(2, 5) == []
    (raised,) = one.tick(6)
    assert seconds(raised.happened_at) == 6.0
    assert [t.trigger for t in one.read(7, 5)] == [Trigger.CONDITION_OFF]


def test_what_was_bad_before_a_loss_of_view_is_bad_after_it() -> None:
    one = One((rule(K.BAD_QUALITY, on_delay=5_000_000),), on_change=True, deadline=0)
    one.read(1, 5, BAD)
    one.tick(2, {1: "down"})
    one.ticks(3, 29)
    one.tick(30, {1: "up"})
    assert one.ticks(31, 34) == []
    assert [seconds(t.happened_at) for t in one.tick(35)] == [35.0]


# ---- absence


def test_a_silent_cyclic_point_goes_stale_on_node_time() -> None:
    one = One((rule(K.STALE),))
    one.read(1.5, 5)
    assert one.ticks(2, 4) == []
    assert severity_of(one.quality) is Severity.GOOD
    (raised,) = one.tick(5)
    assert (seconds(raised.happened_at), seconds(raised.noticed_at)) == (4.5, 5.0)
    assert reason_of(one.quality) is Reason.STALE
    assert [t.trigger for t in one.read(6, 5)] == [Trigger.CONDITION_OFF]
    assert severity_of(one.quality) is Severity.GOOD


def test_a_point_that_never_spoke_goes_stale_and_was_never_good() -> None:
    one = One((rule(K.STALE),))
    assert reason_of(one.quality) is Reason.NO_DATA_YET
    (raised,) = one.ticks(1, 3)
    assert math.isnan(raised.value)


def test_an_on_change_point_is_not_stale_by_silence() -> None:
    one = One((rule(K.STALE),), on_change=True, deadline=0)
    one.read(1, 5)
    assert one.ticks(2, 600) == []
    assert severity_of(one.quality) is Severity.GOOD


def view(**rest: object) -> tuple[object, ...]:
    return (
        rule(K.LOSS_OF_VIEW, priority=1, **rest),
        rule(K.STALE, number=11),
        rule(K.BAD_QUALITY, number=12),
        rule(K.HIGH, number=13, limit=80.0),
    )


def test_a_dead_source_raises_one_alarm_and_nothing_else() -> None:
    one = One(view())
    one.read(1, 85)
    (raised,) = one.tick(2, {1: "down"})
    assert (raised.alarm, raised.after) == (10, S.UNACKNOWLEDGED)
    assert one.ticks(3, 60) == []
    assert reason_of(one.quality) is Reason.COMMUNICATION
    assert one.engine.state_of(13) is S.UNACKNOWLEDGED
    assert [t.alarm for t in one.tick(61, {1: "up"})] == [10]


def test_after_a_loss_the_last_value_is_uncertain_until_a_new_one_comes() -> None:
    one = One(view(), on_change=True, deadline=0)
    one.read(1, 50)
    one.tick(2, {1: "down"})
    one.tick(3, {1: "up"})
    assert (severity_of(one.quality), reason_of(one.quality)) == (Severity.UNCERTAIN, Reason.LAST_USABLE)
    one.read(4, 50)
    assert severity_of(one.quality) is Severity.GOOD


def test_silence_before_a_source_came_back_is_not_held_against_its_points() -> None:
    one = One((rule(K.STALE),))
    one.read(1, 50)
    one.tick(2, {1: "down"})
    one.ticks(3, 9)
    one.tick(10, {1: "up"})
    assert one.tick(11) + one.tick(12) == []
    assert len(one.tick(13)) == 1


def test_a_source_nobody_ever_spoke_of_counts_as_lost() -> None:
    one = One((rule(K.LOSS_OF_VIEW, priority=1),))
    one.engine.world.sources["state"][1] = 0
    heard = one.ticks(1, 31)
    assert [seconds(t.noticed_at) for t in heard] == [30.0]


def test_loss_of_view_can_wait_for_its_delay() -> None:
    one = One(view(on_delay=5_000_000))
    one.read(1, 50)
    one.tick(2, {1: "down"})
    assert one.ticks(3, 6) == []
    (raised,) = one.tick(7)
    assert seconds(raised.happened_at) == 7.0


# ---- people


def test_an_acknowledgement_says_who_and_is_journalled() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(1, 85)
    result = one.order(2)
    acknowledged = one.heard[-1]
    assert (result.accepted, result.transition) == (True, acknowledged.n)
    assert (acknowledged.who, acknowledged.post, acknowledged.command) == ("zhang", "panel", result.id)
    assert (acknowledged.after, acknowledged.value, acknowledged.limit) == (S.ACKNOWLEDGED, 85, 80)


def test_acknowledging_an_older_activation_is_refused() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(1, 85)
    one.read(2, 70)
    (again,) = one.read(3, 85)
    assert again.episode == 2
    refused = one.order(4, episode=1)
    assert not refused.accepted
    assert refused.text("en") == "this answers activation 1 of the alarm; it now stands at activation 2: look again"
    assert "1" in refused.text("zh")
    assert one.state is S.UNACKNOWLEDGED


def test_acknowledging_another_severity_is_refused() -> None:
    one = One((rule(K.HIGH, limit=80.0, priority=2),))
    one.read(1, 85)
    assert not one.order(2, priority=3).accepted
    assert one.order(3, priority=2).accepted


def test_what_cannot_be_done_is_refused_in_words() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    assert one.order(1).text("en") == "the alarm is over: there is nothing to acknowledge"
    assert one.order(2, alarm=99).text("en") == "alarm 99 does not exist"
    assert one.order(3, "reset").text("zh") == "只有条件已消失的锁存报警才能复位"


def test_every_refusal_has_its_words_in_both_languages() -> None:
    asked = [(kind, state, states.after(state, TRIGGER[kind], latching=True, active=False)) for kind in TRIGGER for state in S]
    refusals = {why_not(kind, state) for kind, state, after in asked if after is None}
    assert len(refusals) == 11
    assert all(translate(why, "zh") != why for why in refusals)


def test_a_latched_alarm_waits_for_acknowledgement_then_reset() -> None:
    one = One((rule(K.HIGH, limit=80.0, latching=True),))
    one.read(1, 85)
    one.read(2, 70)
    assert one.state is S.LATCHED_UNACKNOWLEDGED
    assert not one.order(3, "reset").accepted
    assert one.order(4).accepted
    assert one.state is S.LATCHED_ACKNOWLEDGED
    assert one.order(5, "reset").accepted
    assert one.state is S.NORMAL


def test_silence_is_written_and_moves_nothing() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(1, 85)
    assert one.order(2, "silence").accepted
    (row,) = one.last.events()
    assert (row.trigger, row.before, row.after, row.episode) == (Trigger.SILENCE, S.UNACKNOWLEDGED, S.UNACKNOWLEDGED, 1)
    assert (one.state, row.who != "", math.isnan(row.value)) == (S.UNACKNOWLEDGED, True, True)


def test_where_nothing_sounds_any_more_a_silence_is_accepted_without_a_row() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(1, 85)
    assert one.order(2).accepted
    assert one.order(3, "silence").accepted
    assert (one.state, len(one.last)) == (S.ACKNOWLEDGED, 0)


def test_a_command_sent_twice_is_done_once_and_answered_twice() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(1, 85)
    first = one.order(2, id="a")
    assert one.order(3, id="a") == first
    assert len(one.last) == 0


# ---- configuration


def test_a_rule_that_stays_keeps_its_state_and_its_running_delay() -> None:
    high = rule(K.HIGH, limit=80.0, on_delay=5_000_000)
    one = One((high,))
    one.read(1, 85)
    one.configure(2, high, rule(K.LOW, number=11, limit=1.0))
    assert [t for at in (3, 4, 5) for t in one.read(at, 85)] == []
    (raised,) = one.read(6, 85)
    assert (raised.alarm, seconds(raised.happened_at)) == (10, 6.0)


def test_a_moved_limit_is_judged_on_the_last_value() -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(1, 75)
    (raised,) = one.configure(2, rule(K.HIGH, limit=70.0))
    assert (raised.trigger, raised.limit, raised.value, seconds(raised.noticed_at)) == (Trigger.CONDITION_ON, 70, 75, 2.0)
    (returned,) = one.configure(3, rule(K.HIGH, limit=90.0))
    assert returned.trigger is Trigger.CONDITION_OFF


def test_a_delay_begun_under_another_deadline_begins_anew_on_the_last_value() -> None:
    high = rule(K.HIGH, limit=80.0, on_delay=5_000_000)
    one = One((high,), on_change=True, deadline=0)
    one.read(1, 85)
    one.ticks(2, 3)
    one.deadline = 60_000_000
    assert one.configure(4, high) + one.ticks(5, 8) == []
    assert [seconds(t.happened_at) for t in one.tick(9)] == [9.0]


@pytest.mark.parametrize("rules", [(), (rule(K.HIGH, limit=80.0, enabled=False),)])
def test_a_removed_or_disabled_rule_ends_its_alarm(rules: tuple[object, ...]) -> None:
    one = One((rule(K.HIGH, limit=80.0),))
    one.read(1, 85)
    (ended,) = one.configure(2, *rules)
    assert (ended.trigger, ended.after) == (Trigger.CONFIGURATION, S.NORMAL)
    assert one.read(3, 99) == []
    (again,) = one.configure(4, rule(K.HIGH, limit=80.0))
    assert (again.trigger, again.episode) == (Trigger.CONDITION_ON, 2)


def test_a_part_that_cannot_be_read_is_named_and_moves_nothing() -> None:
    from anlan.model.frames import Kind

    one = One((rule(K.HIGH, limit=80.0),))
    for kind in Kind:
        one.step(kind, 1, b"\x01nonsense", source=1)
        assert one.last.faults
        assert kind.name in one.last.faults[0]
    assert len(one.read(2, 85)) == 1


def test_live_state_tells_when_a_value_came() -> None:
    one = One(())
    one.read(1.25, 7, stamp=1.0)
    one.tick(2)
    live = one.engine.live([1, 77])
    assert live.point.tolist() == [1]
    assert (live.time[0], live.received_at[0]) == (micros(1.0), START + 1_250_000)
