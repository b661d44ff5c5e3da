"""What can't be seen now, told by hand-made plants: causes, since when, what is affected, votes, areas, hidden alarms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from anlan.model.clock import HOUR, MINUTE, SECOND
from anlan.model.events.alarms import AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.model.frames import NODE_ID
from anlan.model.places import Area, Level, Place, Position
from anlan.model.points import Point
from anlan.model.quality import BAD_COMMUNICATION, BAD_STALE, NO_DATA_YET, Reason, Severity, quality
from anlan.model.words import Label
from anlan.monitor import blindness
from anlan.monitor.blindness import Blind, Blindness, Row, Seen, Unseen
from anlan.monitor.config import AlarmRule, loss_of_view
from anlan.monitor.point_modes import Mode, PointStep
from anlan.monitor.rows import Standing
from anlan.sense.config import SourceConfig
from anlan.web.context import PlantView, SourceState

NOW = 1_767_225_600 * SECOND
FAULT = int(quality(Severity.BAD, Reason.SENSOR_FAILURE))
LATCHED = int(quality(Severity.BAD, Reason.OVER_RANGE_LATCHED))
HELD = int(quality(Severity.UNCERTAIN, Reason.LAST_USABLE))


@dataclass
class GroupOfThree:
    id: str = "AV-1"
    place: str = "works/U1"
    name: Label = field(default_factory=lambda: Label(zh="氯气表决", en="Chlorine vote"))
    members: tuple[str, ...] = ("AT-1", "AT-2", "AT-3")
    needed: int = 2
    fault: str = "alarm"
    calibration: str = "leave"
    post: str = ""


def point(name: str, kind: str = "gas.toxic", place: str = "works/U1", **more: Any) -> Point:
    given = {"id": name, "place": place, "name": Label(zh=name), "kind": kind, "source": "plc", "address": "1"}
    return Point(**{**given, "safety": kind.startswith(("gas.", "bypass")), **more})


def at(x: float, y: float) -> dict[str, Any]:
    return {"position": Position(x=x, y=y)}


SQUARE = Area(id="A1", name=Label(zh="氯库", en="Chlorine store"), place="works/U1", polygon=[(0, 0), (10, 0), (10, 10), (0, 10)])
POINTS = [
    point("AT-1", **at(1, 1)),
    point("AT-2", **at(5, 5)),
    point("AT-3", **at(9, 9)),
    point("AT-4", **at(20, 20)),
    point("TI-1", "temperature", "works/U2"),
    point("BP-07", "bypass"),
    point("BR-07", "bypass.left", unit="min"),
    point("BP-07.APPROVED", "bypass.approved", source=NODE_ID),
    point("TDI-1", "calculated", source=NODE_ID, address="TI-1 - 2"),
    point("AV-1", "vote", source=NODE_ID),
]
RULES = [
    AlarmRule(id="AT-1.H", point="AT-1", kind=AlarmKind.HIGH, limit=1.0),
    AlarmRule(id="AT-1.BAD", point="AT-1", kind=AlarmKind.BAD_QUALITY),
    AlarmRule(id="TI-1.H", point="TI-1", kind=AlarmKind.HIGH, limit=80.0, post="desk"),
    loss_of_view("plc", post="panel"),
]


def plant(**more: Any) -> PlantView:
    places = [
        Place(id="works", name=Label(zh="厂"), level=Level.ENTERPRISE, post="panel"),
        Place(id="U1", name=Label(zh="一单元"), parent="works", post="gas"),
        Place(id="U2", name=Label(zh="二单元"), parent="works"),
    ]
    given: dict[str, Any] = {
        "version": 1, "id": "works", "name": Label(zh="厂"), "places": {p.path: p for p in places}, "areas": (SQUARE,),
        "points": dict(enumerate(POINTS, 1)), "rules": dict(enumerate(RULES, 1)), "votes": (GroupOfThree(),),
        "sources": {1: SourceConfig(id="plc", driver="modbus", name=Label(zh="控制器"))},
    }  # fmt: skip
    return PlantView(**{**given, **more})


def find(words: dict[str, int] | None = None, values: dict[str, float] | None = None, view: PlantView | None = None, **more: Any) -> Blindness:  # fmt: skip
    view = view or plant()
    allows = more.pop("allows", lambda place: True)
    blind = Blind(view, allows)
    ids = [view.points[int(n)].id for n in blind.number]
    seen = Seen(
        at=NOW,
        number=blind.number,
        quality=np.array([(words or {}).get(one, 0) for one in ids], np.uint16),
        value=np.array([(values or {}).get(one, 0.0) for one in ids]),
        received=np.full(len(ids), NOW - 5 * MINUTE),
        **more,
    )
    return blind.find(seen)


def only(found: Blindness) -> Row:
    (row,) = found.rows
    return row


def number(name: str) -> int:
    return next(n for n, one in enumerate(POINTS, 1) if one.id == name)


def step(name: str, kind: str, **more: Any) -> PointStep:
    given: dict[str, Any] = {
        "n": 1, "frame": 1, "point": number(name), "step": kind, "happened_at": NOW - HOUR, "noticed_at": NOW - HOUR, "until": NOW + HOUR,
        "quality": 0, "who": "p1", "post": "gas", "reason": "更换探头", "work_order": "WO-7", "approver": "p2", "command": "c",
    }  # fmt: skip
    return PointStep(**{**given, **more})


def test_nothing_is_told_of_what_is_seen() -> None:
    found = find()
    assert (found.rows, found.counts, found.total, found.areas) == ((), {}, 0, ())


@pytest.mark.parametrize(
    ("word", "cause", "since_is"),
    [
        (BAD_COMMUNICATION, Unseen.COMMUNICATION, "last_heard"),
        (BAD_STALE, Unseen.STALE, "last_heard"),
        (HELD, Unseen.UNHEARD, "last_heard"),
        (NO_DATA_YET, Unseen.NO_DATA, ""),
        (FAULT, Unseen.FAULT, ""),
        (int(quality(Severity.BAD, Reason.NE43_LOW)), Unseen.FAULT, ""),
        (LATCHED, Unseen.OVER_RANGE, ""),
        (int(quality(Severity.BAD, Reason.CALIBRATION)), Unseen.CALIBRATION, ""),
        (int(quality(Severity.BAD, Reason.MAINTENANCE)), Unseen.INHIBITED, ""),
        (int(quality(Severity.BAD, Reason.OUT_OF_SERVICE)), Unseen.STOPPED, ""),
    ],
)
def test_each_quality_has_its_cause(word: int, cause: Unseen, since_is: str) -> None:
    row = only(find({"TI-1": word}))
    assert (row.cause, row.point, row.post, row.since_is) == (cause, "TI-1", "panel", since_is)
    assert row.since == (NOW - 5 * MINUTE if since_is else None)
    assert row.affected == ("TI-1.H",)


def test_a_doubtful_value_that_is_told_is_seen() -> None:
    assert find({"TI-1": int(quality(Severity.UNCERTAIN, Reason.ENGINEERING_LIMIT))}).rows == ()


def test_no_number_is_not_seen_whatever_its_quality() -> None:
    assert only(find(values={"TI-1": float("nan")})).cause is Unseen.FAULT


def test_what_guards_life_comes_first() -> None:
    found = find({"TI-1": BAD_COMMUNICATION, "AT-4": FAULT})
    assert [(row.point, row.safety) for row in found.rows] == [("AT-4", True), ("TI-1", False)]


def test_since_its_own_alarm_of_bad_quality_or_since_it_was_noticed() -> None:
    raised = transition(2, Trigger.CONDITION_ON, AlarmState.UNACKNOWLEDGED)
    found = find({"AT-1": FAULT}, standing=[Standing(raised, raised=raised)], noticed={number("AT-1"): NOW - SECOND})
    row = next(row for row in found.rows if row.point == "AT-1")
    assert (row.since, row.since_is) == (raised.happened_at, "began")
    row = next(row for row in find({"AT-1": FAULT}, noticed={number("AT-1"): NOW - SECOND}).rows if row.point == "AT-1")
    assert (row.since, row.since_is) == (NOW - SECOND, "noticed")


def test_the_alarms_of_a_value_cannot_come_and_its_vote_counts_less() -> None:
    row = next(row for row in find({"AT-1": FAULT}).rows if row.point == "AT-1")
    assert row.affected == ("AT-1.H", "AV-1")  # its alarm of bad quality comes all the same


def test_an_inhibit_and_a_calibration_tell_who_why_and_until_when() -> None:
    modes = {(number("AT-4"), Mode.INHIBITED): step("AT-4", "inhibit")}
    row = only(find({"AT-4": int(quality(Severity.BAD, Reason.MAINTENANCE))}, modes=modes, names={"p1": "张工"}.get))
    assert (row.cause, row.by, row.said, row.until, row.since) == (
        Unseen.INHIBITED,
        "张工",
        "WO-7: 更换探头",
        NOW + HOUR,
        NOW - HOUR,
    )
    modes = {(number("AT-4"), Mode.CALIBRATING): step("AT-4", "calibrate", work_order="")}
    row = only(find(modes=modes))  # whatever its reading looks like
    assert (row.cause, row.said) == (Unseen.CALIBRATION, "更换探头")


def test_a_detector_under_test_gas_looks_plain_and_is_not_seen() -> None:
    row = only(find(under_test=[number("AT-4")]))
    assert row.cause is Unseen.CALIBRATION


def test_a_bypass_that_is_on_ends_with_its_approval_or_by_its_countdown() -> None:
    row = only(find(values={"BP-07": 1.0, "BR-07": 30.0}))
    assert (row.cause, row.until, row.affected) == (Unseen.BYPASSED, NOW + 30 * MINUTE, ())
    modes = {(number("BP-07.APPROVED"), Mode.APPROVED): step("BP-07.APPROVED", "approve_bypass")}
    row = only(find(values={"BP-07": 1.0, "BR-07": 30.0}, modes=modes))
    assert (row.until, row.by) == (NOW + HOUR, "p1")
    assert only(find({"BR-07": 0, "BP-07": BAD_STALE}, values={"BP-07": 1.0})).cause is Unseen.STALE


def test_a_degraded_vote_says_what_is_in_force() -> None:
    found = find({"AT-2": int(quality(Severity.BAD, Reason.CALIBRATION))})
    row = next(row for row in found.rows if row.cause is Unseen.VOTE)
    assert (row.point, row.vote.designed, row.vote.text, [m.id for m in row.vote.out]) == ("AV-1", "2oo3", "1oo2", ["AT-2"])
    assert found.counts == {Unseen.CALIBRATION: 1, Unseen.VOTE: 1}


def test_points_that_the_node_tells_of_itself_are_none_of_the_plant() -> None:
    assert find({"BP-07.APPROVED": NO_DATA_YET, "AV-1": FAULT}).rows == ()
    assert only(find({"TDI-1": FAULT})).cause is Unseen.DERIVED


def test_a_lost_source_is_told_once_with_its_safety_points() -> None:
    words = {one.id: BAD_COMMUNICATION for one in POINTS if one.source == "plc"}
    found = find(words, sources={1: SourceState(state="down", since=NOW - MINUTE, reason="timeout")})
    row = found.rows[0]
    assert (row.source, row.point, row.points, row.safety_points, row.since, row.post) == (
        "plc",
        None,
        7,
        6,
        NOW - MINUTE,
        "panel",
    )
    assert row.affected_count == 2
    assert found.counts == {Unseen.COMMUNICATION: 7, Unseen.VOTE: 1}
    assert [one.area for one in found.areas] == ["A1"]


def test_of_two_sources_the_silent_one_is_told_with_its_own_points_and_post() -> None:
    points = [
        point("AT-1"),
        point("TI-1", "temperature", "works/U2"),
        point("PI-1", "pressure", source="gds"),
        point("AT-9", source="gds"),
    ]
    rules = [AlarmRule(id=f"{one.id}.H", point=one.id, kind=AlarmKind.HIGH, limit=1.0) for one in points]
    both = {n: SourceConfig(id=one, driver="modbus", name=Label(zh=one)) for n, one in enumerate(("plc", "gds"), 1)}
    view = plant(
        points=dict(enumerate(points, 1)),
        rules=dict(enumerate([*rules, loss_of_view("plc", post="panel"), loss_of_view("gds", post="gas")], 1)),
        sources=both,
        votes=(),
    )

    def lost(*down: int, **more: Any) -> list[tuple[Any, ...]]:
        states = {n: SourceState(state="down" if n in down else "running") for n in both}
        rows = find(view=view, sources=states, **more).rows
        return [(row.source, row.post, row.points, row.safety_points, row.affected) for row in rows if row.point is None]

    plc, gds = ("plc", "panel", 2, 1, ("AT-1.H", "TI-1.H")), ("gds", "gas", 2, 1, ("PI-1.H", "AT-9.H"))
    assert lost() == []
    assert lost(2) == [gds]
    assert lost(1, 2) == [plc, gds]
    assert lost(1, 2, allows=lambda place: place == "works/U2") == [("plc", "panel", 1, 0, ("TI-1.H",))]


def test_an_area_is_uncovered_once_none_of_its_detectors_can_be_relied_on() -> None:
    assert find({"AT-1": FAULT, "AT-2": BAD_STALE}).areas == ()
    (area,) = find({"AT-1": FAULT, "AT-2": BAD_STALE, "AT-3": LATCHED}).areas
    assert (area.area, area.whole, area.kinds, area.detectors) == ("A1", True, ("gas.toxic",), ("AT-1", "AT-2", "AT-3"))
    both = plant(points={**plant().points, 20: point("AT-9", "gas.combustible", **at(2, 8))})
    (area,) = find({"AT-9": FAULT}, view=both).areas
    assert (area.whole, area.kinds, area.detectors) == (False, ("gas.combustible",), ("AT-9",))


def test_a_detector_without_a_position_belongs_to_its_place() -> None:
    view = plant(points={1: point("AT-1"), 2: point("AT-8", place="works/U2")}, votes=())
    (area,) = find({"AT-1": FAULT, "AT-8": FAULT}, view=view).areas
    assert area.detectors == ("AT-1",)


def test_an_outline_with_a_notch_holds_what_lies_in_it() -> None:
    notched = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (5.0, 5.0), (0.0, 10.0)]
    inside = {
        (x, y): blindness._holds(notched, x, y)
        for x, y in [(1.0, 1.0), (5.0, 8.0), (1.0, 8.0), (9.0, 8.0), (11.0, 5.0), (5.0, 4.0)]
    }
    assert inside == {(1, 1): True, (5, 8): False, (1, 8): True, (9, 8): True, (11, 5): False, (5, 4): True}


def transition(alarm: int, trigger: Trigger, after: AlarmState, value: float = 0.0, **more: Any) -> AlarmTransition:
    given: dict[str, Any] = {
        "happened_at": NOW - 10 * MINUTE,
        "noticed_at": NOW - 10 * MINUTE,
        "quality": 0,
        "limit": 0.0,
        **more,
    }
    return AlarmTransition(n=1, frame=1, alarm=alarm, episode=1, trigger=trigger, before=AlarmState.NORMAL, after=after, value=value, **given)  # fmt: skip


def test_a_shelved_alarm_says_by_whom_why_and_until_when() -> None:
    shelved = transition(3, Trigger.SHELVE, AlarmState.SHELVED, float(NOW + HOUR), who="p1", post="desk", reason="变送器检修")
    row = only(find(standing=[Standing(shelved, hidden=shelved)], names={"p1": "刘芳"}.get))
    assert (row.cause, row.alarm, row.point, row.until, row.by, row.said, row.post) == (
        Unseen.SHELVED, "TI-1.H", "TI-1", NOW + HOUR, "刘芳", "变送器检修", "desk"
    )  # fmt: skip
    standing = transition(3, Trigger.CONDITION_ON, AlarmState.UNACKNOWLEDGED)
    assert find(standing=[Standing(standing, raised=standing)]).rows == ()


def test_a_person_of_one_branch_is_told_of_that_branch() -> None:
    words = {"TI-1": BAD_STALE, "AT-1": FAULT}
    found = find(words, allows=lambda place: place.startswith("works/U2"))
    assert [(row.point, row.cause) for row in found.rows] == [("TI-1", Unseen.STALE)]
    assert found.counts == {Unseen.STALE: 1}


def test_more_than_can_be_listed_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blindness, "MOST_LISTED", 2)
    found = find({one.id: FAULT for one in POINTS[:5]}, view=plant(votes=()))
    assert (len(found.rows), found.total, found.counts) == (2, 5, {Unseen.FAULT: 5})
    assert all(row.safety for row in found.rows)


def test_a_plant_of_nothing_hides_nothing() -> None:
    empty = PlantView(version=1, id="new", name=Label(zh="新"))
    assert find(view=empty).rows == ()
