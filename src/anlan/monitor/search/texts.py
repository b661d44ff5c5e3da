"""Many short texts of many things, and what a term that somebody typed finds in them.

A term is found at a run of characters if it can be cut into pieces, one a character: the character itself, a full reading, or its
initial; the last piece may be the beginning of a reading, because people type on. So 液氯 is found by 液氯, yelv, yl, yelü, 液lv, yel.
Case, width, spaces, dashes and dots don't count: at203 finds AT-203.

All texts are one array of character numbers; a term is followed through it piece by piece as arrays of positions, so 100,000 texts cost
milliseconds, and no text is looked at twice for its kinds of spelling.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from anlan.monitor.search.pinyin import initials, plain, readings

Numbers = npt.NDArray[np.integer[Any]]
Scores = npt.NDArray[np.int32]
LONGEST_TERM = 40
LONGEST_PIECE = 6


class Spelled(IntEnum):
    """How a term meets a text; the least of its pieces counts."""

    LITERAL = 0
    READ = 1
    ABBREVIATED = 2


_WORTH = {Spelled.LITERAL: 30, Spelled.READ: 26, Spelled.ABBREVIATED: 12}
AT_START, AT_WORD, WHOLE, TO_WORD_END = 30, 14, 30, 4
TAG, NAME, ASIDE = 12, 0, -14
"""What a text is worth by itself: an id, a name, what a thing is besides its name."""
LONG = 24
"""A longer text is worth less, by its length up to this."""


class Text(NamedTuple):
    """`owner`: whose text it is, 0 … n - 1."""

    owner: int
    text: str
    worth: int = NAME


def folded(text: str) -> str:
    """As texts and terms are compared: width and case don't count."""
    return unicodedata.normalize("NFKC", text).casefold()


def terms(query: str) -> list[str]:
    """The parts of a query that must all be found, in the form in which texts are kept.

    >>> terms("  AT-203  yè lǜ ")
    ['at203', 'ye', 'lv']
    """
    parts = folded(plain(query)).split()
    stripped = ("".join(c for c in part if c.isalnum())[:LONGEST_TERM] for part in parts)
    return [part for part in stripped if part]


class Texts:
    """Immutable once made. Making it takes about 5 s for a million texts of ten characters; `scores` some milliseconds."""

    def __init__(self, texts: Iterable[Text], owners: int) -> None:
        self.owners = owners
        whole = self._distinct(texts)
        raw = np.frombuffer(f"\n{whole}\n".encode("utf-32-le", "replace"), np.uint32)
        characters, raw_ids = np.unique(raw, return_inverse=True)
        self._characters = [chr(code) for code in characters]
        keeps = np.array([c == "\n" or c.isalnum() for c in self._characters], bool)[raw_ids]
        starts = self._word_starts(raw_ids)
        # A break stands after every text and in front of the first, so that no run of characters crosses from one to the next.
        self._break = self._characters.index("\n")
        self._blob = raw_ids[keeps].astype(np.int32)
        self._word_start = starts[keeps] | (self._blob == self._break)
        self._ends = np.flatnonzero(self._blob == self._break)[1:]
        self._length = np.diff(self._ends, prepend=0) - 1
        order = np.argsort(self._blob, kind="stable").astype(np.int32)
        bounds = np.searchsorted(self._blob[order], np.arange(len(characters) + 1))
        self._places = [order[a:b] for a, b in pairwise(bounds)]
        self._read, self._begun = self._pieces()

    def _distinct(self, texts: Iterable[Text]) -> str:
        """All texts, each once, a line each: "high" is the text of half of all alarms. Keeps whose they are."""
        known: dict[tuple[str, int], int] = {}
        pairs = [(known.setdefault((text, worth), len(known)), owner) for owner, text, worth in texts if text]
        number, owner = np.array(pairs, np.int64).reshape(-1, 2).T
        order = np.argsort(number, kind="stable")
        self._owners = owner[order].astype(np.int32)
        self._first_owner = np.searchsorted(number[order], np.arange(len(known) + 1))
        self._own_worth = np.array([worth for _, worth in known], np.int32)
        return folded("\n".join(text.replace("\n", " ") for text, _ in known))

    def _word_starts(self, raw: Numbers) -> npt.NDArray[np.bool_]:
        """Where a word begins: after what is neither letter nor figure, where letters and figures meet, at every Chinese character."""
        kinds = np.array([_kind(c) for c in self._characters], np.int8)[raw]
        before = np.concatenate([[np.int8(0)], kinds[:-1]])
        found: npt.NDArray[np.bool_] = (kinds != before) | (kinds == _CHINESE)
        return found

    def _pieces(self) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
        """Reading → characters so read; beginning of a reading → characters whose reading begins so. Of the characters that occur."""
        read: dict[str, list[int]] = defaultdict(list)
        begun: dict[str, set[int]] = defaultdict(set)
        for number, character in enumerate(self._characters):
            for reading in readings(character):
                read[reading].append(number)
                for length in range(1, len(reading)):
                    begun[reading[:length]].add(number)
        return dict(read), {piece: sorted(numbers) for piece, numbers in begun.items()}

    def scores(self, term: str) -> Scores:
        """What the term, one of `terms`, is worth for each owner: 0 where it is found in none of their texts."""
        best = np.zeros(len(self._own_worth), np.int32)
        for (length, spelled), starts in self._runs(term).items():
            text = np.searchsorted(self._ends, starts)
            np.maximum.at(best, text, self._worth(starts, length, spelled, text))
        found = np.zeros(self.owners, np.int32)
        texts = np.flatnonzero(best)
        counts = self._first_owner[texts + 1] - self._first_owner[texts]
        if len(texts):
            offsets = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
            owners = self._owners[np.repeat(self._first_owner[texts], counts) + offsets]
            np.maximum.at(found, owners, np.repeat(best[texts], counts))
        return found

    def _worth(self, starts: Numbers, length: int, spelled: Spelled, text: Numbers) -> Scores:
        at_start = self._blob[starts - 1] == self._break
        ends = starts + length
        worth = np.full(len(starts), _WORTH[spelled], np.int32)
        worth += np.where(at_start, AT_START, np.where(self._word_start[starts], AT_WORD, 0)).astype(np.int32)
        worth += np.where(self._word_start[ends], TO_WORD_END, 0).astype(np.int32)
        worth += np.where(at_start & (self._blob[ends] == self._break), WHOLE, 0).astype(np.int32)
        worth += self._own_worth[text] - (np.minimum(self._length[text], LONG) // 4).astype(np.int32)
        return np.maximum(worth, 1)

    def _runs(self, term: str) -> dict[tuple[int, Spelled], Numbers]:
        """Where the term is found: (characters that it covers, how) → first positions."""
        reached: dict[int, dict[tuple[int, Spelled], list[Numbers]]] = defaultdict(lambda: defaultdict(list))
        for end, spelled, accepted in self._next_pieces(term, 0):
            for number in accepted:
                reached[end][1, spelled].append(self._places[number])
        for at in range(1, len(term)):
            pieces = [(end, spelled, self._mask(accepted)) for end, spelled, accepted in self._next_pieces(term, at)]
            for (length, so_far), groups in reached.pop(at, {}).items():
                starts = np.concatenate(groups)
                following = self._blob[starts + length]
                for end, spelled, mask in pieces:
                    going_on = starts[mask[following]]
                    if len(going_on):
                        reached[end][length + 1, max(so_far, spelled)].append(going_on)
        return {how: np.concatenate(groups) for how, groups in reached[len(term)].items()}

    def _next_pieces(self, term: str, at: int) -> list[tuple[int, Spelled, Sequence[int]]]:
        """What may stand for one character from `at` on: (where the piece ends, how it is spelled, the characters)."""
        found: list[tuple[int, Spelled, Sequence[int]]] = []
        literal = self._number(term[at])
        if literal is not None:
            found.append((at + 1, Spelled.LITERAL, (literal,)))
        for end in range(at + 1, min(at + LONGEST_PIECE, len(term)) + 1):
            piece = term[at:end]
            if piece in self._read:
                found.append((end, Spelled.READ, self._read[piece]))
            if piece in self._begun and (end == len(term) or piece in initials(piece)):
                found.append((end, Spelled.ABBREVIATED, self._begun[piece]))
        return found

    def _number(self, character: str) -> int | None:
        low, high = 0, len(self._characters)
        while low < high:
            middle = (low + high) // 2
            if self._characters[middle] < character:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self._characters) and self._characters[low] == character else None

    def _mask(self, accepted: Sequence[int]) -> npt.NDArray[np.bool_]:
        mask = np.zeros(len(self._characters), bool)
        mask[list(accepted)] = True
        return mask


_CHINESE = 3


def _kind(character: str) -> int:
    """0 neither letter nor figure, 1 letter, 2 figure, 3 Chinese."""
    if not character.isalnum():
        return 0
    if character.isdigit():
        return 2
    return _CHINESE if ord(character) >= 0x2E80 else 1
