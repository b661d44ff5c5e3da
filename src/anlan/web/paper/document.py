"""A document to be printed: what it says, and the hash of that."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal
from zoneinfo import ZoneInfo

import orjson

from anlan.model.clock import Micros, to_datetime
from anlan.model.languages import Language

Align = Literal["left", "right", "center"]


@dataclass(frozen=True, slots=True)
class Column:
    """`width`: a share of what is left ("1fr", "2fr") or a length ("22mm"). `mark`: its cells are numbers of priority, drawn as such. `area`: its
    cells are risk levels, "orange|较大 橙": an area with its word, which black and white leave legible (DOMAIN.md 17)."""

    head: str
    width: str = "1fr"
    align: Align = "left"
    mark: bool = False
    area: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with a table, or with lines of text. `empty` is said where there is no row: no table looks as if it had been forgotten."""

    title: str
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    empty: str = ""
    note: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """`by` and `at` are "" while nobody has signed: the paper then leaves room for a pen."""

    role: str
    by: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """`facts`: lines of (what, value) under the title. `warnings`: what a reader must know before anything else; not part of the hash, as they
    tell of the printing (the node was down), and what belongs to the content stands in `facts`."""

    kind: str
    title: str
    site: str
    language: Language
    facts: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] = ()
    signatures: tuple[Signature, ...] = ()
    warnings: tuple[str, ...] = ()
    landscape: bool = False
    given_hash: str = ""
    """Hash of the record that this prints, where the record has its own; "" makes it the hash of what stands here."""

    @property
    def rows(self) -> int:
        return sum(len(section.rows) + len(section.lines) for section in self.sections)

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal."""
        return self.given_hash or sha256(orjson.dumps(self.content(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def content(self) -> dict[str, Any]:
        """What is hashed: canonical JSON of this, keys sorted, no spaces."""
        told = asdict(self)
        return {name: told[name] for name in ("kind", "title", "site", "language", "facts", "sections", "signatures")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Printing:
    """Who prints, when, and whether it is only a demo."""

    by: str
    at: str
    demo: bool = False


@dataclass(frozen=True, slots=True)
class Stamps:
    """Instants as they are printed: the site's own clock. Where that stands otherwise from UTC than at `about` (summer time), the row says so."""

    zone: str
    about: Micros
    _offset: timedelta | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_offset", to_datetime(self.about).astimezone(ZoneInfo(self.zone)).utcoffset())

    @property
    def zone_words(self) -> str:
        """ "Asia/Shanghai (UTC+08:00)"."""
        return f"{self.zone} (UTC{_sign(self._offset)})"

    def second(self, instant: Micros | None) -> str:
        """ "2026-11-26 13:00:05", "—" for none."""
        return self._text(instant, "%Y-%m-%d %H:%M:%S")

    def milli(self, instant: Micros | None) -> str:
        """ "2026-11-26 13:00:05.120"."""
        found = self._text(instant, "%Y-%m-%d %H:%M:%S")
        if instant is None or not found[:1].isdigit() or found.endswith("µs"):
            return found
        head, more = found[:19], found[19:]
        return f"{head}.{instant % 1_000_000 // 1000:03d}{more}"

    def _text(self, instant: Micros | None, form: str) -> str:
        if instant is None:
            return "—"
        try:
            moment = to_datetime(instant).astimezone(ZoneInfo(self.zone))
        except (OverflowError, ValueError, OSError):
            return f"{instant} µs"  # a device may stamp anything
        other = moment.utcoffset()
        return moment.strftime(form) + ("" if other == self._offset else f" (UTC{_sign(other)})")


def _sign(offset: timedelta | None) -> str:
    minutes = round(offset.total_seconds() / 60) if offset is not None else 0
    return f"{'−' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
