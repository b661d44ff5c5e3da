"""What a change of rules does, by hand-made pasts, and by one law: a rule set against itself changes nothing."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest
from engine_leading import engine_config
from engine_reference_state import SECOND, Config, Point, Rule
from hypothesis import strategies as st

from anlan.model.events.alarms import AlarmKind
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from anlan.monitor.config import SUFFIX
from anlan.monitor.replay import Episode, Episodes, Replay
from anlan.monitor.sub_plant import changed
from anlan.monitor.what_if import Facts, Incident, RuleSet, what_if
from tests.examples import tried_on

START = 1_767_225_600 * SECOND


def facts_of(config: EngineConfig, **other: Any) -> dict[int, Facts]:
    table = config.rule_table
    rows = zip(*(table[name].to_pylist() for name in ("number", "kind", "target", "priority")), strict=True)
    return {
        number: Facts(**{"id": f"P{target}.{SUFFIX[AlarmKind(kind)]}", "point": f"P{target}", "place": "works/U100/V-1", "kind": AlarmKind(kind), "priority": priority, **other})
        for number, kind, target, priority in rows
    }  # fmt: skip


def gone_through(config: EngineConfig, readings: Readings, **other: Any) -> RuleSet:
    replay, episodes = Replay(config), Episodes()
    episodes.add(replay.feed(readings))
    episodes.add(replay.until(int(readings.time[-1])))
    return RuleSet(facts_of(config, **other), episodes.all)


def level(kind: AlarmKind = AlarmKind.HIGH, **rest: Any) -> EngineConfig:
    return engine_config(
        Config(1, (1,), (Point(1, 1, False, 3 * SECOND),), (Rule(number=10, kind=kind, target=1, limit=8.0, **rest),))
    )


def values(text: str) -> Readings:
    """One digit a second."""
    return Readings.of([(1, START + at * SECOND, float(v), 0) for at, v in enumerate(text)])


def seconds(at: int | None) -> float | None:
    return None if at is None else (at - START) / SECOND


CHATTER = "19191919191111111111199999999999991111"


def test_a_longer_delay_takes_away_the_chatter_and_announces_the_real_one_later() -> None:
    old = gone_through(level(), values(CHATTER))
    new = gone_through(changed(level(), {10: {"on_delay": 5_000}}), values(CHATTER))
    effect = what_if(old, new)
    assert (effect.before, effect.after) == (6, 1)
    assert effect.counts == {"added": 0, "gone": 5, "merged": 0, "earlier": 0, "later": 1}
    [later] = [c for c in effect.changes if c.what == "later"]
    assert (seconds(later.before), seconds(later.after), later.by) == (21, 26, 5 * SECOND)
    assert effect.chattering_removed == ["P1.H"]
    assert effect.missed == []
    assert effect.incidents == 0
    assert effect.priorities["3"] == (6, 1)


def test_a_wider_dead_band_merges_what_chatters_into_one_that_stands() -> None:
    past = values("1797979711")
    effect = what_if(gone_through(level(), past), gone_through(changed(level(), {10: {"dead_band": 2.0}}), past))
    assert effect.counts == {"added": 0, "gone": 0, "merged": 2, "earlier": 0, "later": 0}


def test_a_lower_limit_announces_earlier_and_adds() -> None:
    past = values("11789111711")
    effect = what_if(gone_through(level(), past), gone_through(changed(level(), {10: {"limit": 7.0}}), past))
    assert effect.counts == {"added": 1, "gone": 0, "merged": 0, "earlier": 1, "later": 0}
    by_what = {c.what: c for c in effect.changes}
    assert (seconds(by_what["earlier"].before), seconds(by_what["earlier"].after)) == (3, 2)
    assert seconds(by_what["added"].after) == 8


def test_a_grave_activation_that_is_not_announced_is_missed() -> None:
    past = values("1119911111999999999111")
    old = level(AlarmKind.HIGH_HIGH)
    effect = what_if(gone_through(old, past), gone_through(changed(old, {10: {"on_delay": 4_000}}), past))
    assert (effect.incidents, effect.given, effect.caught) == (2, False, (2, 1))
    assert [(m.alarm, seconds(m.before), m.after) for m in effect.missed] == [("P1.HH", 3, None)]
    assert [(seconds(m.before), seconds(m.after), m.by) for m in effect.later] == [(10, 14, 4 * SECOND)]


@pytest.mark.parametrize(("other", "grave"), [({"priority": 1}, True), ({"trip": True}, True), ({}, False)])
def test_what_is_grave(other: dict[str, Any], grave: bool) -> None:
    past = values("1911")
    effect = what_if(gone_through(level(), past, **other), gone_through(changed(level(), {10: {"limit": 9.5}}), past, **other))
    assert effect.incidents == grave
    assert len(effect.missed) == grave


def episode(begins: float, ends: float | None, alarm: int = 10) -> Episode:
    return Episode(alarm, START + round(begins * SECOND), None if ends is None else START + round(ends * SECOND), 9.0, 8.0, 0)


FACTS = {10: Facts("P1.H", "P1", "works/U100/V-1", AlarmKind.HIGH, 3), 11: Facts("P2.H", "P2", "works/U200", AlarmKind.HIGH, 3)}


def incident(start: float, end: float, subject: str) -> Incident:
    return Incident(START + round(start * SECOND), START + round(end * SECOND), subject, f"leak at {subject}")


@pytest.mark.parametrize(
    ("subject", "caught"), [("P1", True), ("works/U100", True), ("works/U100/V-1", True), ("works/U10", False), ("P2", False)]
)
def test_an_incident_is_announced_by_its_point_or_place(subject: str, caught: bool) -> None:
    rules = RuleSet(FACTS, [episode(1000, 1010)])
    effect = what_if(rules, rules, [incident(1005, 1100, subject)])
    assert effect.caught == (caught, caught)
    assert effect.unchanged


@pytest.mark.parametrize(("begins", "caught"), [(399, False), (400, True), (1000, True), (1100, True), (1101, False)])
def test_an_incident_counts_as_announced_from_its_lead_to_its_end(begins: float, caught: bool) -> None:
    rules = RuleSet(FACTS, [episode(begins, begins + 1)])
    assert what_if(rules, rules, [incident(1000, 1100, "P1")], lead=600 * SECOND).caught == (caught, caught)


def test_an_incident_that_only_the_old_rules_announce_is_missed_and_one_announced_later_is_told() -> None:
    old = RuleSet(FACTS, [episode(1000, 1001), episode(5000, 5100)])
    new = RuleSet(FACTS, [episode(5030, 5100)])
    effect = what_if(old, new, [incident(1000, 1100, "P1"), incident(5000, 5200, "works/U100"), incident(9000, 9100, "P2")])
    assert (effect.incidents, effect.given, effect.caught) == (3, True, (2, 1))
    assert [(m.name, seconds(m.before), m.after) for m in effect.missed] == [("leak at P1", 1000, None)]
    assert [(m.name, m.by) for m in effect.later] == [("leak at works/U100", 30 * SECOND)]


def test_an_alarm_that_the_new_rules_do_not_have_is_gone() -> None:
    old = RuleSet(FACTS, [episode(1, 2), episode(3, 4, alarm=11)])
    new = RuleSet({10: FACTS[10]}, [episode(1, 2)])
    effect = what_if(old, new)
    assert [(c.what, c.alarm) for c in effect.changes] == [("gone", "P2.H")]


def test_another_priority_is_a_change() -> None:
    old = RuleSet({10: FACTS[10]}, [episode(1, 2)])
    new = RuleSet({10: Facts("P1.H", "P1", "works/U100/V-1", AlarmKind.HIGH, 2)}, [episode(1, 2)])
    effect = what_if(old, new)
    assert not effect.unchanged
    assert (effect.priorities["3"], effect.priorities["2"]) == ((1, 0), (0, 1))


def test_an_effect_is_plain_json_and_says_what_it_left_out() -> None:
    old = RuleSet(FACTS, [episode(10 * i, 10 * i + 1) for i in range(1_500)])
    told = what_if(old, RuleSet(FACTS, [])).as_json()
    assert orjson.loads(orjson.dumps(told)) == orjson.loads(orjson.dumps(told, option=orjson.OPT_SORT_KEYS))
    assert (len(told["changes"]), told["changes_left"], told["counts"]["gone"]) == (1_000, 500, 1_500)


@tried_on(st.integers(0, 1 << 32), st.booleans(), few=30, many=100)
def test_a_rule_set_against_itself_changes_nothing(seed: int, given_incidents: bool) -> None:
    random = Random(seed)
    config = level(
        random.choice((AlarmKind.HIGH, AlarmKind.HIGH_HIGH)),
        dead_band=random.choice((0.0, 2.0)),
        on_delay=random.choice((0, 2, 5)) * SECOND,
        off_delay=random.choice((0, 2, 5)) * SECOND,
        priority=random.choice((1, 3)),
    )
    past = values("".join(random.choice("1179") for _ in range(120)))
    incidents = [incident(random.randrange(100), 120, "P1")] if given_incidents else None
    effect = what_if(gone_through(config, past), gone_through(config, past), incidents)
    assert effect.unchanged
    assert (effect.changes, effect.alarms, effect.missed, effect.later) == ([], [], [], [])
    assert effect.chattering_removed == effect.chattering_added == []


@tried_on(st.integers(0, 1 << 32), few=20, many=60)
def test_the_counts_add_up(seed: int) -> None:
    random = Random(seed)
    past = values("".join(random.choice("11789") for _ in range(200)))
    changes = {
        "limit": random.choice((7.0, 8.0, 9.0)),
        "on_delay": random.choice((0, 3_000)),
        "dead_band": random.choice((0.0, 1.0)),
    }
    old, new = gone_through(level(), past), gone_through(changed(level(), {10: changes}), past)
    effect = what_if(old, new)
    counts = effect.counts
    assert effect.before - counts["gone"] - counts["merged"] + counts["added"] == effect.after
    back = what_if(new, old)
    assert (back.before, back.after) == (effect.after, effect.before)
