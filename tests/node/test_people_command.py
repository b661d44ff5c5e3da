"""`anlan people` on a node's data folder: the list, and the way back in for whoever controls the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from anlan.cli import _register_rooms, app
from anlan.guard import totp
from anlan.guard.first import ensure_posts
from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.records import AuditLeaf
from anlan.guard.service import Guard
from anlan.guard.sessions import SecondFactorNeeded
from anlan.model.clock import SystemClock
from anlan.model.errors import NotFound
from anlan.model.words import Label
from anlan.store.records import Records

Run = Callable[..., Result]
PASSWORD = "calm-waters-42"


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    from anlan.guard.passwords import hash_password

    records = Records.open(tmp_path / "records.db")
    records.migrate({"guard": "anlan.guard"})
    ensure_posts(records, {"gas": Label(zh="氯库岗")})
    made = Guard(records, SystemClock())
    with records.session() as session:
        hashed = hash_password(PASSWORD)
        for account, held in (("boss", Held("administrator")), ("gas", Held("inside_operator", "gas"))):
            add_person(session, NewPerson(account, Label(zh="某人"), (held,)), hashed, made.clock, must_change=False)
    yield made
    records.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    if not any(one.name == "people" for one in app.registered_groups):
        _register_rooms()
    return lambda *words: CliRunner().invoke(app, ["people", *words, "--data", str(tmp_path)])


async def test_the_way_back_in_when_phone_and_password_are_lost(guard: Guard, run: Run) -> None:
    by = (await guard.sessions.sign_in("boss", PASSWORD, address="10.0.0.1")).principal
    secret = guard.factors.begin(by)
    guard.factors.confirm(by, totp.code(secret, totp.step_of(guard.clock.now())))
    with pytest.raises(SecondFactorNeeded):
        await guard.sessions.sign_in("boss", PASSWORD, address="10.0.0.1")
    assert "second factor" in run("list").stdout
    _, token = guard.tokens.create(by, "historian", ["live.view"], "", 90)
    assert guard.tokens.resolve(token, "10.0.0.2") is not None
    done = run("reset", "boss", "--reason", "phone lost")
    assert done.exit_code == 0, done.output
    account, once = done.stdout.split()
    assert account == "boss"
    assert guard.sessions.running(by.session) is None
    assert guard.tokens.resolve(token, "10.0.0.2") is None
    assert (await guard.sessions.sign_in("boss", once, address="10.0.0.1")).principal.must_change
    with guard.records.reading() as session:
        leaf = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "people.reset-locally")).one()
    assert (leaf.who, leaf.reason) == ("node", "phone lost")
    assert once not in str(leaf.after)


def test_an_account_that_is_none(guard: Guard, run: Run) -> None:
    done = run("reset", "nobody", "--reason", "x")
    assert isinstance(done.exception, NotFound)
    assert run("list").stdout.count("\n") == 2
