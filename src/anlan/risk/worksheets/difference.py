"""What differs between two versions of a sheet, cell by cell; and which cells two people changed at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anlan.risk.worksheets.sheet import Sheet

HEAD = ("title", "place", "team", "day", "form", "method")


@dataclass(frozen=True, slots=True)
class Change:
    """`line`: its id, "" for the head. `column` "" : the line as a whole, which came or went. `order` of the lines is no change of a cell."""

    line: str
    column: str
    before: str
    after: str

    def as_json(self) -> dict[str, Any]:
        return {"line": self.line, "column": self.column, "before": self.before, "after": self.after}


def changes(before: Sheet, after: Sheet) -> Iterator[Change]:
    """In the order of the lines of `after`; lines that went stand last."""
    for name in HEAD:
        was, now = getattr(before, name), getattr(after, name)
        if was != now:
            yield Change("", name, was, now)
    old = {one.id: one.cells for one in before.lines}
    new = {one.id: one.cells for one in after.lines}
    for id, cells in new.items():
        if id not in old:
            yield Change(id, "", "", " · ".join(cells.values())[:200])
            continue
        for name in dict.fromkeys((*old[id], *cells)):
            if (was := old[id].get(name, "")) != (now := cells.get(name, "")):
                yield Change(id, name, was, now)
    for id, cells in old.items():
        if id not in new:
            yield Change(id, "", " · ".join(cells.values())[:200], "")
    kept_before = [one.id for one in before.lines if one.id in new]
    kept_after = [one.id for one in after.lines if one.id in old]
    if kept_before != kept_after:
        yield Change("", "order", " ".join(kept_before)[:200], " ".join(kept_after)[:200])


def clashing(base: Sheet, theirs: Sheet, yours: Sheet) -> list[dict[str, Any]]:
    """Cells that both changed to something else, and lines that one changed and the other took out."""
    told = {(c.line, c.column): c for c in changes(base, theirs)}
    mine = list(changes(base, yours))
    gone = {c.line for c in told.values() if c.line and c.column == "" and not c.after}
    touched = {c.line for c in told.values() if c.line}
    found = []
    for change in mine:
        other = told.get((change.line, change.column))
        if other is not None and other.after != change.after:
            found.append({"line": change.line, "column": change.column, "theirs": other.after, "yours": change.after})
        elif change.line in gone and change.column:
            found.append({"line": change.line, "column": change.column, "theirs": "", "yours": change.after})
        elif change.line in touched and change.column == "" and not change.after and other is None:
            found.append({"line": change.line, "column": "", "theirs": "…", "yours": ""})
    return found
