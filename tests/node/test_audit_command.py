"""`anlan audit` on a node's data folder: what it says, its exit codes, and that it writes nothing."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from anlan.cli import _register_rooms, app
from anlan.guard.auditing import Auditor
from anlan.guard.heads import Head, public_key, verify_head
from anlan.guard.merkle import leaf_hash, verify_inclusion
from anlan.model.clock import ManualClock
from anlan.model.errors import ConfigError, InputError, NotFound
from anlan.store.records import Records
from tests.guard.audit_desk import Desk

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("blank") / "records.db"
    records = Records.open(path)
    records.migrate({"guard": "anlan.guard"})
    records.close()
    return path.read_bytes()


@pytest.fixture
def desk(tmp_path: Path, blank: bytes) -> Iterator[Desk]:
    folder = tmp_path / "var" / "hualan"
    (folder / "elsewhere").mkdir(parents=True)
    (folder / "records.db").write_bytes(blank)
    made = Desk(folder, Records.open(folder / "records.db"), ManualClock()).filled()
    yield made
    made.records.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    if not any(one.name == "audit" for one in app.registered_groups):
        _register_rooms()

    def invoke(*words: object) -> Result:
        return CliRunner().invoke(app, ["audit", *map(str, words)])

    return invoke


def test_an_untouched_record_is_verified_while_the_node_has_it_open(desk: Desk, run: Run) -> None:
    done = run("verify", "--data", desk.folder, "--witness", desk.witness)
    assert done.exit_code == 0
    assert "30 leaves read" in done.stdout
    assert f"{desk.witness}: 3 heads, the newest of 30 leaves" in done.stdout
    assert "No difference" in done.stdout
    assert "Not known" not in done.stdout


def test_what_cannot_be_known_is_said(desk: Desk, run: Run) -> None:
    done = run("verify", "--data", desk.folder)
    assert done.exit_code == 0
    assert "Not known: whether a tail was cut" in done.stdout
    (desk.folder / "audit.pub").unlink()
    assert "Not known: whose heads these are" in run("verify", "--data", desk.folder).stdout


def test_a_difference_is_named_with_number_time_and_what_stands_there(desk: Desk, run: Run) -> None:
    desk.tamper("UPDATE guard_audit SET who = 'wang' WHERE n = 12")
    done = run("verify", "--data", desk.folder, "--witness", desk.witness)
    assert done.exit_code == 1
    assert "First difference: leaf 12, 2026-01-01T00:00:11" in done.stdout
    assert "its content is another" in done.stdout
    assert "it now reads: alarm.acknowledge AT-203.HH, by wang, 现场确认" in done.stdout
    told = json.loads(run("verify", "--data", desk.folder, "--json").stdout)
    assert told["difference"]["n"] == 12
    assert told["difference"]["kind"] == "changed"


def test_the_last_commits_of_a_node_that_died_are_read(desk: Desk, run: Run) -> None:
    assert (desk.folder / "records.db-wal").stat().st_size > 0
    assert "30 leaves read" in run("verify", "--data", desk.folder).stdout


def test_a_copy_on_a_medium_that_cannot_be_written_is_verified(desk: Desk, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.records.close()
    Records.open(desk.folder / "records.db").close()
    before = {path.name: path.stat().st_mtime_ns for path in desk.folder.iterdir()}
    may = os.access
    monkeypatch.setattr("os.access", lambda path, mode, **how: mode != os.W_OK and may(path, mode, **how))
    assert run("verify", "--data", desk.folder).exit_code == 0
    assert {path.name: path.stat().st_mtime_ns for path in desk.folder.iterdir()} == before


def test_the_only_node_below_var_is_meant(desk: Desk, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.folder.parents[1])
    assert run("verify").exit_code == 0
    monkeypatch.chdir(desk.folder)
    assert isinstance(run("verify").exception, InputError)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("verify", "--data", "/nonexistent"), NotFound),
        (("verify", "--witness", "/nonexistent"), ConfigError),
        (("verify", "--key", "/nonexistent"), ConfigError),
    ],
)
def test_what_is_not_there_is_named(desk: Desk, run: Run, words: tuple[str, ...], error: type[Exception]) -> None:
    data = [] if "--data" in words else ["--data", str(desk.folder)]
    done = run(*words, *data)
    assert isinstance(done.exception, error)
    assert "/nonexistent" in str(done.exception)


def test_the_key_printed_is_the_one_that_signed(desk: Desk, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "hualan-audit.pub"
    file.write_text(run("key", "--data", desk.folder).stdout.partition("log ")[0])
    assert run("verify", "--data", desk.folder, "--key", file, "--witness", desk.witness).exit_code == 0


def test_the_export_proves_itself(desk: Desk, run: Run, tmp_path: Path) -> None:
    desk.add(2)
    out = tmp_path / "audit.jsonl"
    assert run("export", "--data", desk.folder, "--out", out).exit_code == 0
    first, *leaves = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    (tmp_path / "pub").write_text(first["public_key"])
    head = Head.of_json(first["head"])
    verify_head(head, public_key(tmp_path / "pub"))
    assert [one["n"] for one in leaves] == list(range(1, 33))
    prev = "00" * 32
    for one in leaves:
        leaf = leaf_hash(one["text"].encode())
        said = json.loads(one["text"])
        assert (leaf.hex(), said.pop("prev")) == (one["leaf"], prev)
        assert said == {name: one[name] for name in said}
        prev = one["leaf"]
    for one in leaves[:30]:
        path = [bytes.fromhex(step) for step in one["path"]]
        assert verify_inclusion(bytes.fromhex(one["leaf"]), one["n"] - 1, head.size, path, head.root)
    assert [one["path"] for one in leaves[30:]] == [None, None]
    assert len(base64.b64decode(first["head"]["signature"])) == 64


def test_an_export_can_go_on_after_a_leaf(desk: Desk, run: Run) -> None:
    lines = [json.loads(line) for line in run("export", "--data", desk.folder, "--after", 28, "--no-proofs").stdout.splitlines()]
    assert [one.get("n") for one in lines] == [None, 29, 30]
    assert leaf_hash(lines[1]["text"].encode()).hex() == lines[1]["leaf"]


def test_a_file_of_another_record_in_the_folder_is_a_difference_unless_it_is_named(
    desk: Desk, run: Run, tmp_path: Path, blank: bytes
) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (tmp_path / "records.db").write_bytes(blank)
    other = Desk(tmp_path, Records.open(tmp_path / "records.db"), ManualClock())
    own = desk.auditor(share)
    assert own.key is not None
    foreign = Auditor.open(other.records, other.clock, tmp_path / "audit.key", [share], [own.key.log])
    for auditor, one in ((own, desk), (foreign, other)):
        one.add(5)
        auditor.sign()
        auditor.hand_over()
    other.records.close()
    assert foreign.key is not None
    done = run("verify", "--data", desk.folder, "--witness", share)
    assert done.exit_code == 1
    assert f"audit-{foreign.key.log[:16]}.jsonl has a head" in done.stdout
    assert "was replaced" in done.stdout
    done = run("verify", "--data", desk.folder, "--witness", share, "--other-log", foreign.key.log[:16])
    assert done.exit_code == 0, done.stdout
    (share / f"audit-{own.key.log[:16]}.jsonl").unlink()
    assert run("verify", "--data", desk.folder, "--witness", share).exit_code == 1
    refused = run("verify", "--data", desk.folder, "--witness", share, "--other-log", "hualan")
    assert isinstance(refused.exception, InputError)
