"""What only its owner may know stands in no log line, no error, no file of the data folder, and so in no copy of it: everything that people
and programs show or get as a secret is done once here, and then looked for everywhere."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from anlan.guard import totp
from anlan.guard.audit_spool import Spool
from anlan.guard.auditing import Auditor
from anlan.guard.service import Guard
from anlan.guard.vault import Vault
from anlan.web.logs import configure
from tests.web.conftest import PASSWORD, Console, console_of

GUESS, NEXT = "a-guess-at-the-door-7", "still-waters-run-deep-9"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    before = structlog.get_config(), logging.getLogger().handlers[:], logging.getLogger().level
    configure("app", level="DEBUG", stream=stream)
    yield stream
    structlog.configure(**before[0])
    logging.getLogger().handlers[:], logging.getLogger().level = before[1], before[2]


@pytest.fixture
def node(node: Any) -> Any:
    """With keys and room to wait in its folder, as a node has them."""
    auditor = Auditor.open(node.records, node.clock, node.folder / "audit.key", [node.folder / "witness.jsonl"])
    vault, spool = Vault.open(node.folder / "keys" / "vault.key"), Spool.open(node.folder / "audit.waiting", 1 << 16)
    node.context.guard = Guard(node.records, node.clock, auditor=auditor, spool=spool, vault=vault)
    return node


def code_now(node: Any, secret: str) -> str:
    return totp.code(base64.b32decode(secret.replace(" ", "")), totp.step_of(node.clock.now()))


async def everything_once(app: FastAPI, node: Any, errors: list[str]) -> dict[str, str]:
    """Name → secret, of all that was shown or told."""
    secrets = {"password": PASSWORD, "guess": GUESS, "next": NEXT}

    async def keep(answer: httpx.Response) -> None:
        if answer.status_code >= 400:
            errors.append((await answer.aread()).decode("utf-8", "replace"))

    async with console_of(app) as admin, console_of(app, "10.0.0.9") as other:
        admin.event_hooks = other.event_hooks = {"response": [keep]}
        await other.post("/api/v1/session", json={"account": "safety", "password": GUESS})
        for wrong in (
            {"password": PASSWORD},
            {"account": "admin", "password": [PASSWORD]},
            {"account": "admin", "password": PASSWORD, "passwort": GUESS},
            {"account": "admin", "password": PASSWORD * 20},
            PASSWORD,
        ):
            assert (await other.post("/api/v1/session", json=wrong)).status_code == 422
        signed_in = await admin.sign_in("admin")
        secrets |= {"session": admin.cookies["anlan"], "csrf": signed_in["csrf"], "device": admin.cookies["anlan-device"]}
        await admin.post("/api/v1/me/password", json={"old": GUESS, "new": NEXT})
        await admin.post("/api/v1/me/password", json={"old": [PASSWORD], "new": NEXT})
        await admin.post("/api/v1/me/password", json={"old": PASSWORD, "new": PASSWORD})
        begun = (await admin.post("/api/v1/me/factor", json={"password": PASSWORD})).json()
        secrets["phone"] = begun["secret"].replace(" ", "")
        secrets["phone as read"] = begun["secret"]
        done = await admin.post("/api/v1/me/factor/confirm", json={"code": code_now(node, begun["secret"])})
        secrets |= {f"recovery {n}": code for n, code in enumerate(done.json()["recovery_codes"])}
        await admin.post("/api/v1/me/factor/recovery-codes", json={"code": "000000"})
        made = {"name": "historian", "actions": ["live.view"], "password": PASSWORD, "code": secrets["recovery 0"]}
        secrets["token"] = (await admin.post("/api/v1/me/tokens", json=made)).json()["token"]
        for shown in (secrets["token"], secrets["token"][:-1]):
            await other.get("/api/v1/live", headers={"Authorization": f"Bearer {shown}"})
            await other.get(f"/api/v1/live?token={shown}")
            for path in (f"/api/v1/{shown}", f"/api/v1/alarms/{shown}", f"/{shown}"):
                await other.get(path)
                await other.get(path, headers={"Authorization": f"Bearer {secrets['token']}"})
        station = (await admin.post("/api/v1/stations", json={"name": "1号操作台", "post": "gas"})).json()
        await other.post("/api/v1/station", json={"code": "0000-0000"})
        await other.post("/api/v1/station", json={"code": station["code"]})
        secrets["pairing"] = station["code"]
        secrets["station"] = next(value for name, value in other.cookies.items() if "station" in name)
        await other.post("/api/v1/emergency/acknowledge", json={"x": 1})
        assert (await admin.post("/api/v1/me/password", json={"old": PASSWORD, "new": NEXT})).status_code == 200
    return secrets


async def test_no_secret_is_written_anywhere(app: FastAPI, node: Any, logged: io.StringIO) -> None:
    errors: list[str] = []
    secrets = await everything_once(app, node, errors)
    assert len(secrets) >= 20
    guard = node.context.guard
    guard.refusals.flush()
    guard.auditor.sign()
    guard.auditor.hand_over()
    raw = base64.b32decode(secrets["phone"])
    written = {str(file.relative_to(node.folder)): file.read_bytes() for file in node.folder.rglob("*") if file.is_file()}
    assert {"records.db", "audit.key", "keys/vault.key", "witness.jsonl"} <= written.keys()
    assert logged.getvalue().count("\n") > 20
    assert len(errors) >= 10
    places = {**written, "the log": logged.getvalue().encode(), "the errors": "\n".join(errors).encode()}
    found = [(name, place) for name, secret in secrets.items() for place, content in places.items() if secret.encode() in content]
    found += [("phone, raw", place) for place, content in places.items() if raw in content]
    # Who puts a token into an address is told that nothing has this name.
    assert [one for one in found if one != ("token", "the errors")] == []


def test_files_with_a_secret_are_the_owners_alone(node: Any) -> None:
    modes = {name: (node.folder / name).stat().st_mode & 0o077 for name in ("audit.key", "keys/vault.key", "keys")}
    assert modes == dict.fromkeys(modes, 0)


def test_folders_of_a_node_are_the_owners_alone(tmp_path: Path) -> None:
    from anlan.node.layout import NodeFolder

    assert NodeFolder(tmp_path / "node").prepare().root.stat().st_mode & 0o077 == 0


async def test_an_error_shows_names_and_no_values(console: Console) -> None:
    answer = (await console.post("/api/v1/session", json={"password": PASSWORD})).json()
    assert answer["facts"]["errors"] == [{"where": "body.account", "expected": "this is required", "found": "{password}"}]
    answer = (await console.post("/api/v1/session", json={"account": 5, "password": 7})).json()
    assert [one["found"] for one in answer["facts"]["errors"]] == ["5", "int"]
