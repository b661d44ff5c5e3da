"""How Chinese characters are read, as people type them: without tones, ü as v (and as yu, u where keyboards and passports say so).

Every reading counts: 重 is zhong and chong, 长 chang and zhang, 行 xing and hang. Which one a word means is not decided here.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from functools import cache

DOUBLE_INITIALS = ("zh", "ch", "sh")


@cache
def readings(character: str) -> tuple[str, ...]:
    """All readings of one character, the usual first; none for what is not Chinese.

    >>> readings("长")
    ('zhang', 'chang')
    >>> readings("氯")
    ('lv', 'lyu')
    """
    told = _table().get(ord(character), "")
    typed = [form for reading in told.split(",") if reading for form in _typed(reading)]
    return tuple(dict.fromkeys(typed))


@cache
def initials(reading: str) -> tuple[str, ...]:
    """What stands for a whole syllable: its first letter, and zh, ch, sh.

    >>> initials("zhong")
    ('z', 'zh')
    """
    return (reading[:1], *(double for double in DOUBLE_INITIALS if reading.startswith(double)))


def plain(text: str) -> str:
    """Tone marks off, ü as v: what somebody typed who knows how pinyin is printed.

    >>> plain("yè lǜ")
    'ye lv'
    """
    parted = unicodedata.normalize("NFD", text).replace("u\u0308", "v")
    return unicodedata.normalize("NFC", "".join(c for c in parted if unicodedata.category(c) != "Mn"))


def _typed(reading: str) -> list[str]:
    """The spellings of one printed reading: "lǜ" lv and lyu, "nüè" nve and nue."""
    spelled = plain(reading)
    if "v" not in spelled:
        return [spelled] if spelled.isascii() and spelled.isalpha() else []
    return [spelled, spelled.replace("ve", "ue") if "ve" in spelled else spelled.replace("v", "yu")]


@cache
def _table() -> Mapping[int, str]:
    """Code point → printed readings, of the package pypinyin (MIT)."""
    # Its table of phrases settles readings in running text; a search wants every reading, and the phrases would cost 30 MB in memory.
    before = os.environ.get("PYPINYIN_NO_PHRASES")
    os.environ["PYPINYIN_NO_PHRASES"] = "1"
    try:
        from pypinyin.pinyin_dict import pinyin_dict
    finally:
        if before is None:
            del os.environ["PYPINYIN_NO_PHRASES"]
        else:
            os.environ["PYPINYIN_NO_PHRASES"] = before
    return pinyin_dict
