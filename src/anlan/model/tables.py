"""Tables that ship with a room: CSV under `ROOM/data/`, with `#` lines in front that name source, edition and trust."""

from __future__ import annotations

import csv
import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from importlib.resources import files


def read_table(name: str, package: str = "anlan.model") -> list[dict[str, str]]:
    """The rows of `data/NAME` of a room, each as column → text. The file is ours, so a broken one is a defect, not input."""
    text = (files(package) / "data" / name).read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, strict=True))


def fold(text: str) -> str:
    """`text` for comparing what people type: full-width forms, superscripts, case and spaces don't count. "ＭＰａ Ｇ" → "mpag"."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` probably meant, or "". Compared folded."""
    by_fold: Mapping[str, str] = {fold(k): k for k in known}
    close = difflib.get_close_matches(fold(word), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else ""
