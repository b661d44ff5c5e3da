"""Every manipulation of the audit record is found and named, by whoever holds the record's own heads and by a witness."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from anlan.guard import audit
from anlan.guard.auditing import Auditor
from anlan.guard.heads import Head, SigningKey, heads
from anlan.guard.merkle import leaf_hash, tree_head, verify_inclusion
from anlan.guard.records import AuditLeaf
from anlan.guard.witness import FileWitness, Handed, read_testimony
from anlan.model.clock import ManualClock
from anlan.model.errors import ConfigError, Unavailable
from anlan.store.records import Records
from tests.guard.audit_desk import Desk


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("blank") / "records.db"
    records = Records.open(path)
    records.migrate({"guard": "anlan.guard"})
    records.close()
    return path.read_bytes()


@pytest.fixture
def desk(tmp_path: Path, blank: bytes) -> Iterator[Desk]:
    (tmp_path / "records.db").write_bytes(blank)
    (tmp_path / "elsewhere").mkdir()
    made = Desk(tmp_path, Records.open(tmp_path / "records.db"), ManualClock())
    yield made
    made.records.close()


@pytest.fixture
def kept(desk: Desk) -> Desk:
    desk.filled()
    assert [one.size for one in read_testimony(desk.witness.read_bytes(), "").heads] == [10, 20, 30]
    return desk


def found(desk: Desk, **how: bool) -> tuple[int, str]:
    difference = desk.verified(**how).difference
    assert difference is not None
    return difference.n, difference.kind


def test_an_untouched_record_agrees_with_its_heads_and_its_witness(kept: Desk) -> None:
    checked = kept.verified()
    assert checked.difference is None
    assert checked.signed
    assert checked.size == 30
    assert [(one.where, one.heads) for one in checked.heard] == [("records.db", 3), ("witness", 3)]
    assert checked.heard[1].newest is not None
    assert checked.heard[1].newest.root == checked.root


def test_leaves_behind_the_last_head_are_no_difference(kept: Desk) -> None:
    kept.add(7)
    assert kept.verified().difference is None


@pytest.mark.parametrize("witness", [False, True])
def test_a_changed_leaf_is_named_with_its_time(kept: Desk, witness: bool) -> None:
    kept.tamper("UPDATE guard_audit SET reason = 'x' WHERE n = 17")
    difference = kept.verified(witness=witness).difference
    assert difference is not None
    assert (difference.n, difference.kind) == (17, "changed")
    with kept.records.reading() as session:
        assert difference.at == session.get_one(AuditLeaf, 17).at
    assert "leaf 17 was changed" in difference.text("en")
    assert "第 17 条" in difference.text("zh")


def test_a_deleted_leaf_is_named(kept: Desk) -> None:
    kept.tamper("DELETE FROM guard_audit WHERE n = 5")
    assert found(kept) == (5, "missing")


def test_swapped_leaves_are_told_as_what_they_are_by_the_witness(kept: Desk) -> None:
    kept.tamper(*(f"UPDATE guard_audit SET n = {after} WHERE n = {before}" for before, after in ((12, -1), (13, 12), (-1, 13))))
    assert found(kept) == (12, "moved")
    assert found(kept, witness=False) == (12, "changed")


def test_a_cut_tail_shows_against_the_heads(kept: Desk) -> None:
    kept.tamper("DELETE FROM guard_audit WHERE n > 25")
    assert found(kept) == (26, "cut")
    assert found(kept, witness=False) == (26, "cut")


def test_a_tail_cut_with_its_heads_shows_only_against_the_witness(kept: Desk) -> None:
    kept.tamper("DELETE FROM guard_audit WHERE n > 20", "DELETE FROM guard_audit_heads WHERE size > 20")
    assert found(kept) == (21, "cut")
    assert kept.verified(witness=False).difference is None


def test_a_record_written_anew_is_named_by_the_leaf_with_a_witness(kept: Desk) -> None:
    def blame(row: AuditLeaf) -> None:
        row.who = "somebody else"

    kept.rewrite(14, blame)
    assert found(kept) == (14, "replaced")
    assert found(kept, witness=False) == (11, "replaced")  # between the head of 10 that agrees and the one of 20 that doesn't


def test_a_record_written_anew_and_signed_with_the_stolen_key_shows_against_the_witness(kept: Desk) -> None:
    def blame(row: AuditLeaf) -> None:
        row.reason = "forged"

    kept.rewrite(14, blame)
    kept.resign()
    assert kept.verified(witness=False).difference is None
    assert found(kept) == (14, "replaced")


def test_without_its_leaves_a_witness_names_the_span_and_the_fork(kept: Desk) -> None:
    def blame(row: AuditLeaf) -> None:
        row.reason = "forged"

    lines = kept.witness.read_bytes().splitlines()
    kept.witness.write_bytes(b"".join(line.split(b',"first"')[0] + b"}\n" for line in lines))
    kept.rewrite(14, blame)
    kept.resign()
    difference = kept.verified().difference
    assert difference is not None
    assert (difference.n, difference.kind) == (11, "forked")
    assert "two different heads of 20 leaves" in difference.text()


def test_another_record_under_another_key_shows_against_the_witness(kept: Desk) -> None:
    kept.tamper("DELETE FROM guard_audit", "DELETE FROM guard_audit_heads")
    (kept.folder / "audit.key").unlink()
    auditor = kept.auditor(kept.folder / "nowhere.jsonl")
    kept.add(40)
    auditor.sign()
    assert found(kept)[1] in {"replaced", "witness"}
    assert kept.verified(witness=False).difference is None


def test_a_head_of_the_records_own_that_was_changed_is_found(kept: Desk) -> None:
    kept.tamper("UPDATE guard_audit_heads SET root = x'" + "ab" * 32 + "' WHERE size = 20")
    assert found(kept) == (20, "head")


def test_a_head_that_another_key_signed_is_found(kept: Desk) -> None:
    stranger = SigningKey.open(kept.folder / "stranger.key", make=True)
    checked = kept.verified(key=stranger.public)
    assert checked.difference is not None
    assert checked.difference.kind == "head"


def test_a_changed_line_of_the_witness_is_told_as_the_witness(kept: Desk) -> None:
    lines = kept.witness.read_text().splitlines()
    root = Head.of_json(__import__("json").loads(lines[1])).root.hex()
    kept.witness.write_text("\n".join([lines[0], lines[1].replace(root, "cd" * 32), lines[2]]) + "\n")
    assert found(kept) == (20, "witness")


def test_text_that_is_no_text_is_named(kept: Desk) -> None:
    kept.tamper("UPDATE guard_audit SET who = CAST(x'ff00fe' AS TEXT) WHERE n = 8")
    assert found(kept) == (8, "unreadable")


def test_the_auditor_finds_and_tells_and_signs_no_more(kept: Desk) -> None:
    auditor = kept.auditor()
    assert auditor.check(rest=0).difference is None
    kept.tamper("UPDATE guard_audit SET reason = 'x' WHERE n = 3")
    difference = auditor.check(rest=0).difference
    assert difference is not None
    assert difference.n == 3
    assert "leaf 3" in str(auditor.faults["difference"])
    assert "第 3 条" in auditor.faults["difference"].text("zh")
    kept.add(5)
    assert auditor.sign() is None
    kept.tamper("UPDATE guard_audit SET reason = '现场确认' WHERE n = 3")
    assert auditor.check(rest=0).difference is None
    assert auditor.faults == {}
    head = auditor.sign()
    assert head is not None
    assert head.size == 35


def test_a_start_on_a_record_that_was_cut_signs_nothing_and_tells(kept: Desk) -> None:
    kept.tamper("DELETE FROM guard_audit WHERE n > 20", "DELETE FROM guard_audit_heads WHERE size > 20")
    kept.add(15)
    auditor = kept.auditor()
    assert auditor.sign() is None
    assert "difference" in auditor.faults
    assert not auditor.states[str(kept.witness)].agrees
    difference = auditor.check(rest=0).difference
    assert difference is not None
    assert (difference.n, difference.kind) == (21, "replaced")


def test_a_start_on_a_record_shorter_than_the_witness_knows_signs_no_other_head(kept: Desk) -> None:
    kept.tamper("DELETE FROM guard_audit WHERE n > 25", "DELETE FROM guard_audit_heads WHERE size > 20")
    auditor = kept.auditor()
    assert auditor.sign() is None
    assert "the rest was cut off" in str(auditor.faults["difference"])
    with kept.records.reading() as session:
        assert [one.size for one in heads(session)] == [10, 20]


def test_a_node_that_stops_signs_what_was_added_last(kept: Desk) -> None:
    auditor = kept.auditor()
    kept.add(3)
    auditor.close()
    assert read_testimony(kept.witness.read_bytes(), "").heads[-1].size == 33


def test_proofs_of_leaves_hold_under_the_signed_head(kept: Desk) -> None:
    auditor = kept.auditor()
    auditor.sign()
    with kept.records.reading() as session:
        leaves = audit.leaf_hashes(session, 0, 30)
    for n in range(1, 31):
        proof = auditor.proof(n)
        assert proof is not None
        path = [bytes.fromhex(step) for step in proof["path"]]
        assert verify_inclusion(leaves[n - 1], n - 1, proof["head"]["size"], path, bytes.fromhex(proof["head"]["root"]))
    kept.add(1)
    assert auditor.proof(31) is None


# --- key


def test_the_key_is_made_once_readable_by_its_owner_alone_and_its_public_half_told(desk: Desk) -> None:
    first = desk.auditor()
    file = desk.folder / "audit.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in (desk.folder / "audit.pub").read_bytes()
    again = desk.auditor()
    assert first.key is not None
    assert again.key is not None
    assert first.key.log == again.key.log
    with desk.records.reading() as session:
        leaf = session.get_one(AuditLeaf, 1)
    assert leaf.action == "audit.key"
    assert leaf.after == {"log": first.key.log, "public_key": (desk.folder / "audit.pub").read_text()}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.chmod(0o644), "mode is 644, 600 was expected"),
        (lambda file: file.unlink(), "key is gone"),
        (lambda file: file.write_text("no key"), "no private key in PEM form"),
    ],
)
def test_a_key_that_may_not_be_used_is_told_and_nothing_is_signed(kept: Desk, spoil: Callable[[Path], None], says: str) -> None:
    spoil(kept.folder / "audit.key")
    auditor = kept.auditor()
    assert says in str(auditor.faults["key"])
    assert isinstance(auditor.faults["key"], ConfigError)
    kept.add(1)
    assert auditor.sign() is None
    assert auditor.check(rest=0).difference is None


def test_another_key_under_an_old_record_is_told(kept: Desk) -> None:
    SigningKey.open(kept.folder / "other.key", make=True)
    (kept.folder / "other.key").replace(kept.folder / "audit.key")
    assert "another audit key" in str(kept.auditor().faults["key"])


# --- witness


def test_a_witness_that_cannot_be_written_is_told_and_gets_all_when_it_can(kept: Desk) -> None:
    away = kept.folder / "away"
    auditor = kept.auditor(away / "audit.jsonl")
    auditor.sign()
    auditor.hand_over()
    (fault,) = auditor.faults.values()
    assert isinstance(fault, Unavailable)
    assert "is not there: is it mounted?" in str(fault)
    away.mkdir()
    auditor.hand_over()
    assert auditor.faults == {}
    testimony = read_testimony((away / "audit.jsonl").read_bytes(), "")
    assert [one.size for one in testimony.heads] == [10, 20, 30]
    assert [(first, len(run) // 32) for first, run in testimony.runs] == [(1, 30)]


def test_a_folder_gets_a_file_for_each_record(kept: Desk) -> None:
    auditor = kept.auditor(kept.folder / "elsewhere")
    auditor.sign()
    auditor.hand_over()
    assert auditor.key is not None
    assert (kept.folder / "elsewhere" / f"audit-{auditor.key.log[:16]}.jsonl").is_file()


def test_a_line_torn_by_a_crash_stays_and_the_next_is_whole(kept: Desk) -> None:
    with kept.witness.open("ab") as file:
        file.write(b'{"log":"torn')
    kept.add(3)
    auditor = kept.auditor()
    auditor.sign()
    auditor.hand_over()
    testimony = read_testimony(kept.witness.read_bytes(), "")
    assert testimony.broken == [4]
    assert [one.size for one in testimony.heads] == [10, 20, 30, 33]
    assert kept.verified().difference is None


def test_a_witness_reads_only_what_is_new_and_notices_another_file(tmp_path: Path) -> None:
    key = SigningKey.open(tmp_path / "audit.key", make=True)
    witness = FileWitness(tmp_path / "w.jsonl", key.log)
    assert witness.last() is None
    leaves = [leaf_hash(bytes([n])) for n in range(5)]
    for size in range(1, 6):
        witness.hand(Handed(key.sign(size, tree_head(leaves[:size]), size), size, leaves[size - 1 : size]))
        last = witness.last()
        assert last is not None
        assert last.size == size
    kept_lines = (tmp_path / "w.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "w.jsonl").write_bytes(b"".join(kept_lines[:2]))
    last = witness.last()
    assert last is not None
    assert last.size == 2


def test_every_difference_is_told_in_chinese_too() -> None:
    from anlan.guard import verifying
    from anlan.model.languages import translate

    source = Path(verifying.__file__).read_text("utf-8")
    messages = re.findall(r'message = (?:\(\s*)?((?:"[^"]*"\s*)+)', source)
    assert len(messages) >= 8
    untold = [text for one in messages if (text := "".join(re.findall(r'"([^"]*)"', one))) and translate(text, "zh") == text]
    assert untold == []


def test_a_witness_that_lost_what_it_was_handed_is_told_and_not_filled_anew(kept: Desk) -> None:
    """As a share that is not mounted looks like: an empty folder."""
    held = kept.witness.read_bytes()
    kept.witness.unlink()
    kept.add(3)
    for auditor in (kept.auditor(), kept.auditor()):
        auditor.sign()
        auditor.hand_over()
        assert auditor.check(rest=0).difference is None
        (part,) = auditor.faults
        assert "was handed 30 leaves and holds 0" in str(auditor.faults[part])
        assert "已收到 30 条,现只有 0 条" in auditor.faults[part].text("zh")
        assert auditor.states[str(kept.witness)].agrees is None
        assert not kept.witness.exists()
    kept.witness.write_bytes(held)
    auditor.hand_over()
    assert auditor.faults == {}
    assert auditor.states[str(kept.witness)].agrees is True
    kept.witness.write_bytes(held)
    auditor.hand_over()
    assert "was handed 33 leaves and holds 30" in str(next(iter(auditor.faults.values())))


def test_a_witness_whose_folder_is_gone_is_told(kept: Desk) -> None:
    held = kept.witness.read_bytes()
    auditor = kept.auditor()
    auditor.sign()
    auditor.hand_over()
    kept.witness.unlink()
    kept.witness.parent.rmdir()
    auditor.check(rest=0)
    assert "is not there: is it mounted?" in str(next(iter(auditor.faults.values())))
    kept.witness.parent.mkdir()
    kept.witness.write_bytes(held)
    auditor.hand_over()
    assert auditor.faults == {}


def test_a_mount_point_that_is_missing_does_not_become_a_file(kept: Desk, tmp_path: Path) -> None:
    share = tmp_path / "share"
    auditor = kept.auditor(share)
    auditor.sign()
    auditor.hand_over()
    assert not share.exists()
    assert "is not there: is it mounted?" in str(next(iter(auditor.faults.values())))
    share.mkdir()
    auditor.hand_over()
    assert auditor.faults == {}
    assert [one.name for one in share.iterdir()] == [f"audit-{auditor.key.log[:16]}.jsonl" if auditor.key else ""]


def test_turns_that_ask_a_witness_at_once_hear_the_same(kept: Desk) -> None:
    head = read_testimony(kept.witness.read_bytes(), "").heads[-1]
    for _ in range(50):
        witness = FileWitness(kept.witness, "")
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda one: one.last(), [witness] * 8)) == [head] * 8


def replaced(kept: Desk, blank: bytes, *others: str) -> Auditor:
    """The record written by another hand under another key, beside the file that a witness folder keeps of the first."""
    folder = kept.folder / "elsewhere"
    kept.witness.unlink()
    first = kept.auditor(folder)
    first.sign()
    first.hand_over()
    kept.records.close()
    for name in ("records.db", "records.db-wal", "records.db-shm", "audit.key", "audit.pub", "audit.witnesses"):
        (kept.folder / name).unlink(missing_ok=True)
    (kept.folder / "records.db").write_bytes(blank)
    kept.records = Records.open(kept.folder / "records.db")
    kept.add(5, "forged")
    assert first.key is not None
    told = [one.format(log=first.key.log) for one in others]
    return Auditor.open(kept.records, kept.clock, kept.folder / "audit.key", [folder], told)


def test_a_record_replaced_with_its_key_shows_against_the_file_that_the_first_left_in_the_folder(
    kept: Desk, blank: bytes
) -> None:
    auditor = replaced(kept, blank)
    assert auditor.sign() is None
    auditor.hand_over()
    for checked in (auditor.check(rest=0), auditor.verify()):
        assert checked.difference is not None
        assert checked.difference.kind == "witness"
        assert "the key, the record or this head was replaced" in checked.difference.text()
    assert "difference" in auditor.faults
    assert [one.name for one in (kept.folder / "elsewhere").glob("*")] == [Path(checked.heard[-1].where).name]


def test_another_nodes_file_in_the_folder_is_no_difference_once_it_is_named(kept: Desk, blank: bytes) -> None:
    auditor = replaced(kept, blank, "{log}")
    assert auditor.sign() is not None
    auditor.hand_over()
    assert auditor.check(rest=0).difference is None
    assert auditor.verify().difference is None
    assert auditor.faults == {}
    assert len(list((kept.folder / "elsewhere").glob("audit-*.jsonl"))) == 2
