"""Tables that ship with a room: CSV under `ROOM/data/`, with `#` lines in front that name source, edition and trust."""

from __future__ import annotations

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import TextIO

_BEGINS = ("=", "+", "-", "@", "'", "＝", "＋", "－", "＠")
"""What Excel takes for the beginning of a formula, its full-width forms too; and the apostrophe itself, so that reading gives back what was
written."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def read_table(name: str, package: str = "anlan.model") -> list[dict[str, str]]:
    """The rows of `data/NAME` of a room, each as column → text. The file is ours, so a broken one is a defect, not input."""
    text = (files(package) / "data" / name).read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, strict=True))


class LineFeeds:
    r"""A text file for `csv.writer`, left at its own line end, that ends lines as a plant folder's do. Before Python 3.13 the writer quotes a
    carriage return within a value only where its line end has one; unquoted, reading takes it for the end of the line.

    >>> import csv, io
    >>> text = io.StringIO(newline="")
    >>> _ = csv.writer(LineFeeds(text)).writerow(["a\rb", "c"])
    >>> text.getvalue()
    '"a\rb",c\n'
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def without_formula(text: str) -> str:
    """`text` as a cell of a CSV file that Excel will not run: what begins like a formula gets an apostrophe, numbers stay numbers.

    >>> without_formula("=HYPERLINK(1)"), without_formula("-5.0"), without_formula("氯气")
    ("'=HYPERLINK(1)", '-5.0', '氯气')
    """
    begins = text.lstrip()
    if begins[:1] == "'" and begins[1:].lstrip()[:1] not in _BEGINS:
        return text
    return f"'{text}" if begins[:1] in _BEGINS and not _NUMBER.fullmatch(text) else text


def with_formula(cell: str) -> str:
    """What `without_formula` was given; an apostrophe before anything else is the person's own.

    >>> with_formula("'=HYPERLINK(1)"), with_formula("'quoted'")
    ('=HYPERLINK(1)', "'quoted'")
    """
    return cell[1:] if cell[:1] == "'" and cell[1:].lstrip()[:1] in _BEGINS else cell


def fold(text: str) -> str:
    """`text` for comparing what people type: full-width forms, superscripts, case and spaces don't count. "ＭＰａ Ｇ" → "mpag"."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` probably meant, or "". Compared folded."""
    by_fold: Mapping[str, str] = {fold(k): k for k in known}
    close = difflib.get_close_matches(fold(word), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else ""
