"""Security keys over the API: set up, signed in with, asked for wherever a code is; and every answer that is not the one asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from anlan.guard.records import AuditLeaf
from anlan.model.clock import DAY, SECOND
from tests.guard.soft_key import SoftKey, coded
from tests.web.conftest import PASSWORD, Console

HERE = "http://localhost:8600"


@pytest.fixture
async def desk(app: Any) -> AsyncIterator[Console]:
    """A browser that opened the console by a name that keys answer to."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("10.0.0.7", 50_000))
    async with Console(transport=transport, base_url=HERE, headers={"Origin": HERE, "Accept-Language": "en"}) as client:
        yield client


async def begin(desk: Console, code: str = "") -> dict[str, Any]:
    answer = await desk.post("/api/v1/me/factor/keys", json={"password": PASSWORD, "code": code})
    assert answer.status_code == 201, answer.text
    options: dict[str, Any] = answer.json()["options"]
    return options


async def set_up(desk: Console, name: str = "蓝色钥匙", code: str = "", **how: Any) -> tuple[SoftKey, list[str]]:
    key = SoftKey(HERE, **how)
    answer = await desk.post("/api/v1/me/factor/keys/confirm", json={"name": name, "answer": key.create(await begin(desk, code))})
    assert answer.status_code == 201, answer.text
    return key, answer.json()["recovery_codes"]


async def door(desk: Console, account: str = "gas", **rest: Any) -> Any:
    return await desk.post("/api/v1/session", json={"account": account, "password": PASSWORD, **rest})


async def question(desk: Console, account: str = "gas") -> dict[str, Any]:
    """What the door asks the key."""
    asked = await door(desk, account)
    assert (asked.status_code, asked.json()["code"]) == (401, "second-factor-needed"), asked.text
    options: dict[str, Any] = asked.json()["facts"]["key"]
    return options


async def test_a_key_is_set_up_signs_in_and_is_taken_away(desk: Console) -> None:
    await desk.sign_in("gas")
    key, paper = await set_up(desk)
    assert len(paper) == 10
    options = await question(desk)
    assert options["rpId"] == "localhost"
    assert [one["id"] for one in options["allowCredentials"]] == [coded(key.id)]
    assert (await door(desk, code=key.code(options))).status_code == 200
    card, more = await set_up(desk, "门禁卡", key.code((await refused_for_a_code(desk))["key"]), counts=False)
    assert more == [], "the codes on paper that there are go on counting"
    for _ in range(2):
        assert (await door(desk, code=card.code(await question(desk)))).status_code == 200, "a key that does not count is one too"
    told = (await desk.get("/api/v1/me/factor")).json()
    assert [(one["name"], one["here"]) for one in told["keys"]] == [("蓝色钥匙", True), ("门禁卡", True)]
    first, second = (f"/api/v1/me/factor/keys/{one['id']}/remove" for one in told["keys"])
    asked = (await desk.post(first, json={})).json()
    assert asked["code"] == "second-factor-needed"
    gone = await desk.post(first, json={"code": card.code(asked["facts"]["key"])})
    assert [one["name"] for one in gone.json()["keys"]] == ["门禁卡"]
    last = await desk.post(second, json={"code": paper[0]})
    assert (last.status_code, last.json()["code"]) == (409, "command-refused")
    assert "last second factor" in last.json()["detail"]


async def refused_for_a_code(desk: Console) -> dict[str, Any]:
    answer = await desk.post("/api/v1/me/factor/keys", json={"password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "second-factor-needed")
    facts: dict[str, Any] = answer.json()["facts"]
    return facts


WRONG = {
    "another challenge": {"challenge": coded(bytes(32))},
    "another origin": {"origin": "http://localhost:8601"},
    "a copied page": {"origin": "https://localhost.evil.example"},
    "another console's name": {"rp_id": "console.plant"},
    "a registration": {"type": "webauthn.create"},
    "nobody touched it": {"flags": 0},
    "inside another page": {"framed": True},
    "another signature": {"signature": b"0" * 70},
}


async def test_an_answer_that_is_not_the_one_asked_for_is_refused(desk: Console) -> None:
    await desk.sign_in("gas")
    key, _ = await set_up(desk)
    for name, wrong in WRONG.items():
        refused = await door(desk, code=key.code(await question(desk), **wrong))
        assert (refused.status_code, refused.json()["code"]) == (401, "not-signed-in"), name
        assert (await door(desk, code=key.code(await question(desk)))).status_code == 200, name


async def test_an_answer_counts_once_for_its_own_person_and_not_for_ever(desk: Console, node: Any) -> None:
    await desk.sign_in("tanks")
    foreign, _ = await set_up(desk)
    await desk.sign_in("gas")
    key, _ = await set_up(desk)
    code = key.code(await question(desk))
    assert (await door(desk, code=code)).status_code == 200
    assert (await door(desk, code=code)).status_code == 401, "replayed"
    assert (await door(desk, code=foreign.code(await question(desk)))).status_code == 401, "another person's key"
    theirs = await question(desk, "tanks")
    assert (await door(desk, code=key.code(theirs))).status_code == 401, "asked of another person"
    late = key.code(await question(desk))
    node.clock.advance(400 * SECOND)
    assert (await door(desk, code=late)).status_code == 401, "answered too late"
    for garbage in ("key.", "key.????", "key." + coded(b"[]"), "key." + coded(b'{"response":{}}'), "key." + "A" * 8000):
        assert (await door(desk, code=garbage)).status_code in {401, 429}


async def test_a_counter_that_goes_back_is_refused_and_on_record(desk: Console, node: Any) -> None:
    await desk.sign_in("gas")
    key, _ = await set_up(desk)
    copy = SoftKey(HERE, key.id, key.counter, private=key.private)
    for _ in range(3):
        assert (await door(desk, code=key.code(await question(desk)))).status_code == 200
    assert (await door(desk, code=copy.code(await question(desk)))).status_code == 401
    with node.records.reading() as session:
        leaf = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "factor.key-copied")).one()
    assert leaf.after == {"name": "蓝色钥匙", "counter": 3, "shown": 1}
    assert (await door(desk, code=key.code(await question(desk)))).status_code == 200


async def test_setting_up_takes_the_person_and_a_genuine_answer(desk: Console) -> None:
    await desk.sign_in("gas")
    assert (await desk.post("/api/v1/me/factor/keys", json={"password": "a-guess"})).status_code == 403
    path, key = "/api/v1/me/factor/keys/confirm", SoftKey(HERE)
    for wrong in WRONG.values():
        answer = {
            "name": "n",
            "answer": key.create(await begin(desk), **{**wrong, "type": wrong.get("type", "")[:0] or "webauthn.get"}),
        }
        assert (await desk.post(path, json=answer)).status_code == 403
    assert (await desk.post(path, json={"name": "n", "answer": {}})).status_code == 403
    options = await begin(desk)
    assert (await desk.post(path, json={"name": "n", "answer": key.create(options)})).status_code == 201
    assert (await desk.post(path, json={"name": "n", "answer": key.create(options)})).status_code == 403, "replayed"
    await desk.sign_in("tanks")
    again = await desk.post(path, json={"name": "n", "answer": key.create(await begin(desk))})
    assert (again.status_code, again.json()["detail"]) == (422, "this security key is registered already")


async def test_by_an_address_no_key_answers_and_the_page_is_told_why(console: Console, desk: Console) -> None:
    await desk.sign_in("gas")
    _, paper = await set_up(desk)
    assert (await door(console)).json()["facts"]["key"] is None, "registered for another name"
    await door(console, code=paper[0])
    told = (await console.get("/api/v1/me/factor")).json()
    assert told["keys_here"]["possible"] is False
    assert "encrypted page" in told["keys_here"]["why_not"]
    assert told["keys"][0]["here"] is False
    by_number = await console.get("/api/v1/me/factor", headers={"Host": "192.168.3.4", "Accept-Language": "zh"})
    assert "192.168.3.4" in by_number.json()["keys_here"]["why_not"]
    assert (await console.post("/api/v1/me/factor/keys", json={"password": PASSWORD})).status_code == 422


async def test_a_key_is_what_a_role_needs_and_two_persons_take_it_away(desk: Console, consoles: Any, node: Any) -> None:
    node.clock.advance(8 * DAY)
    assert (await desk.sign_in("admin"))["must_enrol_factor"] is True
    _, paper = await set_up(desk)
    assert (await desk.get("/api/v1/alarms")).status_code == 200
    person = (await desk.get("/api/v1/me")).json()["person"]
    listed = {one["account"]: one["second_factor"] for one in (await desk.get("/api/v1/people")).json()["items"]}
    assert listed["admin"] is True
    assert (await desk.post("/api/v1/me/tokens", json={"name": "n", "actions": ["live.view"], "password": PASSWORD})).json()[
        "code"
    ] == "second-factor-needed"
    reset = await desk.post(
        f"/api/v1/people/{person}/factor-reset", json={"reason": "key lost", "password": PASSWORD, "code": paper[0]}
    )
    assert reset.status_code == 200, reset.text
