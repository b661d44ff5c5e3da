"""What somebody with an account of their own tries against the second person, the records and other branches (DOMAIN.md 16)."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import select

from anlan.guard.people import account_of
from anlan.guard.principal import Grant, Principal
from anlan.guard.records import Person
from anlan.model.drawings import Drawing
from anlan.model.words import Label
from anlan.monitor.trials import Trial
from anlan.plant.drawings import shelf
from anlan.plant.effects import TrialUnfit, must_be_current
from anlan.plant.records import DrawingRow
from anlan.plant.requests import MOST_OPEN, Requests
from anlan.plant.versions import version
from anlan.web.records import Write
from tests.web.config_node import Core, core, sign_in
from tests.web.conftest import PASSWORD
from tests.web.test_config_requests import API, LOOSER, asked, leaves, limit

__all__ = ["core", "sign_in"]


async def test_what_is_kept_of_a_signature_does_not_give_the_password_away(node: Any, core: Core, sign_in: Any) -> None:
    """A copy of the records must not be a way to guess passwords a thousand million times a second."""
    zhao, qian = await sign_in("zhao"), await sign_in("qian")
    path = f"{API}/plant/requests/{(await asked(zhao))['id']}/approve"
    await zhao.post(path.replace("/approve", "/sign"), json={"password": PASSWORD})
    body = orjson.dumps({"password": PASSWORD, "note": ""})
    headers = {"Content-Type": "application/json", "Idempotency-Key": "signed"}
    done = await qian.post(path, content=body, headers=headers)
    again = await qian.post(path, content=body, headers=headers)
    other = await qian.post(path, content=body.replace(b'""', b'"x"'), headers=headers)
    assert (done.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (200, done.json(), "true"), done.text
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    with node.records.reading() as session:
        kept = session.scalars(select(Write).where(Write.key == "signed")).one()
    assert kept.request_hash != hashlib.sha256(f"POST {path}\n".encode() + body).digest()


async def test_a_flood_of_requests_ends_and_hides_none_that_waits(node: Any, core: Core, sign_in: Any) -> None:
    zhao, qian = await sign_in("zhao"), await sign_in("qian")
    first = await asked(zhao, signs=False)
    for n in range(1, MOST_OPEN):
        await asked(zhao, signs=False, change={"limit": 20 + n / 100})
    more = await zhao.patch(f"{API}/alarms/AT-1.H/rule", json={**LOOSER, "change": {"limit": 23}})
    assert (more.status_code, more.json()["code"]) == (409, "command-refused")
    assert (await asked(qian, change={"limit": 23}))["state"] == "open", "another's are counted apart"
    withdrawn = await zhao.post(f"{API}/plant/requests/{first['id']}/withdraw", json={"note": "in error"})
    assert withdrawn.status_code == 200
    told = Requests(node.records, node.clock).rows()
    assert [row.state for row in told] == ["open"] * MOST_OPEN + ["withdrawn"]


async def test_what_a_closed_account_asked_for_is_not_approved(node: Any, core: Core, sign_in: Any) -> None:
    zhao, qian = await sign_in("zhao"), await sign_in("qian")
    request = await asked(zhao)
    await zhao.post(f"{API}/plant/requests/{request['id']}/sign", json={"password": PASSWORD})
    with node.records.session() as session:
        session.scalars(select(Person).where(Person.account == account_of("zhao"))).one().disabled = True
    refused = await qian.post(f"{API}/plant/requests/{request['id']}/approve", json={"password": PASSWORD})
    assert (refused.status_code, "closed" in refused.json()["detail"] or "停用" in refused.json()["detail"]) == (409, True)
    assert core.taken == []


async def test_a_draft_tells_nothing_of_a_branch_that_is_not_the_asker_s(node: Any, core: Core, sign_in: Any) -> None:
    """What would begin or end is told of the newest value: asked often enough, it would tell the value itself. `sun` is of U200."""
    sun, zhao = await sign_in("sun"), await sign_in("zhao")
    drafts = [
        {"what": "alarm", "id": "AT-1.H", "change": {"limit": 5}},
        {"what": "alarm", "id": "AT-1.HH", "change": {"point": "AT-1", "kind": "high_high", "limit": 5}},
        {"what": "point", "id": "AT-1", "change": {"range_high": 5}},
    ]
    for edit in drafts:
        for way, more in (("preview", {}), ("apply", {"base": 1, "reason": "a look"})):
            hidden = await sun.post(f"{API}/plant/draft/{way}", json={"edits": [edit], **more})
            assert (hidden.status_code, set(hidden.json()["facts"])) == (404, {"id"}), hidden.text
    seen = await zhao.post(f"{API}/plant/draft/preview", json={"edits": drafts[:1]})
    assert (seen.status_code, seen.json()["accepted"]) == (200, True), seen.text


async def test_a_picture_is_kept_with_its_version_or_not_at_all(node: Any, core: Core, sign_in: Any, monkeypatch: Any) -> None:
    zhao = await sign_in("zhao")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0"/></svg>'
    path = f"{API}/plant/drawings/site/image"
    for wrong in ("base=7&place=U100", "base=1&place=U900"):
        refused = await zhao.put(f"{path}?{wrong}&reason=a+try", content=svg)
        assert refused.status_code == 422, refused.text
    monkeypatch.setattr(shelf, "MOST_KEPT", len(svg))
    full = await zhao.put(f"{path}?base=1&reason=a+try", content=svg)
    assert (full.status_code, core.taken) == (422, [])
    with node.records.reading() as session:
        assert session.scalars(select(DrawingRow.sha256)).all() == []
    monkeypatch.undo()
    assert (await zhao.put(f"{path}?base=1&reason=a+try", content=svg)).status_code == 200


async def test_of_all_who_decide_at_once_one_does(node: Any, core: Core, sign_in: Any) -> None:
    zhao, qian, safety = await sign_in("zhao"), await sign_in("qian"), await sign_in("safety")
    request = await asked(zhao)
    path, signed, note = f"{API}/plant/requests/{request['id']}", {"password": PASSWORD}, {"note": "in error"}
    await zhao.post(f"{path}/sign", json=signed)
    answers = await asyncio.gather(
        qian.post(f"{path}/approve", json=signed),
        safety.post(f"{path}/approve", json=signed),
        qian.post(f"{path}/approve", json=signed),
        zhao.post(f"{path}/withdraw", json=note),
        safety.post(f"{path}/decline", json=note),
    )
    told = (await zhao.get(path)).json()
    assert {one.status_code for one in answers} <= {200, 409}, [one.text for one in answers]
    assert told["state"] in {"approved", "withdrawn", "declined"}
    approved = told["state"] == "approved"
    assert (limit(node), core.taken, len(leaves(node, "config.approve"))) == ((24, [2], 1) if approved else (20, [], 0))
    ends = [action for action in ("approve", "withdraw", "decline") if leaves(node, f"config.{action}")]
    assert len(ends) == 1, "one verdict, on record once"


async def test_an_old_base_tells_what_was_changed_in_the_own_branch_alone(node: Any, core: Core, sign_in: Any) -> None:
    sun, zhao = await sign_in("sun"), await sign_in("zhao")
    tighter = {"change": {"limit": 12}, "base": 1, "reason": "tighter"}
    assert (await zhao.patch(f"{API}/alarms/AT-1.H/rule", json=tighter)).json()["version"] == 2
    edit = {"what": "point", "id": "PT-9", "change": {"place": "works/U200", "kind": "level", "unit": "%", "source": "plc"}}
    late = await sun.post(f"{API}/plant/draft/apply", json={"edits": [edit], "base": 1, "reason": "late"})
    assert (late.json()["code"], late.json()["facts"]["changes"], "AT-1" in late.text) == ("base-moved", [], False), late.text
    whole = await zhao.patch(f"{API}/alarms/AT-1.H/rule", json=tighter | {"change": {"limit": 11}})
    assert [one["id"] for one in whole.json()["facts"]["changes"]] == ["AT-1.H"]


async def test_a_trial_out_of_date_names_nothing_of_another_branch(node: Any, core: Core) -> None:
    """A drawing decides nothing, so who draws holds up no trial."""
    _, plant, _ = version(node.records)
    (gas,) = [point for point in plant.points if point.id == "AT-1"]
    wider = gas.model_copy(update={"range_high": 90.0})
    after = plant.model_copy(update={"points": tuple(wider if point is gas else point for point in plant.points)})
    trial = Trial(uuid4(), 0, "sun", 1, {}, 0, 1, 0, None, None, None, (), None)
    by = partial(Principal, person=uuid4(), account="sun", name=Label(zh="sun"), session=uuid4())
    for place, told in (("works/U200", False), ("", True)):
        with pytest.raises(TrialUnfit) as unfit:
            must_be_current(trial, "LT-101.H", plant, after, 2, by(grants=(Grant("x", place, frozenset({"alarm.view"})),)))
        assert ("AT-1" in str(unfit.value)) is told
    drawn = Drawing(id="site", file="a.png", sha256="0" * 64, media="image/png", width=1, height=1)
    must_be_current(trial, "LT-101.H", plant, plant.model_copy(update={"drawings": (drawn,)}), 2, by(grants=()))
