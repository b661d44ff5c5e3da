"""Steps on points through the API: who may, two persons where life is guarded, what the engine then makes of it, and the calibration record."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.clock import HOUR, MINUTE, SECOND
from anlan.model.errors import Unavailable
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID
from anlan.model.languages import translate
from anlan.model.points import Calibration, Point, Reporting
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.detectors.config import DetectorLimit, DetectorSettings
from anlan.monitor.detectors.service import DetectorService
from anlan.web.context import PlantView
from tests.web.conftest import PASSWORD

pytestmark = pytest.mark.slow  # many nodes are built; the quick tests stay below three minutes

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
    """Signed where it takes two persons, unless a `password` is given."""
    if path.endswith(("/inhibit", "/bypass", "/approve")):
        body = {"password": PASSWORD, **body}
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


async def test_why_it_did_not_alarm_names_who_inhibited_it_and_until_when(node: Any, console: Any) -> None:
    node.tick("up")
    node.feed("LT-301", 50.0)
    await console.sign_in("yibiao")
    until = in_(node, HOUR)
    answer = await post(console, "/points/LT-301/inhibit", reason="换变送器", work_order="WO-7", until=until)
    assert answer.status_code == 200, answer.text
    node.clock.advance(SECOND)
    node.feed("LT-301", 95.0)
    await node.settle()
    told = (await console.get("/api/v1/alarms/LT-301.H/why")).json()
    assert (told["state"], told["closed"], told["value"]) == ("NORMAL", "mode", 95.0)
    assert "yibiao 禁用该测点" in told["sentence"]["zh"]
    assert "(作业票 WO-7:换变送器)" in told["sentence"]["zh"]
    (mode,) = told["modes"]
    assert (mode["mode"], mode["who_name"], mode["until"], mode["work_order"]) == ("inhibited", "yibiao", until, "WO-7")
    tried = {"start": in_(node, -HOUR), "end": in_(node, SECOND), "changes": [{"id": "LT-301.H", "limit": 90}]}
    effect = (await post(console, "/replay/what-if", **tried)).json()["effect"]
    assert (effect["before"], effect["after"]) == (0, 0)


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
        "calibrate": {"reason": "x", "work_order": "WO", "until": in_(node, HOUR)},
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


async def test_a_session_alone_asks_for_nothing_and_approves_nothing(node: Any, console: Any) -> None:
    """Who finds a colleague's console open is not two persons by it."""
    node.tick("up")
    node.feed("AT-203", 0.1)
    await console.sign_in("yibiao")
    asked = {"reason": "x", "work_order": "WO", "until": in_(node, HOUR)}
    for path, more in (("/points/AT-203/inhibit", {}), ("/points/BP-07/bypass", {"measures": [{"text": "x"}]})):
        assert (await post(console, path, **asked, **more, password="")).status_code == 422
        assert (await post(console, path, **asked, **more, password="not this one")).status_code == 403
    assert (await console.get("/api/v1/requests")).json()["items"] == []
    request = (await post(console, "/points/AT-203/inhibit", **asked)).json()["id"]
    await console.sign_in("tanks")
    assert (await post(console, f"/requests/{request}/approve", password="")).status_code == 422
    assert (await post(console, f"/requests/{request}/approve", password="not this one")).status_code == 403
    assert await modes(console, "AT-203") == []
    assert (await post(console, f"/requests/{request}/approve")).json()["state"] == "approved"


async def test_a_repeated_request_is_made_once(node: Any, console: Any) -> None:
    await console.sign_in("yibiao")
    body = {"reason": "x", "work_order": "WO", "until": in_(node, HOUR), "password": PASSWORD}
    key = {"Idempotency-Key": "once"}
    first = await console.post("/api/v1/points/AT-203/inhibit", json=body, headers=key)
    again = await console.post("/api/v1/points/AT-203/inhibit", json=body, headers=key)
    assert first.json() == again.json()
    assert len((await console.get("/api/v1/requests")).json()["items"]) == 1


# ------------------------------------------------------------------------------------------------------------- two deciders at once


async def asked_by_yibiao(node: Any, console: Any) -> str:
    node.tick("up")
    node.feed("AT-203", 0.1)
    await console.sign_in("yibiao")
    answer = await post(console, "/points/AT-203/inhibit", reason="换传感器", work_order="WO", until=in_(node, HOUR))
    return str(answer.json()["id"])


async def state_of(console: Any, request: str) -> str:
    items = (await console.get("/api/v1/requests")).json()["items"]
    return str(next(one["state"] for one in items if one["id"] == request))


@pytest.mark.parametrize(("other", "verdict"), [("safety", "refuse"), ("yibiao", "withdraw"), ("safety", "approve")])
async def test_of_two_who_decide_at_once_one_decides(
    node: Any, consoles: Any, monkeypatch: Any, other: str, verdict: str
) -> None:
    """The second comes while the engine has the step and has not answered: whoever loses, record and engine say the same."""
    here, there = consoles(), consoles()
    request = await asked_by_yibiao(node, here)
    await here.sign_in("tanks")
    await there.sign_in(other)
    answers: list[Any] = []
    obey = node.core.command

    async def meanwhile(command: dict[str, Any]) -> Any:
        if not answers:
            answers.append(None)
            answers[0] = await post(there, f"/requests/{request}/{verdict}")
        return await obey(command)

    monkeypatch.setattr(node.core, "command", meanwhile)
    yes = await post(here, f"/requests/{request}/approve")
    assert yes.status_code == 200, yes.text
    (second,) = answers
    assert second.status_code == 409, second.text
    assert translate(second.json()["detail"], "zh") != second.json()["detail"]
    await node.settle()
    assert await modes(here, "AT-203") == ["inhibited"]
    told = next(one for one in (await here.get("/api/v1/requests")).json()["items"] if one["id"] == request)
    assert (told["state"], told["decider"]["name"]["zh"]) == ("approved", "tanks")


async def test_many_verdicts_at_once_leave_record_and_engine_of_one_mind(node: Any, consoles: Any) -> None:
    here, there = consoles(), consoles()
    for _ in range(4):
        request = await asked_by_yibiao(node, there)
        await here.sign_in("tanks")
        both = post(here, f"/requests/{request}/approve"), post(there, f"/requests/{request}/withdraw")
        codes = sorted(answer.status_code for answer in await asyncio.gather(*both))
        assert codes == [200, 409]
        await node.settle()
        approved = await state_of(here, request) == "approved"
        assert (await modes(here, "AT-203") == ["inhibited"]) is approved
        if approved:
            await post(there, "/points/AT-203/end-inhibit", reason="on")
            await node.settle()


async def test_an_approval_whose_answer_was_lost_is_found_in_the_journal(node: Any, consoles: Any, monkeypatch: Any) -> None:
    """The engine took the step, the app never heard of it: nobody can withdraw what stands."""
    console = consoles()
    request = await asked_by_yibiao(node, console)
    await console.sign_in("tanks")
    obey = node.core.command

    async def lost(command: dict[str, Any]) -> Any:
        await obey(command)
        raise Unavailable("the core went away")

    monkeypatch.setattr(node.core, "command", lost)
    assert (await post(console, f"/requests/{request}/approve", note="yes")).status_code == 503
    monkeypatch.setattr(node.core, "command", obey)
    await node.settle()
    await console.sign_in("yibiao")
    withdrawn = await post(console, f"/requests/{request}/withdraw")
    assert (withdrawn.status_code, withdrawn.json()["detail"]) == (409, "this request is not open any more")
    told = next(one for one in (await console.get("/api/v1/requests")).json()["items"] if one["id"] == request)
    assert (told["state"], told["decider"]["name"]["zh"], told["note"]) == ("approved", "tanks", "yes")
    await console.sign_in("safety")
    leaves = (await console.get("/api/v1/audit?limit=500")).json()["items"]
    assert [one["action"] for one in leaves if one["action"].startswith("inhibit.")].count("inhibit.approved") == 1


@pytest.mark.parametrize("verdict", ["withdraw", "refuse"])
async def test_a_step_that_stands_makes_an_open_request_an_approved_one(node: Any, console: Any, verdict: str) -> None:
    """As records were left that knew no claim: open, and the inhibit stands under the request's id."""
    request = await asked_by_yibiao(node, console)
    tanks = next(p for p in node.context.guard.people.all() if p.account == "tanks")
    step = {"id": request, "kind": "inhibit", "point": 1, "who": "x", "post": "", "at": int(node.clock.now()), "reason": "x", "until": in_(node, HOUR), "work_order": "WO", "approver": str(tanks.id)}  # fmt: skip
    assert (await node.core.command(step))["accepted"]
    await console.sign_in("yibiao" if verdict == "withdraw" else "safety")
    assert (await post(console, f"/requests/{request}/{verdict}")).status_code == 409
    told = next(one for one in (await console.get("/api/v1/requests")).json()["items"] if one["id"] == request)
    assert (told["state"], told["decider"]["name"]["zh"]) == ("approved", "tanks")


async def test_an_approval_that_never_reached_the_engine_is_open_again(node: Any, console: Any) -> None:
    request = await asked_by_yibiao(node, console)
    await console.sign_in("tanks")
    node.core.refuse = Unavailable("the core is not connected")
    assert (await post(console, f"/requests/{request}/approve")).status_code == 503
    node.core.refuse = None
    assert await state_of(console, request) == "deciding", "the command may still be on its way"
    await console.sign_in("safety")
    soon = await post(console, f"/requests/{request}/refuse")
    assert soon.json()["detail"] == "this request is being decided: look again in a moment"
    await node.settle()
    node.clock.advance(MINUTE)
    node.tick("up")
    await node.settle()
    assert await state_of(console, request) == "open"
    assert (await post(console, f"/requests/{request}/refuse")).json()["state"] == "refused"
    assert await modes(console, "AT-203") == []


async def test_who_approved_goes_on_at_once_when_the_core_is_back(node: Any, console: Any) -> None:
    request = await asked_by_yibiao(node, console)
    await console.sign_in("tanks")
    node.core.refuse = Unavailable("the core is not connected")
    await post(console, f"/requests/{request}/approve")
    node.core.refuse = None
    assert (await post(console, f"/requests/{request}/approve")).json()["state"] == "approved"
    await node.settle()
    assert await modes(console, "AT-203") == ["inhibited"]


async def test_what_the_engine_refuses_is_open_and_can_be_refused(node: Any, console: Any, monkeypatch: Any) -> None:
    request = await asked_by_yibiao(node, console)
    await console.sign_in("tanks")
    obey = node.core.command

    async def too_long(command: dict[str, Any]) -> Any:
        return await obey({**command, "until": in_(node, 8 * 24 * HOUR)})

    monkeypatch.setattr(node.core, "command", too_long)
    assert (await post(console, f"/requests/{request}/approve")).status_code == 409
    assert await state_of(console, request) == "open"
    assert (await post(console, f"/requests/{request}/refuse")).json()["state"] == "refused"


@pytest.mark.parametrize(
    ("path", "more"), [("/points/AT-203/inhibit", {}), ("/points/BP-07/bypass", {"measures": [{"text": "x"}]})]
)
async def test_eight_days_are_refused_when_they_are_asked_for(node: Any, console: Any, path: str, more: dict[str, Any]) -> None:
    """At the approval it would be too late: the engine's refusal is remembered under the request's id."""
    await console.sign_in("yibiao")
    asked = {"reason": "x", "work_order": "WO", **more}
    refused = await post(console, path, **asked, until=in_(node, 8 * 24 * HOUR))
    assert (refused.status_code, refused.json()["detail"]) == (409, "this lasts 168 h at most")
    assert (await console.get("/api/v1/requests")).json()["items"] == []
    assert (await post(console, path, **asked, until=in_(node, 7 * 24 * HOUR))).json()["state"] == "open"


# ------------------------------------------------------------------------------------------------------------- detectors


async def test_the_list_tells_values_limits_dates_and_the_vote_in_force(node: Any, console: Any) -> None:
    node.tick("up")
    for point in ("AT-203", "AT-204", "AT-205"):
        node.feed(point, 0.1)
    await console.sign_in("yibiao")
    await post(console, "/points/AT-203/calibrate", reason="季度校验", work_order="WO-10", until=in_(node, HOUR))
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


async def test_one_person_can_not_blind_a_bypass_by_calling_it_a_calibration(node: Any, console: Any) -> None:
    node.tick("up")
    node.feed("BP-07", 0.0)
    await console.sign_in("yibiao")
    body = {"reason": "x", "work_order": "WO", "until": in_(node, HOUR)}
    for point in ("BP-07", "LT-301", "AT-203.DUE"):
        refused = await post(console, f"/points/{point}/calibrate", **body)
        assert refused.json()["detail"] == f"calibration mode is for detectors of gas and fire: {point} is none"
    node.feed("BP-07", 1.0)
    assert await modes(console, "BP-07") == []
    await pushed(node)
    assert (float(node.context.live.value[6]), int(node.context.live.quality[6])) == (1.0, 0)


async def test_a_calibration_is_for_a_work_order_and_the_step_carries_it(node: Any, console: Any) -> None:
    node.tick("up")
    await console.sign_in("yibiao")
    without = {"reason": "季度校验", "until": in_(node, HOUR)}
    assert (await post(console, "/points/AT-203/calibrate", **without)).status_code == 422
    assert (await post(console, "/points/AT-203/calibrate", **without, work_order="WO-10")).status_code == 200
    await node.settle()
    (mode,) = (await console.get("/api/v1/points/AT-203/modes")).json()["modes"]
    assert (mode["mode"], mode["work_order"]) == ("calibrating", "WO-10")


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
    answer = await post(console, "/points/AT-203/calibrate", reason="季度校验", work_order="WO-10", until=in_(node, HOUR))
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


PASSED = {"reason": "x", "result": "pass", "applied": 5.0, "as_found": 5.0, "as_left": 5.0}


@pytest.mark.parametrize("failing", ["end_calibration", "calibration_in_date"])
async def test_a_calibration_is_recorded_once_though_the_core_goes_away(
    node: Any, console: Any, monkeypatch: Any, failing: str
) -> None:
    await calibrating(node, console)
    await DetectorService.of(node.context).tell_dates()
    await pushed(node)
    obey = node.core.command

    async def away(command: dict[str, Any]) -> Any:
        if command["kind"] == failing:
            raise Unavailable("the core is not connected")
        return await obey(command)

    monkeypatch.setattr(node.core, "command", away)
    key = {"Idempotency-Key": "once"}
    told = await console.post("/api/v1/points/AT-203/end-calibration", json=PASSED, headers=key)
    assert told.status_code == 200, told.text
    ends = failing != "end_calibration"
    assert told.json()["ended"] is ends
    assert told.json()["why"] == (
        None if ends else {"zh": translate("the core is not connected", "zh"), "en": "the core is not connected"}
    )
    monkeypatch.setattr(node.core, "command", obey)
    again = await console.post("/api/v1/points/AT-203/end-calibration", json=PASSED, headers=key)
    assert again.json() == told.json()
    assert len((await console.get("/api/v1/points/AT-203/calibrations")).json()["items"]) == 1
    await node.settle()
    assert (await modes(console, "AT-203") == []) is ends


async def test_a_calibration_that_failed_after_its_record_goes_on_from_it(node: Any, console: Any, monkeypatch: Any) -> None:
    """Even when the gas is by now too long ago for its readings to be asked for."""
    gas_on = await calibrating(node, console)
    body, key = {**PASSED, "gas_on": gas_on}, {"Idempotency-Key": "once"}
    end = DetectorService._end

    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(DetectorService, "_end", broken)
    assert (await console.post("/api/v1/points/AT-203/end-calibration", json=body, headers=key)).status_code == 500
    monkeypatch.setattr(DetectorService, "_end", end)
    node.clock.advance(HOUR + MINUTE)
    told = await console.post("/api/v1/points/AT-203/end-calibration", json=body, headers=key)
    assert told.status_code == 200, told.text
    (kept,) = (await console.get("/api/v1/points/AT-203/calibrations")).json()["items"]
    assert kept == told.json()["calibration"]
    await console.sign_in("safety")
    leaves = (await console.get("/api/v1/audit?limit=500")).json()["items"]
    assert [one["action"] for one in leaves].count("point.calibration") == 1


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
    node.feed("AT-203", 0.1)
    await pushed(node)
    await console.sign_in("yibiao")
    listed = (await console.get("/api/v1/detectors")).json()["items"][0]
    assert (listed["value"], listed["quality"]["severity"], listed["quality"]["reason"]) == (
        0.1,
        "uncertain",
        "calibration_overdue",
    )
    span = {"start": str(node.clock.now() - SECOND), "end": str(node.clock.now() + SECOND)}
    trend = (await console.get("/api/v1/trend", params={"points": "AT-203", "buckets": 1, **span})).json()["points"]["AT-203"]
    assert (trend["uncertain"], trend["bad"]) == ([True], [0])
    raw = (await console.get("/api/v1/readings", params={"points": "AT-203,LT-301", **span})).json()["points"]
    ((since, until),) = raw["AT-203"]["overdue"]
    assert since < raw["AT-203"]["time"][0] < until
    assert raw["LT-301"]["overdue"] == []
    steps = len(node.context.journal.steps())
    await service.tell_dates()
    assert len(node.context.journal.steps()) == steps, "told once"
    await calibrating(node, console)
    body = {"reason": "x", "result": "pass", "applied": 5.0, "as_found": 5.0, "as_left": 5.0}
    await post(console, "/points/AT-203/end-calibration", **body)
    await pushed(node)
    assert float(node.context.live.value[8]) == 0.0
    node.feed("AT-203", 0.1)
    await pushed(node)
    assert (await console.get("/api/v1/detectors")).json()["items"][0]["quality"]["severity"] == "good"


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
