"""The console starts whatever is wrong with the key of the second factors, says what, and never makes another key over sealed ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from anlan.guard import passwords, totp
from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.service import Guard
from anlan.guard.sessions import SignInRefused
from anlan.model.clock import SystemClock
from anlan.model.errors import StoreError
from anlan.model.words import Label
from anlan.node.app import App
from anlan.node.configuration import ROOMS
from anlan.node.layout import NodeFolder
from anlan.store.records import Records

PASSWORD = "calm-waters-42"


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    made = NodeFolder(tmp_path / "node")
    made.prepare()
    return made


@pytest.fixture
def records(folder: NodeFolder) -> Iterator[Records]:
    opened = Records.open(folder.records)
    opened.migrate(ROOMS)
    yield opened
    opened.close()


def started(folder: NodeFolder, records: Records) -> Guard:
    return App(folder, SystemClock())._guard(records)


def enrolled(guard: Guard) -> list[str]:
    """An administrator with a second factor; their codes on paper."""
    with guard.records.session() as session:
        new = NewPerson("boss", Label(zh="主管"), (Held("administrator"),))
        add_person(session, new, passwords.hash_password(PASSWORD), guard.clock, must_change=False)
    by = asyncio.run(guard.sessions.sign_in("boss", PASSWORD, address="10.0.0.1")).principal
    secret = guard.factors.begin(by)
    return guard.factors.confirm(by, totp.code(secret, totp.step_of(guard.clock.now())))


def broken(folder: NodeFolder, how: str) -> None:
    if how == "mode":
        folder.vault.chmod(0o640)
    elif how == "short":
        folder.vault.write_bytes(b"short")
    elif how == "another":
        folder.vault.write_bytes(bytes(32))
    else:
        folder.vault.unlink()


@pytest.mark.parametrize("how", ["mode", "short", "lost", "another"])
def test_a_key_that_does_not_open_is_told_and_codes_on_paper_go_on(folder: NodeFolder, records: Records, how: str) -> None:
    first = started(folder, records)
    assert first.factors.fault is None
    codes = enrolled(first)
    broken(folder, how)
    guard = started(folder, records)
    assert guard.factors.fault is not None
    assert "vault.key" in guard.factors.fault.text("en")
    assert "vault.key" in guard.factors.fault.text("zh") != guard.factors.fault.text("en")
    assert folder.vault.exists() is (how != "lost"), "no other key is made over what the lost one sealed"
    with pytest.raises(SignInRefused):
        asyncio.run(guard.sessions.sign_in("boss", PASSWORD, address="10.0.0.1"))
    with pytest.raises(StoreError):
        asyncio.run(guard.sessions.sign_in("boss", PASSWORD, address="10.0.0.1", code="123456"))
    assert asyncio.run(guard.sessions.sign_in("boss", PASSWORD, address="10.0.0.1", code=codes[0])).principal.account == "boss"


def test_without_sealed_factors_a_lost_key_is_made_anew(folder: NodeFolder, records: Records) -> None:
    started(folder, records)
    folder.vault.unlink()
    assert started(folder, records).factors.fault is None
    assert folder.vault.exists()
