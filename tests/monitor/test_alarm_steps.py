"""Putting an alarm aside and what follows by itself, one example each: ISA-18.2's states shelved and out of service, and escalation."""

from __future__ import annotations

import pytest
from plant_of_one import One, micros, rule, seconds

from anlan.model.events.alarms import AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.model.languages import translate
from anlan.monitor import states
from anlan.monitor.engine import Engine

K, S, T = AlarmKind, AlarmState, Trigger
HIGH = rule(K.HIGH, limit=80.0)
URGENT = rule(K.HIGH, limit=80.0, priority=1)
HOUR = 3600.0


def shelve(one: One, at: float, until: float, **other: object) -> bool:
    return one.order(at, "shelve", until=micros(until), **{"reason": "chatters", **other}).accepted


def remove(one: One, at: float, **other: object) -> bool:
    return one.order(at, "remove_from_service", **{"reason": "probe out", "work_order": "WO-7", **other}).accepted


def steps(found: list[AlarmTransition]) -> list[tuple[float, Trigger, AlarmState]]:
    return [(seconds(t.happened_at), t.trigger, t.after) for t in found]


def feed(one: One, value: float, start: int, end: int) -> list[AlarmTransition]:
    """A reading and a tick each second."""
    return [t for at in range(start, end + 1) for t in (*one.read(at, value), *one.tick(at))]


# ---- shelved


def test_a_shelved_alarm_says_nothing_and_comes_back_unacknowledged_if_its_condition_stands() -> None:
    one = One((HIGH,))
    feed(one, 85, 1, 3)
    one.order(3)
    assert one.state is S.ACKNOWLEDGED
    assert shelve(one, 3, until=33)
    (shelved,) = one.last.events()
    assert (shelved.trigger, shelved.after, shelved.value, shelved.reason) == (T.SHELVE, S.SHELVED, micros(33), "chatters")
    assert feed(one, 70, 4, 9) + feed(one, 85, 10, 32) == []
    assert steps(feed(one, 85, 33, 34)) == [(33.0, T.UNSHELVE, S.UNACKNOWLEDGED)]
    assert one.heard[-1].episode == 2, "it is a new activation: who acknowledged the first has not seen this one"


def test_shelving_that_ends_while_the_condition_is_gone_leaves_nothing_behind() -> None:
    one = One((HIGH,))
    feed(one, 85, 1, 2)
    assert shelve(one, 2, until=12)
    assert steps(feed(one, 70, 3, 20)) == [(12.0, T.UNSHELVE, S.NORMAL)]


def test_an_alarm_can_be_shelved_before_it_comes() -> None:
    one = One((HIGH,))
    assert shelve(one, 1, until=11)
    assert feed(one, 85, 2, 10) == []
    assert steps(feed(one, 85, 11, 11)) == [(11.0, T.UNSHELVE, S.UNACKNOWLEDGED)]


def test_shelving_counts_the_nodes_time_whatever_its_clock_does() -> None:
    one = One((HIGH,))
    one.ticks(1, 2)
    assert shelve(one, 2, until=12)
    one.tick(8 * HOUR)  # the clock was set ahead: one second of node time
    assert one.state is S.SHELVED
    one.ticks(8 * HOUR + 1, 8 * HOUR + 8)
    assert one.state is S.SHELVED
    (ended,) = one.tick(8 * HOUR + 9)
    assert (ended.trigger, seconds(ended.happened_at)) == (T.UNSHELVE, 8 * HOUR + 9)


def test_a_person_unshelves_and_the_end_no_longer_counts() -> None:
    one = One((HIGH,))
    one.read(1, 85)
    assert shelve(one, 2, until=10)
    assert one.order(3, "unshelve").accepted
    assert one.state is S.UNACKNOWLEDGED
    one.order(4)
    assert feed(one, 85, 5, 15) == []
    assert one.state is S.ACKNOWLEDGED
    assert not one.order(16, "unshelve").accepted


def test_shelving_ends_by_the_second_end_not_by_the_first() -> None:
    one = One((HIGH,))
    one.ticks(1, 3)
    assert shelve(one, 3, until=5)
    assert one.order(3.2, "unshelve").accepted
    assert shelve(one, 3.5, until=9)
    assert steps(one.ticks(4, 12)) == [(9.0, T.UNSHELVE, S.NORMAL)]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"until": micros(2), "reason": ""}, "a reason is needed"),
        ({"until": micros(1), "reason": "x"}, "shelving needs an end that lies ahead"),
        ({"until": None, "reason": "x"}, "shelving needs an end that lies ahead"),
        ({"until": micros(1 + 12 * HOUR + 1), "reason": "x"}, "shelving lasts 12 h at most"),
    ],
)
def test_shelving_needs_a_reason_and_an_end(asked: dict[str, object], why: str) -> None:
    one = One((HIGH,))
    refused = one.order(1, "shelve", **asked)
    assert refused.text("en") == why
    assert refused.text("zh") != why
    assert one.state is S.NORMAL


def test_what_guards_safety_is_not_shelved_whoever_asks() -> None:
    one = One((rule(K.HIGH_HIGH, limit=80.0, shelvable=False),))
    one.read(1, 85)
    refused = one.order(2, "shelve", until=micros(12), reason="x")
    assert refused.text("en") == "this alarm guards safety: it can't be shelved"
    assert translate(refused.why, "zh") != refused.why


def test_a_rule_that_may_no_longer_be_shelved_comes_back_at_the_next_tick() -> None:
    one = One((HIGH,))
    one.read(1, 85)
    assert shelve(one, 2, until=HOUR)
    one.configure(3, rule(K.HIGH, limit=80.0, shelvable=False))
    assert [(t.trigger, t.after) for t in one.tick(4)] == [(T.UNSHELVE, S.UNACKNOWLEDGED)]


def test_shelving_outlives_a_snapshot_and_a_change_of_other_rules() -> None:
    one = One((HIGH,))
    feed(one, 85, 1, 3)
    assert shelve(one, 3, until=12)
    one.configure(3, HIGH, rule(K.LOW, number=11, limit=1.0))
    one.engine = Engine.restore(one.engine.snapshot())
    assert steps(feed(one, 85, 4, 12)) == [(12.0, T.UNSHELVE, S.UNACKNOWLEDGED)]


def test_a_rule_that_is_removed_while_shelved_waits_for_nothing_when_it_is_back() -> None:
    one = One((HIGH,))
    assert shelve(one, 1, until=10)
    one.configure(2)
    one.configure(3, HIGH)
    assert one.state is S.NORMAL
    assert one.ticks(4, 20) == []


# ---- out of service


def test_out_of_service_lasts_until_a_person_ends_it() -> None:
    one = One((HIGH,))
    one.read(1, 85)
    assert remove(one, 2)
    (removed,) = one.last.events()
    assert (removed.after, removed.reason, removed.who) == (S.OUT_OF_SERVICE, "WO-7: probe out", "zhang")
    assert feed(one, 70, 3, 40) + feed(one, 85, 41, 200) == []
    assert one.order(201, "return_to_service").accepted
    assert one.state is S.UNACKNOWLEDGED


@pytest.mark.parametrize("lacking", ["reason", "work_order"])
def test_taking_out_of_service_needs_a_reason_and_a_work_order(lacking: str) -> None:
    one = One((HIGH,))
    assert not remove(one, 1, **{lacking: " "})
    assert one.state is S.NORMAL


def test_taking_out_of_service_ends_a_shelving_for_good() -> None:
    one = One((HIGH,))
    assert shelve(one, 1, until=5)
    assert remove(one, 2)
    assert feed(one, 70, 3, 20) == []
    assert one.state is S.OUT_OF_SERVICE
    assert not shelve(one, 21, until=30)
    assert one.order(22, "return_to_service").accepted
    assert one.state is S.NORMAL


# ---- escalation


def test_an_urgent_alarm_nobody_acknowledges_is_told_to_the_next_levels() -> None:
    one = One((URGENT,))
    one.read(1, 85)
    told = feed(one, 85, 2, 200)
    assert steps(told) == [(61.0, T.ESCALATE, S.UNACKNOWLEDGED), (121.0, T.ESCALATE, S.UNACKNOWLEDGED)]
    assert [(t.before, t.value, t.limit, t.episode) for t in told] == [
        (S.UNACKNOWLEDGED, 1.0, 60.0, 1),
        (S.UNACKNOWLEDGED, 2.0, 120.0, 1),
    ]


def test_acknowledging_ends_it() -> None:
    one = One((URGENT,))
    one.read(1, 85)
    assert len(feed(one, 85, 2, 70)) == 1
    assert one.order(71, priority=1).accepted
    assert feed(one, 85, 72, 300) == []


@pytest.mark.parametrize("hide", [lambda one: shelve(one, 30, until=HOUR, priority=1), lambda one: remove(one, 30, priority=1)])
def test_an_alarm_that_is_hidden_is_told_to_nobody(hide: object) -> None:
    one = One((URGENT,))
    one.read(1, 85)
    assert callable(hide)
    assert hide(one)
    assert feed(one, 85, 31, 300) == []


def test_only_the_highest_priority_escalates() -> None:
    one = One((rule(K.HIGH, limit=80.0, priority=2),))
    one.read(1, 85)
    assert feed(one, 85, 2, 300) == []


def test_an_alarm_that_comes_and_goes_is_waited_for_since_it_first_came() -> None:
    one = One((URGENT,))
    found = [
        t
        for at in range(0, 120, 10)
        for t in (*one.read(at, 85), *one.ticks(at, at + 5), *one.read(at + 5, 70), *one.ticks(at + 6, at + 9))
    ]
    found += one.ticks(120, 125)
    assert [seconds(t.happened_at) for t in found if t.trigger is T.ESCALATE] == [60.0, 120.0]


def test_what_returned_unseen_still_escalates() -> None:
    one = One((URGENT,))
    one.read(1, 85)
    assert steps(feed(one, 70, 2, 61))[1:] == [(61.0, T.ESCALATE, S.RETURNED_UNACKNOWLEDGED)]


def test_escalation_goes_on_after_a_snapshot() -> None:
    one = One((URGENT,))
    one.read(1, 85)
    feed(one, 85, 2, 70)
    one.engine = Engine.restore(one.engine.snapshot())
    assert steps(feed(one, 85, 71, 200)) == [(121.0, T.ESCALATE, S.UNACKNOWLEDGED)]


def test_an_alarm_that_becomes_urgent_is_waited_for_from_then() -> None:
    one = One((rule(K.HIGH, limit=80.0, priority=2),))
    one.read(1, 85)
    feed(one, 85, 2, 100)
    one.configure(100, URGENT)
    assert steps(feed(one, 85, 101, 165)) == [(160.0, T.ESCALATE, S.UNACKNOWLEDGED)]


def test_every_row_of_the_journal_is_an_arrow_of_the_table() -> None:
    one = One((URGENT,))
    one.read(1, 85)
    feed(one, 85, 2, 130)
    shelve(one, 131, until=140, priority=1)
    feed(one, 70, 132, 141)
    for t in one.heard:
        assert t.after in {states.after(t.before, t.trigger, latching=False, active=on) for on in (True, False)}
