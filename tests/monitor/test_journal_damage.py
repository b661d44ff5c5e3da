"""A damaged alarms.db: the engine begins anew at once, and each row of the old one is either brought back as it was or named as lost."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from test_reader import PARTS, ListLog, Node, wait_for

from anlan.model.clock import SystemClock
from anlan.model.events.alarms import AlarmTransition
from anlan.model.frames import Frame
from anlan.monitor.journal import Journal, JournalReader
from anlan.monitor.journal_damage import asides, set_aside
from anlan.monitor.journal_view import JournalView
from anlan.monitor.reader import EngineReader
from anlan.monitor.recovery import same

Standing = dict[int, tuple[int, int]]
FRAMES = [Frame(n, (part,)) for n, part in enumerate(PARTS, start=1)]
BEFORE, KEPT_FROM = 150, 140
PAGE = 4096


def run(folder: Path, frames: list[Frame]) -> tuple[EngineReader, list[AlarmTransition]]:
    """Decide on all of them and stop."""
    told: list[AlarmTransition] = []
    reader = EngineReader(ListLog(frames), folder / "alarms.db", folder / "snapshots", SystemClock(), told.extend)
    reader.start()
    wait_for(lambda: reader.done == frames[-1].n)
    wait_for(lambda: all(one.kept is not None for one in reader._rescue._asides))
    reader.close()
    return reader, told


def rows(path: Path) -> dict[int, AlarmTransition]:
    reader = JournalReader.open(path)
    found = {one.n: one for one in reader.read(0, 100_000)}
    reader.close()
    return found


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which 150 frames were decided; its log begins at 141 by now."""
    folder = tmp_path_factory.mktemp("worked")
    run(folder, FRAMES[:BEFORE])
    return folder


@pytest.fixture
def folder(worked: Path, tmp_path: Path) -> Path:
    return shutil.copytree(worked, tmp_path / "node")


@pytest.fixture(scope="module")
def stands(worked: Path, tmp_path_factory: pytest.TempPathFactory) -> Standing:
    """In an alarms.db that was never damaged, after all frames: alarm → state and activation."""
    twin = shutil.copytree(worked, tmp_path_factory.mktemp("twin") / "node")
    run(twin, FRAMES[KEPT_FROM:])
    return standing(twin / "alarms.db")


def standing(path: Path) -> Standing:
    reader = JournalReader.open(path)
    found = {one.alarm: (int(one.after), one.episode) for one in reader.standing()}
    reader.close()
    return found


def brought_back(folder: Path, before: dict[int, AlarmTransition], stands: Standing) -> None:
    """What must hold where no row was changed to another that reads well."""
    (aside,) = asides(folder / "alarms.db")
    now = rows(folder / "alarms.db")
    lost = {n for first, last in aside.missing for n in range(first, last + 1)}
    assert aside.below > 1
    for n in range(1, aside.below):
        assert n not in lost or n not in now
        assert n not in now or same(now[n], before[n])
    assert (aside.kept or 0) + aside.again == aside.below - 1 - len(lost)
    assert standing(folder / "alarms.db") == stands


@pytest.mark.parametrize("wreck", ["a text", "no header", "half of it", "zeros"])
def test_a_file_that_is_no_database_is_set_aside_and_what_stands_goes_on(folder: Path, stands: Standing, wreck: str) -> None:
    path = folder / "alarms.db"
    before, content = rows(path), path.read_bytes()
    wrecked = {"a text": b"not a database, but a letter. " * 400, "no header": b"\0" * 100 + content[100:], "half of it": content[: len(content) // 8 * 4], "zeros": bytes(len(content))}[wreck]  # fmt: skip
    path.write_bytes(wrecked)
    reader, _ = run(folder, FRAMES[KEPT_FROM:])
    (aside,) = asides(path)
    assert reader.fault is not None
    assert f"); it lies set aside as {aside.file.name}" in reader.fault
    assert wreck == "half of it" or "alarms.db was damaged (file is not a database)" in reader.fault
    brought_back(folder, before, stands)
    assert aside.file.read_bytes()[:PAGE] == wrecked[:PAGE]


def test_of_a_damaged_page_only_its_rows_are_lost(folder: Path, stands: Standing) -> None:
    path = folder / "alarms.db"
    before, content = rows(path), bytearray(path.read_bytes())
    rng, pages = random.Random(20261207), len(content) // PAGE
    leaves = [page for page in range(1, pages) if content[page * PAGE] == 13]  # the leaf of a table
    page = rng.choice(leaves)
    content[page * PAGE : (page + 1) * PAGE] = rng.randbytes(PAGE)
    path.write_bytes(content)
    set_aside(path, 0, "someone saw it")
    reader, _ = run(folder, FRAMES[KEPT_FROM:])
    (aside,) = asides(path)
    assert "of it" in str(reader.fault) or "were brought back" in str(reader.fault)
    lost = sum(last - first + 1 for first, last in aside.missing)
    assert 0 <= lost <= PAGE // 30
    brought_back(folder, before, stands)
    aside.file.unlink()
    again, _ = run(folder, FRAMES[KEPT_FROM:])
    assert "damaged" not in str(again.fault)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_whatever_page_is_damaged_nothing_else_is_lost_or_told_otherwise(folder: Path, stands: Standing, seed: int) -> None:
    path, rng = folder / "alarms.db", random.Random(seed)
    before, content = rows(path), bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 1, 2, 5])):
        start = rng.randrange(len(content))
        length = rng.choice([64, 512, PAGE, 3 * PAGE])
        content[start : start + length] = rng.randbytes(min(length, len(content) - start))
    path.write_bytes(content)
    run(folder, FRAMES[KEPT_FROM:])
    if not asides(path):  # the start met none of it; the next who does sets it aside, or a person by the command
        set_aside(path, 0, "by hand")
        run(folder, FRAMES[KEPT_FROM:])
    (aside,) = asides(path)
    now = rows(path)
    changed = [n for n in range(1, aside.below) if n in now and n in before and not same(now[n], before[n])]
    lost = {n for first, last in aside.missing for n in range(first, last + 1)}
    absent = {n for n in range(1, aside.below) if n not in now}
    assert lost <= absent
    assert len(absent - lost) == aside.again
    assert len(changed) <= PAGE  # a row has no checksum: a cell that was overwritten reads well
    assert standing(folder / "alarms.db") == stands


def test_damage_met_at_a_commit_begins_anew_while_it_works(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.give(PARTS[:100])
    node.decided()
    view = JournalView(node.path)
    assert view.last == node.reader.journal_last
    before = rows(node.path)
    Journal.checkpoint(node.path)  # the pages are in the file now, no longer in the WAL
    content = node.path.read_bytes()
    with node.path.open("r+b") as file:  # in place: the engine's handle is open on it
        for page in range(1, len(content) // PAGE):
            file.seek(page * PAGE)
            file.write(b"\xff" * PAGE)
    node.reader._journal._db.execute("PRAGMA shrink_memory")
    node.give(PARTS[100:])
    wait_for(lambda: node.reader.done == node.log.last and bool(asides(node.path)))
    wait_for(lambda: all(one.kept is not None for one in node.reader._rescue._asides))
    assert "lies set aside as" in str(node.reader.fault)
    assert view.last == node.reader.journal_last  # of the new file, by the handle that was open on the old one
    now = rows(node.path)
    (aside,) = asides(node.path)
    assert all(n in now or any(a <= n <= b for a, b in aside.missing) for n in before)
    told = [one.n for one in node.told]
    assert told == list(range(1, told[-1] + 1))
    assert {one.n for one in node.told if one.n >= aside.below} <= now.keys()
    view.close()
    node.close()


def test_no_number_is_given_out_twice_while_the_old_file_can_tell_them(folder: Path) -> None:
    """A console that went on reading the old numbers would pass over the new alarms."""
    before = rows(folder / "alarms.db")
    set_aside(folder / "alarms.db", 0, "by hand")
    run(folder, FRAMES[KEPT_FROM:])
    (aside,) = asides(folder / "alarms.db")
    now = rows(folder / "alarms.db")
    assert aside.below == max(before) + 1
    assert {n: now[n] for n in before} == before or all(same(now[n], before[n]) for n in before)
    assert (aside.kept, aside.again, aside.missing, aside.missing_steps) == (len(before), 0, [], 0)


def test_what_a_killed_process_had_begun_to_set_aside_is_finished(folder: Path) -> None:
    """Killed between the WAL and the file: an older state must not be taken for the newest."""
    path = folder / "alarms.db"
    before = rows(path)
    wal = path.with_name("alarms.db.damaged-20260101T000000-wal")
    wal.write_bytes(b"")
    run(folder, FRAMES[KEPT_FROM:])
    (aside,) = asides(path)
    assert aside.file.name == "alarms.db.damaged-20260101T000000"
    assert before.keys() <= rows(path).keys()
    aside.file.unlink()  # a person moved the file alone away: what still lies beside it takes nothing with it
    run(folder, FRAMES[KEPT_FROM:])
    assert before.keys() <= rows(path).keys()
    assert asides(path) == []


def test_a_row_that_nothing_ever_wrote_is_lost_not_brought_back(folder: Path) -> None:
    import apsw

    path = folder / "alarms.db"
    db = apsw.Connection(str(path))
    db.execute('UPDATE transition SET "trigger" = 99 WHERE n = 7')
    db.close()
    set_aside(path, 0, "a page met it")
    run(folder, FRAMES[KEPT_FROM:])
    (aside,) = asides(path)
    assert aside.missing == [(7, 7)]
    assert 7 not in rows(path)
