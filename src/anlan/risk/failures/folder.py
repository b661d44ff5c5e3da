"""`failures.csv` of a plant folder: items in service, tests and failures of before, brought in once. What is in the records stays as it is.

sort,item,equipment,mode,point,at,passed,note
in-service,XV-101,shutdown-valve,,XV-101.ZSC,2021-03-01,,commissioned
test,XV-101,shutdown-valve,undetected,XV-101.ZSC,2024-05-12,yes,full stroke 4.1 s
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid5

from anlan.model.clock import Clock, Micros
from anlan.model.tables import LineFeeds
from anlan.risk.failures.history import SORTS, Happening
from anlan.risk.failures.library import library
from anlan.risk.failures.store import Entered, FailureStore, standing
from anlan.risk.written import Mistake, Place
from anlan.store.records import Records

FILE = "failures.csv"
COLUMNS = ("sort", "item", "equipment", "mode", "point", "at", "passed", "note")
MOST = 20_000
_NAMES = UUID("6d0f6c1e-0f9c-4a8e-9a55-7d6f0b7f2b11")


class FailureMistake(Mistake):
    """A mistake in the failures of a plant folder."""

    code = "failure-data"


def read_file(folder: Path) -> list[Entered | FailureMistake]:
    """In the order written; a line that is wrong is its mistake."""
    path = folder / FILE
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        return [FailureMistake("this is not text in UTF-8: {problem}", Place(FILE), problem=str(failure))]
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        expected = ",".join(COLUMNS)
        return [FailureMistake("the columns are {found}; {expected} was expected", Place(FILE, 1), found=",".join(rows.fieldnames or ()), expected=expected)]  # fmt: skip
    found = list(islice(_lines(rows), MOST + 1))
    if len(found) > MOST:
        return [FailureMistake("the file has more than {most} lines", Place(FILE, MOST + 2), most=MOST)]
    return found


def happenings_of(folder: Path) -> list[Happening]:
    """What the file tells, none where there is none. Raises FailureMistake."""
    found = []
    for one in read_file(folder) if (folder / FILE).is_file() else ():
        if isinstance(one, FailureMistake):
            raise one
        found.append(Happening(one.sort, one.item, one.point, one.equipment, one.mode, one.at, one.passed))
    return found


def _lines(rows: csv.DictReader[str]) -> Iterator[Entered | FailureMistake]:
    known = {one.equipment for one in library().values()}
    for row in rows:
        place = Place(FILE, rows.line_num)
        at = _instant(row["at"] or "")
        sort = next((one for one in SORTS if one == row["sort"]), None)
        if None in row or None in row.values():
            yield FailureMistake("a line has {expected} values", place, expected=len(COLUMNS))
        elif sort is None:
            yield _wrong(place, "sort", row["sort"], ", ".join(SORTS))
        elif row["equipment"] not in known:
            yield _wrong(place, "equipment", row["equipment"], ", ".join(sorted(known)))
        elif sort not in ("in-service", "retired") and (row["equipment"], row["mode"]) not in library():
            modes = ", ".join(one.mode for one in library().values() if one.equipment == row["equipment"])
            yield _wrong(place, "mode", row["mode"], modes)
        elif at is None:
            yield _wrong(place, "at", row["at"], "2026-01-31, 2026-01-31T08:00:00+08:00")
        elif sort in ("test", "demand") and row["passed"] not in ("yes", "no"):
            yield _wrong(place, "passed", row["passed"], "yes, no")
        elif not row["item"].strip():
            yield FailureMistake("{name} is missing", place, name="item")
        else:
            passed = row["passed"] == "yes" if sort in ("test", "demand") else None
            yield Entered(sort=sort, item=row["item"].strip(), point=row["point"], equipment=row["equipment"], mode=row["mode"], at=at, passed=passed, note=row["note"])  # fmt: skip


def _wrong(place: Place, name: str, found: str, expected: str) -> FailureMistake:
    return FailureMistake(
        "{name} is {found}; one of {expected} was expected", place, name=name, found=found or "—", expected=expected
    )


def _instant(text: str) -> Micros | None:
    """A day counts from 00:00 UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def export(records: Records, folder: Path, clock: Clock) -> Path | None:
    """What stands, the earliest first; None where nothing does."""
    rows = sorted(standing(FailureStore(records, clock).rows()), key=lambda row: (row.at, row.item))
    if not rows:
        return None
    with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(LineFeeds(file))
        writer.writerow(COLUMNS)
        for row in rows:
            at = datetime.fromtimestamp(row.at / 1_000_000, UTC).isoformat()
            passed = "" if row.passed is None else "yes" if row.passed else "no"
            writer.writerow((row.sort, row.item, row.equipment, row.mode, row.point, at, passed, row.note))
    return folder / FILE


def bring_in(records: Records, folder: Path, clock: Clock) -> None:
    """Once each line, whatever has been withdrawn since. Raises FailureMistake."""
    store = FailureStore(records, clock)
    known = {(row.sort, row.item, row.equipment, row.mode, row.at) for row in store.rows()}
    for told in read_file(folder):
        if isinstance(told, FailureMistake):
            raise told
        if (told.sort, told.item, told.equipment, told.mode, told.at) in known:
            continue
        store.enter(None, uuid5(_NAMES, "|".join(map(str, (told.sort, told.item, told.equipment, told.mode, told.at)))), told)
