"""A node's audit record with its parent node as the witness: two nodes, heads handed over by HTTP, and whoever forks, cuts or replaces is told
at both."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from anlan.guard import audit, auditing, witnessing
from anlan.guard.auditing import Auditor
from anlan.guard.heads import SigningKey, heads
from anlan.guard.merkle import Tree
from anlan.guard.records import AuditLeaf
from anlan.guard.service import Guard
from anlan.guard.witness import Handed
from anlan.guard.witness_parent import Parent, ParentWitness
from anlan.guard.witnessing import Witnessing
from anlan.model.clock import HOUR, MINUTE
from anlan.model.errors import AnlanError, InputError, Unavailable
from anlan.node.audit_command import verify_folder
from anlan.store.records import Records
from anlan.web import audit_watch, witness_watch
from tests.guard.audit_desk import Desk
from tests.web.conftest import PASSWORD, Console, Node

pytestmark = pytest.mark.slow
OFTEN = 0.05


async def until(ready: Callable[[], Any], seconds: float = 30.0) -> Any:
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        found = ready()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to be")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAITING_SECONDS", "SIGN_SECONDS", "CHECK_SECONDS"):
        monkeypatch.setattr(audit_watch, name, OFTEN)
    monkeypatch.setattr(witness_watch, "LOOK_SECONDS", OFTEN)


async def token_of(node: Node, name: str) -> str:
    by = (await node.context.guard.sessions.sign_in("admin", PASSWORD, address="10.0.0.1")).principal
    return node.context.guard.tokens.create(by, name, ["audit.witness"], "", 90)[1]


@pytest.fixture
async def parent(node: Node, address: str, tmp_path: Path) -> Parent:
    """The parent node serves on a port; this is how its child reaches it."""
    file = tmp_path / "witness.token"
    file.write_text(await token_of(node, "氯碱分厂"))
    file.chmod(0o600)
    return Parent.of(f"http://{address}", file)


@pytest.fixture
async def child(parent: Parent, blank_records: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    """A second node with its own stores, whose app signs, hands over and checks by itself."""
    folder = tmp_path / "child"
    folder.mkdir()
    running = Node(folder).start(blank_records)
    auditor = Auditor.open(running.records, running.clock, folder / "audit.key", [parent])
    running.context.guard = Guard(running.records, running.clock, auditor=auditor)
    desk = Desk(folder, running.records, running.clock)
    desk.add(9)
    app = running.app()
    app.state.auditor = auditor
    async with app.router.lifespan_context(app):
        desk.app = app  # type: ignore[attr-defined]
        yield desk
    running.close()


def auditor_of(child: Desk) -> Auditor:
    found: Auditor = child.app.state.auditor  # type: ignore[attr-defined]
    return found


async def agrees(child: Desk, size: int) -> Any:
    """Until the parent holds `size` leaves of the child and the child's own check has compared them."""
    auditor = auditor_of(child)

    def held() -> bool:
        (state,) = auditor.states.values()
        return state.agrees is True and state.last is not None and state.last.size >= size and auditor.checked is not None

    return await until(held)


async def told(console: Console) -> dict[str, Any]:
    (one,) = (await console.get("/api/v1/witness")).json()["items"]
    return one  # type: ignore[no-any-return]


def blame(row: AuditLeaf) -> None:
    row.who = "somebody else"


async def test_the_parent_holds_what_the_child_signed_and_a_verifier_asks_it(
    child: Desk, parent: Parent, console: Console
) -> None:
    await agrees(child, 10)
    child.add(5)
    await agrees(child, 15)
    await console.sign_in("admin")
    held = await told(console)
    assert (held["name"], held["head"]["size"], held["refused"], held["silent"]) == ("氯碱分厂", 15, None, False)
    checked, _ = await asyncio.to_thread(verify_folder, child.folder, [parent], None)
    assert checked.difference is None
    assert checked.heard[1].newest is not None
    assert (checked.heard[1].where, checked.heard[1].newest.size) == (parent.url, 15)
    told_steps = (await console.get("/api/v1/audit?action=witness.begin")).json()["items"]
    assert [one["after"]["name"] for one in told_steps] == ["氯碱分厂"]


async def test_a_forked_child_finds_itself_and_is_told_at_the_parent(
    child: Desk, node: Node, console: Console, parent: Parent
) -> None:
    await agrees(child, 10)
    child.rewrite(4, blame)
    child.resign()
    differs = await until(lambda: auditor_of(child).faults.get("difference"))
    assert (differs.difference.n, differs.difference.kind) == (4, "replaced")
    await until(lambda: any(name.startswith("witness of ") for name in node.context.faults))
    await console.sign_in("admin")
    assert (await told(console))["refused"]["why"].startswith("the node's own check has found a difference at leaf 4: ")
    checked, _ = await asyncio.to_thread(verify_folder, child.folder, [parent], None)
    assert checked.difference is not None
    assert checked.difference.n == 4


async def test_a_child_that_hides_its_fork_is_refused_on_record(
    child: Desk, parent: Parent, console: Console, node: Node
) -> None:
    """As one who has the key and everything else would hand over: a record written anew from leaf 4 on, and grown."""
    await agrees(child, 10)
    key = SigningKey.open(child.folder / "audit.key", make=False)
    with child.records.reading() as session:
        leaves = audit.leaf_hashes(session, 0, 10)
        genuine = heads(session)[-1]
    other = Tree(lambda start, stop: [])
    other.extend([*leaves[:3], *(bytes([n]) * 32 for n in range(10))])
    forked = key.sign(13, other.root(), child.clock.now())
    witness = ParentWitness(parent, key.log, key.public_pem())
    with pytest.raises(Unavailable, match="does not come from the head of 10 leaves that is held here"):
        await asyncio.to_thread(witness.hand, Handed(forked, 11, (), 10, other.consistency(10, 13)))
    with pytest.raises(Unavailable, match="8 leaves, 10 are held here"):
        await asyncio.to_thread(witness.hand, Handed(key.sign(8, other.root(8), 1), 0, ()))
    assert await asyncio.to_thread(witness.last) == genuine
    await console.sign_in("admin")
    assert (await told(console))["refused"]["kind"] == "shorter"
    steps = (await console.get("/api/v1/audit?action=witness.refused")).json()["items"]
    evidence = [(one["after"]["kind"], one["after"]["head"]["size"]) for one in steps]
    assert evidence == [("forked", 13), ("shorter", 8)]
    await until(lambda: any(name.startswith("witness of ") for name in node.context.faults))
    child.add(1)
    await agrees(child, 11)
    await until(lambda: not any(name.startswith("witness of ") for name in node.context.faults))


async def test_a_record_replaced_with_its_key_shows_by_the_token(
    child: Desk, parent: Parent, console: Console, tmp_path: Path
) -> None:
    await agrees(child, 10)
    anew = tmp_path / "anew"
    anew.mkdir()
    shutil.copy(child.folder / "records.db", anew / "records.db")
    records = Records.open(anew / "records.db")
    other = Desk(anew, records, child.clock)
    other.tamper("DELETE FROM guard_audit WHERE n > 5", "DELETE FROM guard_audit_heads")
    auditor = Auditor.open(records, child.clock, anew / "audit.key", [parent])
    await asyncio.to_thread(auditor.sign)
    await asyncio.to_thread(auditor.hand_over)
    found = await asyncio.to_thread(auditor.check, rest=0)
    records.close()
    assert found.difference is not None
    assert found.difference.kind == "witness"
    await console.sign_in("admin")
    assert (await told(console))["refused"]["kind"] == "another"


async def test_a_parent_that_is_away_or_takes_no_token_is_told(child: Desk, node: Node, parent: Parent, tmp_path: Path) -> None:
    await agrees(child, 10)
    (token,) = node.context.guard.tokens.of()
    by = (await node.context.guard.sessions.sign_in("admin", PASSWORD, address="10.0.0.1")).principal
    node.context.guard.tokens.revoke(token.id, by)
    (name,) = auditor_of(child).states
    refused = await until(lambda: auditor_of(child).faults.get(f"witness {name}"))
    assert "does not take this node's token: sign in first" in str(refused)
    parent.token.write_text(await token_of(node, "氯碱分厂"))  # type: ignore[union-attr]
    child.add(3)
    await agrees(child, 13)
    gone = ParentWitness(Parent.of("http://127.0.0.1:9", parent.token), "0" * 64, "")
    with pytest.raises(Unavailable, match=r"the parent node http://127\.0\.0\.1:9 does not answer"):
        await asyncio.to_thread(gone.last)
    parent.token.chmod(0o644)  # type: ignore[union-attr]
    with pytest.raises(Unavailable, match="its mode is 644, 600 was expected"):
        parent.secret()


async def test_a_silent_child_is_told_while_its_token_counts(child: Desk, node: Node, console: Console) -> None:
    await agrees(child, 10)
    await console.sign_in("admin")
    auditor_of(child)._witnesses.clear()
    node.clock.advance(11 * MINUTE)
    just_started = Witnessing(node.records, node.clock)
    assert [one.is_silent(node.clock.now()) for one in just_started.nodes()] == [False], "it could hear nobody before"

    def silent() -> AnlanError | None:
        (heard,) = (one.heard_at for one in just_started.nodes())
        if node.clock.now() - heard < 11 * MINUTE:  # what the child had begun to ask came in after
            node.clock.advance(11 * MINUTE)
        return next((one for name, one in node.context.faults.items() if name.startswith("witness of ")), None)

    fault = await until(silent)
    assert "has not asked its witness, this node, for 11 min" in str(fault)
    for token in node.context.guard.tokens.of():
        node.context.guard.tokens.revoke(token.id, (await principal(node)))
    await until(lambda: not any(name.startswith("witness of ") for name in node.context.faults))


async def principal(node: Node) -> Any:
    return (await node.context.guard.sessions.sign_in("admin", PASSWORD, address="10.0.0.1")).principal


async def test_what_is_held_is_only_added_to_and_only_by_a_token(child: Desk, node: Node, console: Console) -> None:
    await agrees(child, 10)
    for statement in ("DELETE FROM guard_witnessed_heads", "UPDATE guard_witnessed_heads SET root = x'00'"):
        with pytest.raises(IntegrityError, match="only added to"), node.records.session() as session:
            session.execute(text(statement))
    with child.records.reading() as session:
        head = heads(session)[-1]
    key = SigningKey.open(child.folder / "audit.key", make=False)
    body = {"head": head.as_json(), "public_key": key.public_pem()}
    await console.sign_in("admin")
    by_person = await console.post("/api/v1/witness/heads", json=body)
    assert by_person.status_code == 422
    assert "by a token made for it" in by_person.json()["detail"]
    headers = {"Authorization": f"Bearer {await token_of(node, 'two')}"}
    changed = {**body, "head": {**body["head"], "at": head.at + 1}}  # type: ignore[dict-item]
    for wrong, said in (
        (changed, "was not signed by the key that came with it"),
        ({**body, "public_key": "x"}, "was not signed by the key that came with it"),
        ({**body, "leaves": "AAAA"}, "32 bytes"),
        ({**body, "leaves": "!"}, "cannot be read"),
        ({**body, "first": 3, "leaves": "A" * 43 + "="}, "the last one was expected to be its own"),
    ):
        answer = await console.post("/api/v1/witness/heads", json=wrong, headers=headers)
        assert (answer.status_code, said in answer.text) == (422, True), answer.text
    with node.records.reading() as session:
        assert not session.scalars(select(AuditLeaf).where(AuditLeaf.action == "witness.refused")).all()


async def test_a_token_is_no_way_to_fill_the_parent_s_disk(child: Desk, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    await agrees(child, 10)
    monkeypatch.setattr(witnessing, "HEADS_PER_HOUR", 1)
    child.add(1)
    (name,) = auditor_of(child).states
    await until(lambda: "within an hour" in str(auditor_of(child).faults.get(f"witness {name}")))
    node.clock.advance(HOUR)
    await agrees(child, 11)


async def test_a_parent_that_hangs_holds_up_no_stop(child: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await agrees(child, 10)
    asked, answered = threading.Event(), threading.Event()

    def hang(self: ParentWitness) -> None:
        asked.set()
        answered.wait(60)

    monkeypatch.setattr(ParentWitness, "last", hang)
    monkeypatch.setattr(auditing, "CLOSING_SECONDS", 0.05)
    await asyncio.to_thread(auditor_of(child).close)
    assert asked.is_set()
    answered.set()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://park.example:8700", "https:// was expected"),
        ("https://park.example/x", "a node's address was expected"),
        ("https://anlan_x@park.example", "does not belong into the address"),
        ("https://park.example:99999", "a node's address was expected"),
    ],
)
def test_an_address_that_gives_the_token_away_is_refused(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Parent.of(url)


def test_the_token_is_in_no_word_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANLAN_WITNESS_TOKEN", "anlan_secret")
    parent = Parent.of("https://park.example:8700/")
    assert parent.secret() == "anlan_secret"
    assert parent.arguments() == ["--witness=https://park.example:8700"]
    assert "secret" not in repr(parent)
