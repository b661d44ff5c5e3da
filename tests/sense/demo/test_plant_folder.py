"""The demo plant folder: the checker accepts it, and it says what the demo promises."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from anlan.model.points import Subject
from anlan.monitor.config import AlarmRule
from anlan.plant.description import Plant
from anlan.plant.folder import check, load
from anlan.sense.demo.people import people
from anlan.sense.demo.wiring import PLANT, read
from anlan.sense.demo.world.gas import DETECTORS, SOURCES
from anlan.sense.demo.world.people import ROUNDS

WIDTH, HEIGHT = 520.0, 340.0


@cache
def plant() -> Plant:
    return load(PLANT)


def test_the_checker_finds_nothing() -> None:
    assert [str(finding) for finding in check(PLANT).findings] == []


def test_there_are_216_points_from_four_sources() -> None:
    assert Counter(p.source for p in plant().points) == {"dcs": 53, "tanks": 64, "sis": 63, "field": 36}


def test_every_subject_of_the_sensing_layer_is_there() -> None:
    assert {p.subject for p in plant().points} == set(Subject)


def test_it_is_marked_as_a_demo() -> None:
    assert plant().site.demo


@pytest.mark.parametrize("part", ["consequence", "corrective_action"])
def test_every_alarm_says_its_reason_in_both_languages(part: str) -> None:
    rules = [r for r in plant().rules if not getattr(r, part).zh or not getattr(r, part).en]
    assert [r.id for r in rules] == []


def test_every_alarm_has_a_post_that_exists_and_time_to_act() -> None:
    posts = {post.id for post in plant().posts}
    assert [r.id for r in plant().rules if r.post not in posts or not r.time_to_respond] == []


def severity(rule: AlarmRule) -> int:
    return 5 - rule.priority


def test_the_worse_limit_of_a_point_is_never_less_urgent_and_leaves_less_time() -> None:
    rules = {r.id: r for r in plant().rules}
    pairs = [(rules[f"{p.id}.{worse}"], rules[f"{p.id}.{mild}"]) for p in plant().points
             for worse, mild in (("HH", "H"), ("LL", "L")) if f"{p.id}.{worse}" in rules and f"{p.id}.{mild}" in rules]  # fmt: skip
    wrong = [w.id for w, m in pairs if severity(w) < severity(m) or w.time_to_respond > m.time_to_respond]
    assert pairs
    assert wrong == []


def test_the_time_to_respond_fits_the_priority() -> None:
    """Priority 1 answers what must be done within five minutes, 2 within twenty; what can wait longer is 3 or 4."""
    longest = {1: 300.0, 2: 1_200.0, 3: 2_000.0, 4: 7_200.0}
    assert [r.id for r in plant().rules if r.time_to_respond > longest[r.priority]] == []


def test_points_and_places_lie_on_the_site() -> None:
    spots = [p.position for p in (*plant().points, *plant().places) if p.position is not None]
    assert len(spots) > 100
    assert [s for s in spots if not (0 <= s.x <= WIDTH and 0 <= s.y <= HEIGHT)] == []


def test_the_detectors_of_the_world_stand_where_the_plan_shows_them() -> None:
    shown = {p.id: (p.position.x, p.position.y) for p in plant().points if p.position is not None}
    assert [d.id for d in DETECTORS if shown[d.id] != (d.x, d.y)] == []


def test_the_detectors_of_the_world_are_the_gas_points_of_the_folder() -> None:
    gas = {p.id: p.range_high for p in plant().points if p.kind in {"gas.toxic", "gas.combustible"}}
    assert gas == {d.id: d.top for d in DETECTORS}


def test_leaks_and_people_have_places_and_tags() -> None:
    assert set(SOURCES) <= {place.id for place in plant().places}
    assert {f"GX-{tag}" for tag in ROUNDS} <= {p.id for p in plant().points}


def test_the_demo_people_hold_posts_of_the_plant() -> None:
    posts = {post.id for post in plant().posts}
    assert {held.post for person in people() for held in person.held if held.post} == posts
    assert [p.account for p in people()] == ["zhucao", "banzhang", "anquan"]


def test_what_the_simulators_read_is_what_the_checker_reads() -> None:
    ours = {(s.id, p.id, p.address) for s in read() for p in s.points}
    assert ours == {(p.source, p.id, p.address) for p in plant().points}


def test_every_alarm_is_rationalised_and_its_priority_is_the_matrix_s() -> None:
    """Cause, severity, class and who answers for it stand with each; the priority follows from severity and time to respond."""
    matrix, classes = plant().alarms.matrix, {c.id for c in plant().alarms.classes}
    assert [r.id for r in plant().rules if not (r.cause.zh and r.cause.en and r.rationalised)] == []
    assert [r.id for r in plant().rules if r.alarm_class not in classes] == []
    wrong = [(r.id, r.priority) for r in plant().rules if matrix.priority(r.severity, r.time_to_respond) != r.priority]
    assert wrong == []


def test_what_the_classes_demand_is_in_use() -> None:
    used = Counter(r.alarm_class for r in plant().rules)
    assert set(used) == {c.id for c in plant().alarms.classes}
    assert used["fire_gas"] == 15 * 2 + 8 + 4  # two limits of each gas detector, their states, smoke
    assert used["bypass"] == 10
