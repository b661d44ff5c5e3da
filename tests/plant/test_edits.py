"""What a shift handover tells of the configuration: each version made in its time, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from works import line, write

from anlan.model.clock import HOUR, ManualClock
from anlan.plant.edits import MOST_CHANGES, edits_between
from anlan.plant.records import RequestRow, VersionRow
from anlan.plant.versions import import_folder
from anlan.store.records import Records


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(tmp_path / "records.db")
    opened.migrate({"plant": "anlan.plant"})
    yield opened
    opened.close()


@pytest.fixture
def clock(records: Records, tmp_path: Path) -> ManualClock:
    """Three versions an hour apart: the first, a limit, and ten points more."""
    clock, works = ManualClock(), write(tmp_path / "works")
    import_folder(records, works, author="Li", reason="first", clock=clock)
    clock.advance(HOUR)
    write(works, line(H="75"))
    import_folder(records, works, author="Wang", reason="HAZOP", clock=clock)
    clock.advance(HOUR)
    write(works, line(H="75"), *(line(id=f"LT-{n}", address=f"hr:{n} float32") for n in range(201, 211)))
    import_folder(records, works, author="Wang", reason="new tanks", clock=clock)
    return clock


def test_versions_of_the_span_newest_first(records: Records, clock: ManualClock) -> None:
    now = clock.now()
    found = edits_between(records, now - HOUR, now + 1)
    assert [(one["number"], one["author"], one["reason"]) for one in found] == [(3, "Wang", "new tanks"), (2, "Wang", "HAZOP")]
    assert (len(found[0]["changes"]), found[0]["more"] > 0) == (MOST_CHANGES, True)
    assert found[1]["changes"] == [{"zh": "报警 LT-101.H:报警值 80 → 75", "en": "alarm LT-101.H: limit 80 → 75"}]
    assert [one["number"] for one in edits_between(records, 0, now - HOUR)] == [1]
    assert edits_between(records, now + 1, now + HOUR) == []


def test_the_first_version_changes_nothing(records: Records, clock: ManualClock) -> None:
    (first,) = edits_between(records, 0, clock.now() - HOUR)
    assert (first["changes"], first["more"]) == ([], 0)


def test_what_a_damaged_version_changed_is_unknown(records: Records, clock: ManualClock) -> None:
    with records.session() as session:
        session.execute(sa.update(VersionRow).where(VersionRow.number == 2).values(content=b"x"))
    found = edits_between(records, clock.now() - HOUR, clock.now() + 1)
    assert [(one["author"], one["changes"], one["more"]) for one in found] == [("Wang", [], None)] * 2


def test_who_approved_a_version_is_named(records: Records, clock: ManualClock) -> None:
    row = RequestRow(
        id=UUID(int=1), state="approved", base=1, digest="", size=0, content=b"", origin="", told={}, effect=None, account="wang",
        requester=UUID(int=2), requester_zh="王", requester_en="Wang", reason="HAZOP", asked_at=1, signed_at=1, expires_at=2,
        decider=UUID(int=3), decider_zh="钱宁", decider_en="Qian Ning", decided_at=2, note="", version=2,
    )  # fmt: skip
    with records.session() as session:
        session.add(row)
    by_two = {one["number"]: one["approved_by"] for one in edits_between(records, 0, clock.now() + 1)}
    assert by_two == {1: None, 2: {"zh": "钱宁", "en": "Qian Ning"}, 3: None}
