"""What loosens a safety alarm takes two persons: one asks, another approves, and both stand in the audit record."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pytest
from sqlalchemy import select

from anlan.guard import audit
from anlan.guard.records import AuditLeaf
from anlan.model.clock import DAY
from anlan.model.errors import CommandRefused
from anlan.plant.loosening import SecondPersonNeeded, loosened
from anlan.plant.records import RequestRow
from anlan.plant.requests import Requests, must_be_open
from anlan.plant.service import ask_for_second, with_rule
from anlan.plant.versions import version
from tests.web.config_node import Core, core, sign_in
from tests.web.conftest import PASSWORD

__all__ = ["core", "sign_in"]

API = "/api/v1"
LOOSER = {"change": {"limit": 24}, "base": 1, "reason": "HAZOP item 14"}


async def asked(console: Any, *, signs: bool = True, **body: Any) -> dict[str, Any]:
    answer = await console.patch(f"{API}/alarms/AT-1.H/rule", json={**LOOSER, **body})
    assert (answer.status_code, answer.json()["new"]) == (202, False), answer.text
    request: dict[str, Any] = answer.json()["request"]
    if not signs or request["signed_at"] is not None:
        return request
    done = await sign(console, request)
    assert done.status_code == 200, done.text
    return dict(done.json())


async def sign(console: Any, request: dict[str, Any], password: str = PASSWORD, way: str = "sign") -> Any:
    return await console.post(f"{API}/plant/requests/{request['id']}/{way}", json={"password": password})


async def approve(console: Any, request: dict[str, Any], **body: Any) -> Any:
    return await console.post(
        f"{API}/plant/requests/{request['id']}/approve", json={"password": PASSWORD, "note": "agreed", **body}
    )


def limit(node: Any) -> float | None:
    return next(rule.limit for rule in version(node.records)[1].rules if rule.id == "AT-1.H")


def leaves(node: Any, action: str) -> list[dict[str, Any]]:
    with node.records.reading() as session:
        found = session.scalars(select(AuditLeaf).where(AuditLeaf.action == action))
        return [orjson.loads(one.after) if isinstance(one.after, bytes | str) else one.after for one in found]


async def test_one_asks_and_another_approves(node: Any, core: Core, sign_in: Any) -> None:
    zhao, qian = await sign_in("zhao"), await sign_in("qian")
    request = await asked(zhao)
    assert (limit(node), core.taken, request["loosened"][0]["en"]) == (20, [], "AT-1.H: limit 20.0 → 24.0")
    assert (await asked(zhao))["id"] == request["id"], "the very same is asked for once"
    told = (await qian.get(f"{API}/plant/requests?state=open")).json()
    assert (told["waiting_for_me"], told["items"][0]["may"], told["items"][0]["places"]) == (
        1,
        ["approve", "decline"],
        ["works/U100"],
    )
    mine = (await zhao.get(f"{API}/plant/requests")).json()
    assert (mine["waiting_for_me"], mine["items"][0]["may"]) == (0, ["withdraw"])
    own = await approve(zhao, request)
    assert (own.status_code, own.json()["code"]) == (403, "second-person-needed")
    assert (await approve(qian, request, password="not this one")).status_code == 403
    assert limit(node) == 20
    core.away = True
    assert (await approve(qian, request)).status_code == 503
    core.away = False
    done = await approve(qian, request)
    assert (done.status_code, done.json()["version"], done.json()["decided"]["state"]) == (200, 2, "approved"), done.text
    assert (limit(node), core.taken) == (24, [2])
    (leaf,) = leaves(node, "config.approve")
    assert (leaf["asked"]["account"], leaf["approved"]["account"], leaf["version"]) == ("zhao", "qian", 2)
    assert leaf["loosened"] == ["AT-1.H: limit 20.0 → 24.0"]
    made = (await zhao.get(f"{API}/plant/versions")).json()["items"][0]
    assert (made["author"], made["reason"], made["approved_by"]["zh"]) == ("zhao", "HAZOP item 14", "qian")
    assert (await approve(await sign_in("safety"), request)).json()["code"] == "command-refused"


async def test_a_session_alone_asks_for_nobody(node: Any, core: Core, sign_in: Any) -> None:
    """Who finds zhao's console open can ask by it; approved it is not before zhao has given the own password."""
    zhao, qian = await sign_in("zhao"), await sign_in("qian")
    request = await asked(zhao, signs=False)
    told = (await qian.get(f"{API}/plant/requests")).json()
    assert (told["waiting_for_me"], told["items"][0]["may"], told["items"][0]["signed_at"]) == (0, ["decline"], None)
    refused = await approve(qian, request)
    assert (refused.status_code, "has not signed" in refused.json()["detail"]) == (409, True), refused.text
    mine = (await zhao.get(f"{API}/plant/requests")).json()
    assert (mine["waiting_for_me"], mine["items"][0]["may"]) == (1, ["sign", "withdraw"])
    assert (await sign(qian, request)).status_code == 403, "with the own password, for another"
    assert (await sign(zhao, request, "not this one")).status_code == 403
    made = {"name": "sheets", "days": 1, "actions": ["alarm.view", "alarm.configure"], "password": PASSWORD}
    secret = (await zhao.post(f"{API}/me/tokens", json=made)).json()["token"]
    program = await sign_in("zhao")
    program.cookies.clear()
    program.headers["Authorization"] = f"Bearer {secret}"
    machine = await sign(program, request)
    assert (machine.status_code, "token" in machine.json()["detail"]) == (403, True), machine.text
    assert leaves(node, "config.sign") == []
    with node.records.session() as session, pytest.raises(CommandRefused, match="has not signed"):
        Requests(node.records, node.clock).approve(session, UUID(request["id"]), None, "", 2, [], [])  # type: ignore[arg-type]
    signed = (await sign(zhao, request)).json()
    assert (signed["signed_at"], signed["may"]) == (node.clock.now(), ["withdraw"])
    assert (await sign(zhao, request)).json()["code"] == "command-refused"
    assert (await qian.get(f"{API}/plant/requests")).json()["waiting_for_me"] == 1
    assert (await approve(qian, request)).json()["version"] == 2
    assert (len(leaves(node, "config.sign")), leaves(node, "config.approve")[0]["asked"]["signed_at"]) == (1, signed["signed_at"])


async def test_who_sees_one_place_of_a_request_is_told_of_that_place(node: Any, core: Core, sign_in: Any) -> None:
    sun, zhao, qian = await sign_in("sun"), await sign_in("zhao"), await sign_in("qian")
    new = {
        "place": "works/U200",
        "kind": "level",
        "unit": "%",
        "source": "plc",
        "address": "hr:40 float32",
        "name": {"zh": "液位", "en": "level"},
    }
    edits = [
        {"what": "alarm", "id": "AT-1.H", "change": {"limit": 24}},
        {"what": "point", "id": "LT-9", "change": new},
    ]
    answer = await zhao.post(f"{API}/plant/draft/apply", json={"edits": edits, "base": 1, "reason": "two branches"})
    assert answer.status_code == 202, answer.text
    request = answer.json()["request"]
    assert (await sign(zhao, request)).status_code == 200
    part, whole = [(await one.get(f"{API}/plant/requests/{request['id']}")).json() for one in (sun, qian)]
    assert ([one["en"] for one in part["changes"]], part["more"]) == (["point LT-9 added"], len(whole["changes"]) - 1)
    assert (part["loosened"], part["more_loosened"], part["places"], part["may"]) == ([], 1, ["works/U200"], [])
    assert ("AT-1" in str(part), "AT-1.H: limit 20.0 → 24.0" in str(whole), whole["more_loosened"]) == (False, True, 0)


async def test_a_guarded_source_moves_by_two_and_a_place_is_named_by_one(node: Any, core: Core, sign_in: Any) -> None:
    sun, zhao, qian = await sign_in("sun"), await sign_in("zhao"), await sign_in("qian")
    (plc,) = (await zhao.get(f"{API}/plant/sources")).json()["items"]
    assert (plc["options"], plc["points"], plc["guarded"]) == ({"host": "127.0.0.1"}, 2, True)
    assert {one["id"] for one in (await zhao.get(f"{API}/plant/places")).json()["items"]} >= {"works/U100", "works/U200"}
    move = {"what": "source", "id": "plc", "change": {"options": {"host": "127.0.0.2"}}}
    for way in ("sources", "places"):
        assert (await sun.get(f"{API}/plant/{way}")).status_code == 403
    assert (await sun.post(f"{API}/plant/draft/preview", json={"edits": [move]})).status_code == 404
    name = {"what": "place", "id": "works/U200", "change": {"name": {"zh": "南泵房"}}}
    done = await zhao.post(f"{API}/plant/draft/apply", json={"edits": [name], "base": 1, "reason": "as the drawings say"})
    assert (done.status_code, done.json()["version"]) == (200, 2), done.text
    asked = await zhao.post(f"{API}/plant/draft/apply", json={"edits": [move], "base": 2, "reason": "the cabinet has moved"})
    assert asked.status_code == 202, asked.text
    assert (await sign(zhao, asked.json()["request"])).status_code == 200
    assert (await approve(qian, asked.json()["request"])).json()["version"] == 3
    assert version(node.records)[1].sources[0].options == {"host": "127.0.0.2"}


async def test_who_is_no_second_person(node: Any, sign_in: Any) -> None:
    zhao, qian, sun = await sign_in("zhao"), await sign_in("qian"), await sign_in("sun")
    request = await asked(zhao)
    assert (await approve(sun, request)).status_code == 404, "U100 is nothing of theirs"
    assert (await approve(await sign_in("admin"), request)).status_code == 403, "no right to approve"
    me = {name: (await console.get(f"{API}/me")).json()["person"] for name, console in (("zhao", zhao), ("qian", qian))}
    now = (await zhao.get(f"{API}/roster/now")).json()
    slot = {"day": now["day"], "shift": now["shift"]["id"], "post": ""}
    assert (await zhao.put(f"{API}/roster", json={**slot, "people": [me["zhao"]]})).status_code == 200
    refused = await approve(qian, request)
    assert (refused.status_code, "on duty" in refused.json()["detail"]) == (403, True)
    assert (await zhao.put(f"{API}/roster", json={**slot, "people": list(me.values())})).status_code == 200
    with node.records.session() as session:
        step = audit.Step(at=node.clock.now(), who=me["zhao"], action="people.reset-password", subject=me["qian"])
        audit.append(session, step)
    refused = await approve(qian, request)
    assert (refused.status_code, "30 days" in refused.json()["detail"]) == (403, True)
    assert limit(node) == 20
    declined = await qian.post(f"{API}/plant/requests/{request['id']}/decline", json={"note": "not before the test"})
    assert (declined.json()["state"], declined.json()["note"]) == ("declined", "not before the test")


async def test_a_request_whose_alarm_has_moved_on_is_void_and_others_come_onto_the_newest(node: Any, sign_in: Any) -> None:
    zhao, qian = await sign_in("zhao"), await sign_in("qian")
    request = await asked(zhao)
    level = {"change": {"limit": 85}, "base": 1, "reason": "another alarm"}
    assert (await zhao.patch(f"{API}/alarms/LT-101.H/rule", json=level)).json()["version"] == 2
    assert (await approve(qian, request)).json()["version"] == 3
    assert next(r.limit for r in version(node.records)[1].rules if r.id == "LT-101.H") == 85, "what was changed since stands"
    later = await asked(zhao, base=3, change={"limit": 25})
    tighter = {"change": {"limit": 22}, "base": 3, "reason": "a tightening meanwhile"}
    assert (await zhao.patch(f"{API}/alarms/AT-1.H/rule", json=tighter)).json()["version"] == 4
    refused = await approve(qian, later)
    assert (refused.status_code, refused.json()["code"]) == (409, "request-void")
    told = (await zhao.get(f"{API}/plant/requests/{later['id']}")).json()
    assert (told["state"], told["in_the_way"][0]["en"]) == ("void", "alarm AT-1.H: limit 24 → 22")
    assert limit(node) == 22


async def test_it_expires_and_is_withdrawn_by_who_asked_alone(node: Any, sign_in: Any) -> None:
    zhao, qian = await sign_in("zhao"), await sign_in("qian")
    request = await asked(zhao)
    address, why = f"{API}/plant/requests/{request['id']}/withdraw", {"note": "asked in error"}
    assert (await qian.post(address, json=why)).status_code == 403
    assert (await zhao.post(address, json=why)).json()["state"] == "withdrawn"
    assert (await approve(qian, request)).status_code == 409
    request = await asked(zhao)
    node.clock.advance(7 * DAY)
    row = Requests(node.records, node.clock).row(UUID(request["id"]))
    assert row.state == "expired"
    with pytest.raises(CommandRefused, match="has expired"):
        must_be_open(row, node.clock.now())
    assert (limit(node), len(leaves(node, "config.expire"))) == (20, 1)


async def test_what_the_machine_s_account_asks_needs_two_named_persons(node: Any, sign_in: Any) -> None:
    _, plant, _ = version(node.records)
    after = with_rule(plant, next(r for r in plant.rules if r.id == "AT-1.H").model_copy(update={"enabled": False}))
    waiting = ask_for_second(
        node.records, node.clock, "root", after, SecondPersonNeeded(loosened(plant, after)), "anlan up"
    ).waiting
    assert waiting is not None
    zhao, qian = await sign_in("zhao"), await sign_in("qian")
    assert (await approve(qian, waiting)).status_code == 409
    assert (await sign(qian, waiting, "not this one", "take-on")).status_code == 403
    taken = (await sign(qian, waiting, way="take-on")).json()
    assert (taken["requester"]["name"]["zh"], taken["signed_at"]) == ("qian", node.clock.now())
    assert (await approve(qian, waiting)).json()["code"] == "second-person-needed"
    assert (await approve(zhao, waiting)).json()["version"] == 2
    assert UUID(leaves(node, "config.approve")[0]["asked"]["person"]) == UUID((await qian.get(f"{API}/me")).json()["person"])


async def test_a_draft_says_which_alarms_would_begin_and_end(node: Any, sign_in: Any) -> None:
    zhao, live = await sign_in("zhao"), node.context.live
    number = node.context.plant.point_numbers["LT-101"]
    live.update(
        *(np.array([one], kind) for one, kind in ((number, "u4"), (node.clock.now(), "i8"), (85.0, "f8"), (0, "u2"))),
        node.clock.now(),
    )
    edits = [
        {"what": "alarm", "id": "LT-101.H", "change": {"limit": 84}},
        {"what": "alarm", "id": "LT-101.L", "change": {"limit": 15}},
        {"what": "alarm", "id": "AT-1.H", "change": {"limit": 18}},
    ]
    told = (await zhao.post(f"{API}/plant/draft/preview", json={"edits": edits})).json()
    # LT-101 reads 85: above its limit, so it begins; of AT-1 nothing was heard yet, and nobody can say.
    assert told["alarms"] == [
        {"alarm": "AT-1.H", "stands": False, "then": "unknown"},
        {"alarm": "LT-101.H", "stands": False, "then": "begins"},
    ]
    assert (told["two_persons"], told["sources_read_anew"], told["effect"]) == (False, [], None)
    moved = [{"what": "point", "id": "LT-101", "change": {"address": "hr:40 float32"}}]
    told = (await zhao.post(f"{API}/plant/draft/preview", json={"edits": moved, "replay": True})).json()
    assert (told["sources_read_anew"], told["effect"]) == (["plc"], None)


async def test_an_approval_loosens_no_more_than_was_shown(node: Any, sign_in: Any) -> None:
    """Also where the row says less than its plant would do."""
    zhao, qian = await sign_in("zhao"), await sign_in("qian")
    request = await asked(zhao)
    with node.records.session() as session:
        row = session.get_one(RequestRow, UUID(request["id"]))
        row.told = {**row.told, "weaker": []}
    assert (await approve(qian, request)).json()["code"] == "request-void"
    assert (limit(node), Requests(node.records, node.clock).rows("approved")) == (20, [])
