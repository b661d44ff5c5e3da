"""The font that documents are set in, and which characters it draws: no character becomes an empty box in silence."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from anlan.model.errors import Unavailable

FAMILY = "Noto Sans CJK SC"
FOLDER = Path(str(files("anlan.web.paper"))) / "data"
FILE = "NotoSansCJKsc-Regular-subset.otf"
CHARACTERS = "characters.txt"
LEAST_BYTES = 1 << 20
_LONG_WORD = re.compile(r"[^\s\u2e80-\uffff]{16,}")
_PIECE = 12
_BREAK = "\u200b"
"""A zero-width space: a long tag or an address breaks within its column instead of running over the next."""


class CannotPrint(Unavailable):
    code: ClassVar[str] = "cannot-print"


def font_folder() -> Path:
    """Where the font lies. Raises CannotPrint when it is missing or cut short: a document of boxes would look printed and say nothing."""
    path = FOLDER / FILE
    if not path.is_file() or path.stat().st_size < LEAST_BYTES:
        raise CannotPrint(
            "nothing can be printed: the font {file} is missing or damaged. It comes with Anlan; install the program again, or make it anew with "
            "scripts/paper_font.py",
            file=str(path),
        )
    return FOLDER


def drawable(text: str) -> str:
    """`text` with each character that the font does not draw written as its code, [U+20BB7], control characters left out, and places in
    which a long word may break."""
    shown = "".join(_shown(character) for character in text)
    return _LONG_WORD.sub(lambda word: _BREAK.join(word[0][i : i + _PIECE] for i in range(0, len(word[0]), _PIECE)), shown)


def _shown(character: str) -> str:
    code = ord(character)
    if any(first <= code <= last for first, last in _ranges_near(code >> 8)):
        return character
    if character in "\n\t":
        return character
    return "" if code < 0x20 or 0x7F <= code < 0xA0 else f"[U+{code:04X}]"


@cache
def _ranges_near(page: int) -> tuple[tuple[int, int], ...]:
    """The font's ranges that touch the 256 codes of this page."""
    return tuple((first, last) for first, last in _ranges() if first >> 8 <= page <= last >> 8)


@cache
def _ranges() -> tuple[tuple[int, int], ...]:
    try:
        lines = (FOLDER / CHARACTERS).read_text("ascii").split()
    except OSError as error:
        raise CannotPrint(
            "nothing can be printed: {file} is missing: {why}", file=CHARACTERS, why=error.strerror or ""
        ) from error
    return tuple((int(first, 16), int(last, 16)) for first, last in (line.split("-") for line in lines))
