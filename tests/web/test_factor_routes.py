"""A second factor over the API: set up, asked for at the door, lost, and the policy that wants it."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select

from anlan.guard import totp
from anlan.guard.duty import duty_for
from anlan.guard.independence import are_independent
from anlan.guard.records import Token
from anlan.model.clock import DAY, SECOND
from tests.web.conftest import PASSWORD

OWN = {"password": PASSWORD}
MADE = "purple-river-4433"
"""What those choose whose accounts a test makes."""


def code_now(node: Any, secret: str) -> str:
    return totp.code(base64.b32decode(secret.replace(" ", "")), totp.step_of(node.clock.now()))


async def set_up(console: Any, node: Any) -> tuple[str, list[str]]:
    begun = await console.post("/api/v1/me/factor", json={"password": PASSWORD})
    assert begun.status_code == 201, begun.text
    secret = begun.json()["secret"]
    assert begun.json()["qr"].startswith("<svg")
    done = await console.post("/api/v1/me/factor/confirm", json={"code": code_now(node, secret)})
    assert done.status_code == 200, done.text
    node.clock.advance(60 * SECOND)
    return secret, done.json()["recovery_codes"]


async def door(console: Any, account: str = "gas", **rest: Any) -> Any:
    return await console.post("/api/v1/session", json={"account": account, "password": PASSWORD, **rest})


async def test_set_up_and_sign_in_with_it(console: Any, node: Any) -> None:
    await console.sign_in("gas")
    secret, codes = await set_up(console, node)
    assert len(codes) == 10
    told = (await console.get("/api/v1/me/factor")).json()
    assert (told["enrolled"], told["recovery_left"]) == (True, 10)
    asked = await door(console)
    assert (asked.status_code, asked.json()["code"]) == (401, "second-factor-needed")
    wrong = await door(console, code="123456")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "not-signed-in")
    code = code_now(node, secret)
    assert (await door(console, code=code)).status_code == 200
    again = await door(console, code=code)
    assert again.status_code == 401
    assert "used already" in again.json()["detail"]
    assert (await door(console, code=codes[0])).status_code == 200


async def test_who_finds_the_console_open_sets_up_nothing(console: Any) -> None:
    await console.sign_in("gas")
    answer = await console.post("/api/v1/me/factor", json={"password": "a-guess-at-it"})
    assert answer.status_code == 403
    assert (await console.get("/api/v1/me/factor")).json()["enrolled"] is False


async def test_new_codes_and_another_phone_take_a_code(console: Any, node: Any) -> None:
    await console.sign_in("gas")
    secret, codes = await set_up(console, node)
    assert (await console.post("/api/v1/me/factor/recovery-codes", json={"code": "000000"})).status_code == 403
    asked = await console.post("/api/v1/me/factor", json={"password": PASSWORD})
    assert (asked.status_code, asked.json()["code"]) == (403, "second-factor-needed")
    fresh = await console.post("/api/v1/me/factor/recovery-codes", json={"code": codes[0]})
    assert not set(fresh.json()["recovery_codes"]) & set(codes)
    last = await console.post("/api/v1/me/factor/remove", json={"code": code_now(node, secret)})
    assert (last.status_code, last.json()["code"]) == (409, "command-refused")
    begun = await console.post("/api/v1/me/factor", json={"password": PASSWORD, "code": code_now(node, secret)})
    assert begun.status_code == 201, begun.text
    other = begun.json()["secret"]
    replaced = await console.post("/api/v1/me/factor/confirm", json={"code": code_now(node, other)})
    assert (replaced.json()["enrolled"], replaced.json()["recovery_codes"]) == (True, [])
    node.clock.advance(60 * SECOND)
    assert (await door(console, code=code_now(node, secret))).status_code == 401
    assert (await door(console, code=code_now(node, other))).status_code == 200


async def test_past_its_time_the_role_opens_nothing_but_the_set_up(console: Any, node: Any) -> None:
    told = await console.sign_in("admin")
    assert told["factor_due"] == node.clock.now() + 7 * DAY
    node.clock.advance(7 * DAY)
    told = await console.sign_in("admin")
    assert (told["must_enrol_factor"], told["actions"]) == (True, ["session.self"])
    refused = await console.get("/api/v1/alarms")
    assert (refused.status_code, refused.json()["code"]) == (403, "factor-enrolment-needed")
    await set_up(console, node)
    assert (await console.get("/api/v1/alarms")).status_code == 200


def token_of(person: UUID, node: Any) -> Token:
    now = node.clock.now()
    return Token(
        id=uuid4(), token_hash=b"t", person_id=person, name="historian", actions="live.view", place="", made_at=now, expires_at=now + DAY,
        used_at=None, used_from="", revoked_at=None,
    )  # fmt: skip


async def test_a_lost_phone_takes_two_others(consoles: Any, console: Any, node: Any) -> None:
    owner, second = consoles(), consoles()
    await owner.sign_in("gas")
    await set_up(owner, node)
    person = (await owner.get("/api/v1/me")).json()["person"]
    await console.sign_in("admin")
    with node.records.session() as session:
        session.add(token_of(UUID(person), node))
    listed = {one["account"]: one["second_factor"] for one in (await console.get("/api/v1/people")).json()["items"]}
    assert (listed["gas"], listed["tanks"]) == (True, False)
    asked = await console.post(f"/api/v1/people/{person}/factor-reset", json={"reason": "phone broken", **OWN})
    assert asked.status_code == 200, asked.text
    reset = asked.json()["id"]
    own = await console.post(f"/api/v1/factor-resets/{reset}/approve", json=OWN)
    assert (own.status_code, own.json()["code"]) == (403, "second-person-needed")
    await second.sign_in("safety")
    assert [one["id"] for one in (await second.get("/api/v1/factor-resets")).json()["items"]] == [reset]
    approved = await second.post(f"/api/v1/factor-resets/{reset}/approve", json=OWN)
    assert approved.json()["approved"] is True
    with node.records.reading() as session:
        assert session.scalars(select(Token.revoked_at).where(Token.person_id == UUID(person))).one() is not None
    assert (await owner.get("/api/v1/me")).json()["account"] == "", "whoever sits there now signs in anew"
    assert (await door(owner)).status_code == 200


async def test_a_session_alone_takes_no_second_factor_away(consoles: Any, console: Any, node: Any) -> None:
    """Who finds two consoles open is neither of the two persons: each signs with the own password, and the code where one has a factor."""
    owner, second = consoles(), consoles()
    await owner.sign_in("gas")
    await set_up(owner, node)
    person = (await owner.get("/api/v1/me")).json()["person"]
    await console.sign_in("admin")
    await second.sign_in("safety")
    ask = f"/api/v1/people/{person}/factor-reset"
    assert (await console.post(ask, json={"reason": "phone broken"})).status_code == 422
    assert (await console.post(ask, json={"reason": "phone broken", "password": "not-the-own-1"})).status_code == 403
    assert (await console.get("/api/v1/factor-resets")).json()["items"] == []
    approve = f"/api/v1/factor-resets/{await asked_for(console, person)}/approve"
    secret, _ = await set_up(second, node)
    assert (await second.post(approve)).status_code == 422
    without = await second.post(approve, json=OWN)
    assert (without.status_code, without.json()["code"]) == (403, "second-factor-needed")
    assert (await owner.get("/api/v1/me/factor")).json()["enrolled"] is True
    assert (await second.post(approve, json={**OWN, "code": code_now(node, secret)})).json()["approved"] is True


async def asked_for(boss: Any, person: str, password: str = PASSWORD) -> str:
    asked = await boss.post(f"/api/v1/people/{person}/factor-reset", json={"reason": "phone broken", "password": password})
    assert asked.status_code == 200, asked.text
    return str(asked.json()["id"])


async def new_administrator(by: Any, console: Any, account: str) -> str:
    """Made by `by`, and signed in at `console` as whoever made it can."""
    held = [{"role": "administrator"}]
    made = (await by.post("/api/v1/people", json={"account": account, "name": {"zh": account}, "held": held})).json()
    once = made["one_time_password"]
    assert (await console.post("/api/v1/session", json={"account": account, "password": once})).status_code == 200
    assert (await console.post("/api/v1/me/password", json={"old": once, "new": MADE})).status_code == 200
    return str(made["id"])


async def test_an_account_in_the_asker_s_hand_is_no_second_person(consoles: Any, console: Any, node: Any) -> None:
    """Made by who asks, or asks for who made it, or both made by a third, or given its right by who asks: refused for 30 days."""
    owner, boss, officer = consoles(), console, consoles()
    await owner.sign_in("gas")
    await set_up(owner, node)
    person = (await owner.get("/api/v1/me")).json()["person"]
    await boss.sign_in("admin")
    one, two = consoles(), consoles()
    await new_administrator(boss, one, "sock1")
    await new_administrator(one, two, "sock2")
    officer_id = (await officer.sign_in("safety"))["person"]
    change = {"held": [{"role": "safety_officer"}]}
    assert (await boss.patch(f"/api/v1/people/{officer_id}", json=change)).status_code == 200
    own = {id(boss): PASSWORD, id(officer): PASSWORD, id(one): MADE, id(two): MADE}
    for asker, approvers in ((boss, (one, two, officer)), (one, (boss, two)), (two, (boss, one))):
        reset = await asked_for(asker, person, own[id(asker)])
        for approver in approvers:
            refused = await approver.post(f"/api/v1/factor-resets/{reset}/approve", json={"password": own[id(approver)]})
            assert (refused.status_code, refused.json()["code"]) == (403, "second-person-needed"), refused.text
        assert (await asker.post(f"/api/v1/factor-resets/{reset}/refuse")).status_code == 200
    assert (await owner.get("/api/v1/me/factor")).json()["enrolled"] is True
    asker = (await boss.get("/api/v1/me")).json()["person"]
    with node.records.reading() as session:
        for days, independent in ((29, False), (31, True)):
            assert are_independent(session, UUID(asker), UUID(officer_id), node.clock.now() + days * DAY) is independent


async def test_who_approves_is_on_duty_now_where_there_is_a_roster(consoles: Any, console: Any, node: Any) -> None:
    owner, second = consoles(), consoles()
    await owner.sign_in("gas")
    await set_up(owner, node)
    person = (await owner.get("/api/v1/me")).json()["person"]
    await console.sign_in("admin")
    officer = (await second.sign_in("safety"))["person"]
    now = (await console.get("/api/v1/roster/now")).json()
    slot = {"day": now["day"], "shift": now["shift"]["id"], "post": ""}
    admin = (await console.get("/api/v1/me")).json()["person"]
    assert (await console.put("/api/v1/roster", json={**slot, "people": [admin]})).status_code == 200
    reset = await asked_for(console, person)
    refused = await second.post(f"/api/v1/factor-resets/{reset}/approve", json=OWN)
    assert (refused.status_code, refused.json()["code"]) == (403, "second-person-needed")
    assert "on duty" in refused.json()["detail"]
    # Neither one whom who asks has put there, nor anybody once they have emptied the roster: until another person writes it.
    for people, said in (([admin, officer], "put who approves on duty"), ([], "emptied the duty roster")):
        assert (await console.put("/api/v1/roster", json={**slot, "people": people})).status_code == 200
        refused = await second.post(f"/api/v1/factor-resets/{reset}/approve", json=OWN)
        assert (refused.status_code, refused.json()["code"]) == (403, "second-person-needed")
        assert said in refused.json()["detail"]
    assert (await second.put("/api/v1/roster", json={**slot, "people": [officer]})).status_code == 200
    assert (await console.put("/api/v1/roster", json={**slot, "people": [admin, officer]})).status_code == 200
    assert (await second.post(f"/api/v1/factor-resets/{reset}/approve", json=OWN)).json()["approved"] is True


async def test_an_account_that_who_asks_has_made_puts_nobody_on_duty_for_them(consoles: Any, console: Any, node: Any) -> None:
    sock = consoles()
    await console.sign_in("admin")
    await new_administrator(console, sock, "sock")
    me, officer = [(await one.get("/api/v1/me")).json()["person"] for one in (console, sock)]
    slot = {"day": "2026-01-01", "shift": "day", "post": ""}
    assert (await sock.put("/api/v1/roster", json={**slot, "people": [officer]})).status_code == 200
    with node.records.reading() as session:
        by_maker = duty_for(session, UUID(me), "2026-01-01", "day", node.clock.now())
        by_stranger = duty_for(session, uuid4(), "2026-01-01", "day", node.clock.now())
    assert (by_maker.by_asker, by_stranger.by_asker) == (frozenset({UUID(officer)}), frozenset())


async def test_the_policy_is_told_with_its_clauses_and_chosen_by_who_manages_the_whole(consoles: Any, console: Any) -> None:
    await console.sign_in("admin")
    told = (await console.get("/api/v1/policy")).json()
    assert told["in_force"] == "asvs"
    assert set(told["policies"]) == {"asvs", "mlps3"}
    assert all(source["clause"] for source in told["policies"]["mlps3"]["sources"])
    other = consoles()
    await other.sign_in("safety")
    assert (await other.put("/api/v1/policy", json={"policy": "mlps3", "reason": "test"})).status_code == 403
    assert (await console.put("/api/v1/policy", json={"policy": "mlps3", "reason": "等级测评"})).json() == {"in_force": "mlps3"}
    assert (await door(other, "tanks")).json()["must_enrol_factor"] is True


async def test_the_plants_own_name_is_no_password(console: Any) -> None:
    await console.sign_in("gas")
    answer = await console.post("/api/v1/me/password", json={"old": PASSWORD, "new": "my-hualan-pass"})
    assert answer.status_code == 422
    assert "name of the plant" in answer.json()["detail"]


async def test_a_right_password_gives_no_more_tries_at_the_code(console: Any, consoles: Any, node: Any) -> None:
    """Codes are counted for the person, in whichever session they are tried, and only a right code forgives the wrong ones."""
    await console.sign_in("gas")
    secret, _ = await set_up(console, node)
    other = consoles("10.0.0.8")
    assert (await door(other, code=code_now(node, secret))).status_code == 200
    node.clock.advance(60 * SECOND)
    told = []
    for n in range(12):
        tried = await (console, other)[n % 2].post("/api/v1/me/factor/recovery-codes", json={"code": "000000"})
        told.append(tried.status_code)
        right = await console.post("/api/v1/me/factor", json={"password": PASSWORD})
        assert right.json()["code"] == "second-factor-needed"
    assert told == [403] * 5 + [429] * 7
    fitting = {"code": code_now(node, secret)}
    assert (await other.post("/api/v1/me/factor/recovery-codes", json=fitting)).status_code == 429
    node.clock.advance(900 * SECOND)
    for _ in range(3):
        for _ in range(4):
            assert (await console.post("/api/v1/me/factor/recovery-codes", json={"code": "000000"})).status_code == 403
        fresh = await console.post("/api/v1/me/factor/recovery-codes", json={"code": code_now(node, secret)})
        assert fresh.status_code == 200
        node.clock.advance(60 * SECOND)
