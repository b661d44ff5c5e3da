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


async def asked(console: Any, **body: Any) -> dict[str, Any]:
    answer = await console.patch(f"{API}/alarms/AT-1.H/rule", json={**LOOSER, **body})
    assert (answer.status_code, answer.json()["new"]) == (202, False), answer.text
    request: dict[str, Any] = answer.json()["request"]
    return request


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
    assert (await qian.post(f"{API}/plant/requests/{waiting['id']}/take-on")).json()["requester"]["name"]["zh"] == "qian"
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
