"""Steps on points through the API: who may, two persons where life is guarded, what the engine then makes of it, and the calibration record."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.clock import HOUR, MINUTE, SECOND
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID
from anlan.model.points import Calibration, Point, Reporting
from anlan.model.words import Label, translate
from anlan.monitor.config import AlarmRule
from anlan.monitor.detectors.config import DetectorLimit, DetectorSettings
from anlan.monitor.detectors.service import DetectorService
from anlan.web.context import PlantView

ON_CHANGE = Reporting(mode="on_change", period=3600)
SWITCH = {0: Label(zh="否", en="no"), 1: Label(zh="是", en="yes")}


def own(identifier: str, kind: str) -> Point:
    return Point(id=identifier, place="hualan/U200", name=Label(en=identifier), kind=kind, source=NODE_ID, address="x", states=SWITCH, reporting=ON_CHANGE)  # fmt: skip


def with_votes_and_bypass(view: PlantView) -> PlantView:
    """Two more chlorine detectors that vote, a bypass, and what the node tells of both."""
    gas = view.points[1].model_copy(update={"range_low": 0.0, "range_high": 10.0, "gas": "氯", "calibration": Calibration(due=date(2025, 6, 30), certificate="C-1")})  # fmt: skip
    more = {n: gas.model_copy(update={"id": f"AT-20{n}", "calibration": None}) for n in (4, 5)}
    bypass = Point(id="BP-07", place="hualan/U200", name=Label(en="bypass"), kind="bypass", source="modbus", address="9", states=SWITCH, reporting=ON_CHANGE, safety=True)  # fmt: skip
    points = {**view.points, 1: gas, **more, 6: bypass, 7: own("BP-07.APPROVED", "bypass.approved"), 8: own("AT-203.DUE", "calibration.due")}  # fmt: skip
    rules = {**view.rules, 20: AlarmRule(id="AT-203.DUE.ST", point="AT-203.DUE", kind=AlarmKind.STATE, states=(1,), priority=3)}
    vote = SimpleNamespace(id="AV-200", name=Label(zh="氯气表决"), place="hualan/U200", members=("AT-203", "AT-204", "AT-205"), needed=2, limit=1.0, side="high", fault="alarm", calibration="leave")  # fmt: skip
    limits = DetectorSettings(limits=(DetectorLimit(hazard="toxic", error=10, t90=60, interval=365),))
    return replace(view, points=points, rules=rules, votes=[vote], detectors=limits)


@pytest.fixture
def node(node_of: Any, hashed: str) -> Any:
    """With an instrument technician."""
    running = node_of(with_votes_and_bypass)
    with running.records.session() as session:
        person = NewPerson("yibiao", Label(zh="yibiao"), (Held("instrument"),))
        add_person(session, person, hashed, running.clock, must_change=False)
    return running


def in_(node: Any, span: int) -> int:
    return int(node.clock.now()) + span


async def post(console: Any, path: str, **body: Any) -> Any:
    return await console.post(f"/api/v1{path}", json=body)


async def modes(console: Any, point: str) -> list[str]:
    found = (await console.get(f"/api/v1/points/{point}/modes")).json()
    return [one["mode"] for one in found["modes"]]


async def pushed(node: Any) -> None:
    """What the core's feed would tell the app."""
    await node.settle()
    live = node.reader.live()
    node.context.live.update(live.point, live.time, live.value, live.quality, node.clock.now())


async def test_a_point_that_guards_no_life_is_inhibited_by_one_person(node: Any, console: Any) -> None:
    node.tick("up")
    node.feed("LT-301", 50.0)
    await console.sign_in("yibiao")
    answer = await post(console, "/points/LT-301/inhibit", reason="换变送器", work_order="WO-7", until=in_(node, HOUR))
    assert answer.status_code == 200, answer.text
    await node.settle()
    found = (await console.get("/api/v1/points/LT-301/modes")).json()
    (mode,) = found["modes"]
    assert (mode["mode"], mode["who_name"], mode["work_order"], mode["approver"]) == ("inhibited", "yibiao", "WO-7", "")
    assert mode["quality"]["reason"] == "maintenance"
    back = await post(console, "/points/LT-301/end-inhibit", reason="done")
    assert back.status_code == 200, back.text
    await node.settle()
    assert await modes(console, "LT-301") == []


async def test_a_gas_detector_waits_for_a_second_person(node: Any, console: Any) -> None:
    node.tick("up")
    node.feed("AT-203", 0.1)
    await console.sign_in("yibiao")
    asked = await post(console, "/points/AT-203/inhibit", reason="换传感器", work_order="WO-8", until=in_(node, HOUR))
    request = asked.json()
    assert (asked.status_code, request["state"]) == (200, "open")
    assert await modes(console, "AT-203") == []
    own = await post(console, f"/requests/{request['id']}/approve")
    assert own.status_code == 403
    await console.sign_in("tanks")
    yes = await post(console, f"/requests/{request['id']}/approve", note="现场看护已到位")
    assert yes.status_code == 200, yes.text
    assert yes.json()["decider"]["name"]["zh"] == "tanks"
    await node.settle()
    (mode,) = (await console.get("/api/v1/points/AT-203/modes")).json()["modes"]
    assert (mode["who_name"], mode["approver_name"]) == ("yibiao", "tanks")
    again = await post(console, f"/requests/{request['id']}/approve")
    assert (again.status_code, again.json()["detail"]) == (409, "this request is not open any more")


async def test_who_asked_never_approves_even_with_the_right(node: Any, console: Any) -> None:
    await console.sign_in("tanks")
    request = (await post(console, "/points/AT-203/inhibit", reason="x", work_order="WO", until=in_(node, HOUR))).json()
    refused = await post(console, f"/requests/{request['id']}/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "second-person-needed")
    assert (await post(console, f"/requests/{request['id']}/withdraw")).json()["state"] == "withdrawn"


async def test_a_request_that_is_refused_changes_nothing(node: Any, console: Any) -> None:
    await console.sign_in("yibiao")
    request = (await post(console, "/points/AT-203/inhibit", reason="x", work_order="WO", until=in_(node, HOUR))).json()
    await console.sign_in("safety")
    assert (await post(console, f"/requests/{request['id']}/refuse", note="no")).json()["state"] == "refused"
    assert await modes(console, "AT-203") == []
    leaves = (await console.get("/api/v1/audit?limit=500")).json()["items"]
    assert [one["action"] for one in leaves if one["subject"] == "AT-203"] == ["inhibit.request", "inhibit.refused"]


async def test_time_that_is_over_can_not_be_approved(node: Any, console: Any) -> None:
    await console.sign_in("yibiao")
    request = (await post(console, "/points/AT-203/inhibit", reason="x", work_order="WO", until=in_(node, MINUTE))).json()
    node.clock.advance(2 * MINUTE)
    await console.sign_in("safety")
    refused = await post(console, f"/requests/{request['id']}/approve")
    assert (refused.status_code, refused.json()["detail"]) == (409, "the time that was asked for is over: ask anew")


@pytest.mark.parametrize(
    ("account", "path", "status"),
    [
        ("gas", "/points/AT-203/inhibit", 403),
        ("safety", "/points/AT-203/inhibit", 403),
        ("guest", "/points/AT-203/inhibit", 403),
        ("tanks", "/points/AT-203/calibrate", 403),
        ("gas", "/points/AT-203/reset-over-range", 403),
        ("yibiao", "/points/AT-999/inhibit", 404),
        ("yibiao", "/points/AT-203.DUE/inhibit", 409),
        ("yibiao", "/points/AT-203/reset-over-range", 409),
        ("yibiao", "/points/LT-301/end-inhibit", 409),
    ],
)
async def test_who_may_not_and_what_can_not_be(node: Any, console: Any, account: str, path: str, status: int) -> None:
    await console.sign_in(account)
    bodies = {
        "inhibit": {"reason": "x", "work_order": "WO", "until": in_(node, HOUR)},
        "calibrate": {"reason": "x", "until": in_(node, HOUR)},
    }
    answer = await post(console, path, **bodies.get(path.rpartition("/")[2], {"reason": "x"}))
    assert answer.status_code == status, answer.text
    if status == 409:
        assert translate(answer.json()["detail"], "zh") != answer.json()["detail"]


async def test_a_bypass_is_approved_by_two_with_what_compensates(node: Any, console: Any) -> None:
    node.tick("up")
    node.feed("BP-07", 1.0)
    await console.sign_in("yibiao")
    asked = {"reason": "校验 AT-203", "work_order": "WO-9", "until": in_(node, HOUR)}
    assert (await post(console, "/points/BP-07/bypass", **asked, measures=[])).status_code == 422
    unknown = await post(console, "/points/BP-07/bypass", **asked, measures=[{"text": "x", "point": "AT-999"}])
    assert unknown.status_code == 409
    wrong = await post(console, "/points/AT-203/bypass", **asked, measures=[{"text": "x"}])
    assert wrong.json()["detail"] == "AT-203 is no bypass point"
    measures = [{"text": "专人看护", "point": "AT-204", "high": 1.0}]
    request = (await post(console, "/points/BP-07/bypass", **asked, measures=measures)).json()
    await console.sign_in("safety")
    assert (await post(console, f"/requests/{request['id']}/approve")).status_code == 200
    await node.settle()
    assert await modes(console, "BP-07.APPROVED") == ["approved"]
    await pushed(node)
    assert float(node.context.live.value[7]) == 1.0
    await console.sign_in("yibiao")
    assert (await post(console, "/points/BP-07/end-bypass-approval", reason="over")).status_code == 200
    await node.settle()
    assert await modes(console, "BP-07.APPROVED") == []


async def test_a_repeated_request_is_made_once(node: Any, console: Any) -> None:
    await console.sign_in("yibiao")
    body = {"reason": "x", "work_order": "WO", "until": in_(node, HOUR)}
    key = {"Idempotency-Key": "once"}
    first = await console.post("/api/v1/points/AT-203/inhibit", json=body, headers=key)
    again = await console.post("/api/v1/points/AT-203/inhibit", json=body, headers=key)
    assert first.json() == again.json()
    assert len((await console.get("/api/v1/requests")).json()["items"]) == 1


# ------------------------------------------------------------------------------------------------------------- detectors


async def test_the_list_tells_values_limits_dates_and_the_vote_in_force(node: Any, console: Any) -> None:
    node.tick("up")
    for point in ("AT-203", "AT-204", "AT-205"):
        node.feed(point, 0.1)
    await console.sign_in("yibiao")
    await post(console, "/points/AT-203/calibrate", reason="季度校验", until=in_(node, HOUR))
    await pushed(node)
    found = (await console.get("/api/v1/detectors")).json()
    assert [one["point"] for one in found["items"]] == ["AT-203", "AT-204", "AT-205"]
    at_203 = found["items"][0]
    assert at_203["limits"] == {"H": 0.5, "HH": 1.0}
    assert (at_203["overdue"], at_203["due"], at_203["days_left"] < 0) == (True, "2025-06-30", True)
    assert (at_203["quality"]["reason"], [m["mode"] for m in at_203["modes"]]) == ("calibration", ["calibrating"])
    (vote,) = found["votes"]
    assert (vote["designed"], vote["in_force"], vote["degraded"]) == ("2oo3", "1oo2", True)
    assert next((m["id"], m["health"], m["counts"]) for m in vote["members"]) == ("AT-203", "calibrating", "left")


async def test_a_detector_whose_own_state_says_calibration_is_told_in_the_list_and_in_the_vote(node: Any, console: Any) -> None:
    states = {0: Label(zh="工作"), 2: Label(zh="校验", en="Calibration")}
    state = Point(id="XS-203", place="hualan/U200", name=Label(zh="状态"), kind="gas.detector.state", source="modbus", address="7", states=states)  # fmt: skip
    plant = node.context.plant
    node.context.plant = replace(plant, points={**plant.points, 30: state})
    await console.sign_in("yibiao")

    async def says(value: float) -> list[Any]:
        node.clock.advance(2 * SECOND)
        live, at = node.context.live, int(node.clock.now())
        live.update(np.array([30], np.uint32), np.array([at]), np.array([value]), np.zeros(1, np.uint16), at)
        found = (await console.get("/api/v1/detectors")).json()
        rows, members = found["items"], found["votes"][0]["members"]
        assert [row["device_says"] for row in rows] == [member["device_says"] for member in members]
        return [row["device_says"] for row in rows]

    assert await says(0.0) == [None, None, None]
    assert await says(2.0) == ["calibrating", None, None]


async def gas_test(node: Any, t90: float = 30.0) -> int:
    """Readings once a second of a detector that answers 5 ppm with a known T90; returns when the gas came."""
    for _ in range(6):
        node.feed("AT-203", 0.0)
    gas_on = int(node.clock.now())
    for second in range(1, 180):
        node.feed("AT-203", 5 * (1 - math.exp(-second * math.log(10) / t90)))
    return gas_on


async def calibrating(node: Any, console: Any, t90: float = 30.0) -> int:
    node.tick("up")
    node.feed("AT-203", 0.0)
    await console.sign_in("yibiao")
    answer = await post(console, "/points/AT-203/calibrate", reason="季度校验", until=in_(node, HOUR))
    assert answer.status_code == 200, answer.text
    return await gas_test(node, t90)


async def test_a_calibration_from_the_gas_to_the_record(node: Any, console: Any) -> None:
    gas_on = await calibrating(node, console)
    await node.settle()
    alarms = (await console.get("/api/v1/alarms")).json()["items"]
    assert [a["id"] for a in alarms if a["id"].startswith("AT-203.H")] == [], "no alarm of test gas"
    measured = (await console.get(f"/api/v1/points/AT-203/calibration/response?gas_on={gas_on}")).json()
    assert measured["settled"]
    assert measured["t90"] == pytest.approx(30, abs=0.6)
    body = {"reason": "季度校验", "result": "pass", "gas": "Cl2 5 ppm", "applied": 5.0, "as_found": 4.9, "as_left": 5.0, "gas_on": gas_on, "certificate": "C-2026-7"}  # fmt: skip
    done = await post(console, "/points/AT-203/end-calibration", **body)
    assert done.status_code == 200, done.text
    record = done.json()["calibration"]
    assert done.json()["ended"] is True
    assert record["t90"] == pytest.approx(30, abs=0.6)
    judged = {v["quantity"]: (round(v["value"], 3), v["limit"], v["within"]) for v in record["judged"]}
    assert judged["as_found_error"] == (-1.0, 10, True)
    assert judged["t90"][1:] == (60, True)
    assert record["next_due"] == "2027-01-01"
    await node.settle()
    assert await modes(console, "AT-203") == []
    (kept,) = (await console.get("/api/v1/points/AT-203/calibrations")).json()["items"]
    assert kept == record
    listed = (await console.get("/api/v1/detectors")).json()["items"][0]
    assert (listed["due"], listed["overdue"]) == ("2027-01-01", False)


async def test_a_pass_that_the_plants_limits_contradict_is_refused(node: Any, console: Any) -> None:
    gas_on = await calibrating(node, console, t90=75.0)
    body = {"reason": "x", "result": "pass", "applied": 5.0, "as_found": 5.0, "as_left": 5.0, "gas_on": gas_on}
    refused = await post(console, "/points/AT-203/end-calibration", **body)
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("the result is pass, but t90 is 7")
    body |= {"result": "fail", "as_left": 7.0}
    failed = await post(console, "/points/AT-203/end-calibration", **body)
    assert failed.status_code == 200
    assert failed.json()["calibration"]["next_due"] is None


async def test_as_found_outside_the_limit_is_recorded_and_does_not_forbid_a_pass(node: Any, console: Any) -> None:
    """It was wrong, it was adjusted, it is right: the record must be able to say so."""
    await calibrating(node, console)
    body = {"reason": "x", "result": "pass", "applied": 5.0, "as_found": 3.0, "as_left": 5.0}
    done = await post(console, "/points/AT-203/end-calibration", **body)
    assert done.status_code == 200, done.text
    assert {v["quantity"]: v["within"] for v in done.json()["calibration"]["judged"]} == {"as_found_error": False, "as_left_error": True, "t90": None}  # fmt: skip


async def test_an_overdue_calibration_is_told_to_the_engine_and_taken_back(node: Any, console: Any) -> None:
    node.tick("up")
    await pushed(node)
    service = DetectorService.of(node.context)
    await service.tell_dates()
    await pushed(node)
    assert float(node.context.live.value[8]) == 1.0
    steps = len(node.context.journal.steps())
    await service.tell_dates()
    assert len(node.context.journal.steps()) == steps, "told once"
    await calibrating(node, console)
    body = {"reason": "x", "result": "pass", "applied": 5.0, "as_found": 5.0, "as_left": 5.0}
    await post(console, "/points/AT-203/end-calibration", **body)
    await pushed(node)
    assert float(node.context.live.value[8]) == 0.0


async def test_what_the_plant_demands_stands_beside_what_nobody_has_read(node: Any, console: Any) -> None:
    await console.sign_in("yibiao")
    found = (await console.get("/api/v1/points/AT-203/calibration")).json()
    assert found["own"]["t90"] == 60
    assert found["references"]
    assert all(not one["verified"] for one in found["references"])


async def test_a_test_of_yesterday_is_no_test(node: Any, console: Any) -> None:
    await console.sign_in("yibiao")
    old = in_(node, -2 * HOUR)
    assert (await console.get(f"/api/v1/points/AT-203/calibration/response?gas_on={old}")).status_code == 422
