"""The safety system through the API: live matrix, demand log from the history, and the wall of bypasses."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.clock import HOUR, SECOND
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID
from anlan.model.points import Point, Reporting
from anlan.model.quality import Reason, Severity, quality
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.safety.config import SafetySystem
from anlan.store.history_writer import HistoryWriter
from anlan.web.context import PlantView
from tests.web.conftest import PASSWORD

ON_CHANGE = Reporting(mode="on_change", period=3600)
SWITCH = {0: Label(zh="否", en="no"), 1: Label(zh="是", en="yes"), 2: Label(zh="超时", en="overdue")}
KINDS = {
    "SIF-01": "trip",
    "BP-01": "bypass",
    "XA-900": "first.out",
    "XV-101.ZSC": "esd.valve.closed",
    "XV-101.ZSO": "esd.valve.open",
}
SYSTEM = SafetySystem.model_validate(
    {
        "first_out": "XA-900",
        "causes": [{"id": "SIF-01", "point": "SIF-01", "watches": ["AT-203"], "effects": ["XV-101"], "bypass": "BP-01", "first_out": 1, "sil": 2}],
        "effects": [{"id": "XV-101", "closed": "XV-101.ZSC", "open": "XV-101.ZSO", "stroke_time": 5}],
    }
)  # fmt: skip


def with_safety(view: PlantView) -> PlantView:
    def point(identifier: str, kind: str, source: str = "modbus") -> Point:
        return Point(id=identifier, place="hualan/U200", name=Label(en=identifier), kind=kind, source=source, address=identifier, states=SWITCH, reporting=ON_CHANGE, safety=True)  # fmt: skip

    own = [point("BP-01.APPROVED", "bypass.approved", NODE_ID)]
    more = dict(enumerate([*(point(i, k) for i, k in KINDS.items()), *own], 10))
    rules = {rule.id: rule for rule in view.rules.values()} | {
        "AT-203.H": AlarmRule(id="AT-203.H", point="AT-203", kind=AlarmKind.HIGH, limit=0.5, priority=2, on_delay=2),
        "XV-101.ZSO.ST": AlarmRule(id="XV-101.ZSO.ST", point="XV-101.ZSO", kind=AlarmKind.STATE, states=(0,), priority=3),
    }
    trips = {"AT-203": SimpleNamespace(low=None, high=2.0)}
    return replace(view, points={**view.points, **more}, rules=dict(enumerate(rules.values(), 1)), safety=SYSTEM, trips=trips)


@pytest.fixture
def node(node_of: Any, hashed: str) -> Any:
    running = node_of(with_safety)
    with running.records.session() as session:
        person = NewPerson("yibiao", Label(zh="yibiao"), (Held("instrument"),))
        add_person(session, person, hashed, running.clock, must_change=False)
    return running


async def shown(console: Any, path: str) -> Any:
    answer = await console.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def pushed(node: Any) -> None:
    await node.settle()
    live = node.reader.live()
    node.context.live.update(live.point, live.time, live.value, live.quality, node.clock.now())


def calm(node: Any) -> None:
    node.tick("up")
    for point, value in {"AT-203": 0.1, "SIF-01": 0, "BP-01": 0, "XA-900": 0, "XV-101.ZSC": 0, "XV-101.ZSO": 1}.items():
        node.feed(point, value)


async def test_the_matrix_follows_the_plant(node: Any, console: Any) -> None:
    await console.sign_in("gas")
    before = await shown(console, "/safety/matrix")
    assert before["causes"][0]["state"] == "unknown", "nothing was read yet"
    calm(node)
    (cause,) = (await shown(console, "/safety/matrix"))["causes"]
    assert (cause["state"], cause["bypassed"], cause["effects"], cause["sil"]) == ("clear", "clear", {"XV-101": "idle"}, 2)
    (watched,) = cause["watches"]
    assert (watched["value"], watched["trip"]) == (0.1, {"low": None, "high": 2.0})
    node.feed("SIF-01", 1)
    node.feed("XA-900", 1)
    found = await shown(console, "/safety/matrix")
    assert (found["causes"][0]["effects"], found["causes"][0]["first_out"]) == ({"XV-101": "moving"}, True)
    assert found["first_out"]["value"] == 1
    assert found["effects"][0]["demanded_by"] == ["SIF-01"]
    node.feed("XV-101.ZSC", 1)
    node.feed("XV-101.ZSO", 0)
    found = await shown(console, "/safety/matrix")
    assert found["causes"][0]["effects"] == {"XV-101": "reached"}


async def test_nobody_sees_what_they_may_not(node: Any, console: Any) -> None:
    calm(node)
    await console.sign_in("branch")
    found = await shown(console, "/safety/matrix")
    assert (found["causes"], found["effects"]) == ([], [])
    assert (await shown(console, "/bypasses"))["items"] == []


async def test_the_demand_log_comes_from_the_history(node: Any, console: Any) -> None:
    writer = HistoryWriter.start(node.log, node.history, clock=node.clock)
    try:
        calm(node)
        node.feed("SIF-01", 0)
        node.feed("SIF-01", 1)
        at = int(node.clock.now())
        node.feed("XA-900", 1)
        node.feed("XV-101.ZSO", 0)
        node.feed("XV-101.ZSC", 1)
        node.feed("SIF-01", 0)
        node.clock.advance(60 * SECOND)
        await console.sign_in("gas")
        found = await shown(console, "/safety/demands")
    finally:
        writer.close()
    (demand,) = found["items"]
    assert (demand["cause"], demand["at"], demand["first_out"], demand["ended"]) == ("SIF-01", at, True, at + 4 * SECOND)
    assert demand["strokes"] == [{"effect": "XV-101", "required": 5.0, "seconds": 3.0, "already": False, "within": True}]


async def test_a_demand_log_of_a_year_is_refused(node: Any, console: Any) -> None:
    await console.sign_in("gas")
    now = int(node.clock.now())
    assert (await console.get(f"/api/v1/safety/demands?start={now - 366 * 24 * HOUR}&end={now}")).status_code == 422


async def test_the_wall_tells_what_is_bypassed_by_whom_and_whether_it_is_compensated(node: Any, console: Any) -> None:
    calm(node)
    await console.sign_in("yibiao")
    (row,) = (await shown(console, "/bypasses"))["items"]
    assert (row["state"], row["alarm"], row["approved"]) == ("off", False, False)
    node.feed("BP-01", 1)
    (row,) = (await shown(console, "/bypasses"))["items"]
    assert (row["state"], row["alarm"], row["cause"]["id"]) == ("on", True, "SIF-01")
    measures = [
        {"text": "专人看护"},
        {"text": "氯气不超", "point": "AT-203", "high": 0.5},
        {"text": "阀关", "point": "XV-101.ZSC", "low": 1},
    ]
    body = {
        "reason": "校验",
        "work_order": "WO-9",
        "until": int(node.clock.now()) + HOUR,
        "measures": measures,
        "password": PASSWORD,
    }
    request = (await console.post("/api/v1/points/BP-01/bypass", json=body)).json()
    (row,) = (await shown(console, "/bypasses"))["items"]
    assert ([one["id"] for one in row["open"]], row["alarm"]) == ([request["id"]], True)
    await console.sign_in("safety")
    await console.post(f"/api/v1/requests/{request['id']}/approve", json={"note": "", "password": PASSWORD})
    await node.settle()
    (row,) = (await shown(console, "/bypasses"))["items"]
    assert (row["approved"], row["alarm"], row["approval"]["until"], row["open"]) == (True, False, body["until"], [])
    assert [m["proof"] for m in row["measures"]] == [None, "holds", "broken"]
    node.feed("AT-203", 0.1, quality(Severity.BAD, Reason.SENSOR_FAILURE))
    await pushed(node)
    (row,) = (await shown(console, "/bypasses"))["items"]
    assert [m["proof"] for m in row["measures"]] == [None, "unknown", "broken"]


async def test_a_bypass_that_cannot_be_seen_any_more_does_not_look_approved(node: Any, console: Any) -> None:
    calm(node)
    node.feed("BP-01", 1)
    node.feed("BP-01", 1, quality(Severity.BAD, Reason.DEVICE_FAILURE))
    await console.sign_in("yibiao")
    (row,) = (await shown(console, "/bypasses"))["items"]
    assert (row["state"], row["alarm"]) == ("unknown", True)


async def test_a_first_out_group_leads_with_what_the_safety_system_trapped(node: Any, console: Any) -> None:
    """AT-203 makes SIF-01 act and alarms after 2 s; the valve's position is a consequence and alarms at once."""
    await console.sign_in("gas")
    calm(node)
    node.feed("XV-101.ZSO", 0)
    node.feed("AT-203", 0.7)
    node.clock.advance(5 * SECOND)
    node.feed("AT-203", 0.7)

    async def group() -> tuple[list[str], str]:
        await pushed(node)
        items = (await shown(console, "/alarms/groups?by=first_out"))["items"]
        (one,) = [item for item in items if item["key"] == "XA-900"]
        return one["alarms"], one["lead"]

    assert await group() == (["XV-101.ZSO.ST", "AT-203.H"], "stamps"), "nothing is trapped: by the stamps"
    node.feed("XA-900", 1)
    assert await group() == (["AT-203.H", "XV-101.ZSO.ST"], "register")
    node.feed("XA-900", 1, quality(Severity.BAD, Reason.SENSOR_FAILURE))
    assert await group() == (["XV-101.ZSO.ST", "AT-203.H"], "unknown")
