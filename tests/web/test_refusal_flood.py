"""Whoever is refused on purpose writes no flood of audit leaves, whatever they ask for; every refusal is counted all the same."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.records import AuditLeaf
from anlan.guard.refusals import MOST_OF_ONE
from anlan.model.words import Label
from tests.web.conftest import PASSWORD

TRIES = 300


def refused(node: Any) -> list[AuditLeaf]:
    node.context.guard.refusals.flush()
    with node.records.reading() as session:
        return list(session.scalars(select(AuditLeaf).where(AuditLeaf.action == "access.refused").order_by(AuditLeaf.n)))


async def test_random_paths_of_the_lowest_role_are_one_kind(console: Any, node: Any) -> None:
    await console.sign_in("guest")
    for n in range(TRIES):
        answer = await console.post(f"/api/v1/{n}" + "x" * 150, json={}, headers={"Origin": "http://elsewhere"})
        assert answer.status_code == 403
    leaves = refused(node)
    assert sum((leaf.after or {})["count"] for leaf in leaves) == TRIES
    assert len(leaves) <= 2
    assert {leaf.subject for leaf in leaves} == {"unknown route"}
    assert (leaves[0].after or {})["path"].startswith("/api/v1/0x"), "the first one's path is told beside"


async def test_one_person_at_many_addresses_is_capped(console: Any, consoles: Any, node: Any) -> None:
    token = None
    for n in range(MOST_OF_ONE + 40):
        other = consoles(f"10.1.{n >> 8}.{n & 255}")
        if token is None:
            await other.sign_in("guest")
            token = dict(other.cookies)
        other.cookies.update(token)
        assert (await other.get("/api/v1/audit")).status_code == 403
    leaves = refused(node)
    assert sum((leaf.after or {})["count"] for leaf in leaves) == MOST_OF_ONE + 40
    assert len(leaves) <= MOST_OF_ONE + 1


async def test_a_page_whose_person_sees_nothing_live_asks_for_no_socket(console: Any, node: Any, hashed: str) -> None:
    with node.records.session() as session:
        held = (Held("administrator", only=("manage",)),)
        add_person(session, NewPerson("keys", Label(zh="keys"), held), hashed, node.clock, must_change=False)
    from anlan.web.shell import bar, page_config

    for account, live in (("keys", False), ("safety", True)):
        assert (await console.post("/api/v1/session", json={"account": account, "password": PASSWORD})).status_code == 200
        principal = node.context.guard.sessions.resolve(console.cookies["anlan"])
        assert principal.allows("live.view") is live
        assert page_config(node.context, principal)["live"] is live
        assert ('data-shell="link"' in str(bar(node.context, principal))) is live
