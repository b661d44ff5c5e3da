"""Failure data as one reading of a study asks for them: the published figures, or this plant's own in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from anlan.risk.failures.laws import Law
from anlan.risk.failures.library import Entry, library

Key = tuple[str, str]


class Rates:
    """`instead`: laws in place of the published ones, by class and mode. `asked`: what was asked for, as published."""

    def __init__(self, instead: Mapping[Key, Law] | None = None) -> None:
        self._instead = dict(instead or {})
        self.asked: dict[Key, Entry] = {}

    @property
    def of_plant(self) -> bool:
        """Whether a figure may be another than the one that the study was written with."""
        return bool(self._instead)

    def find(self, told: str) -> Entry | None:
        """By "class mode"; None where the library has no such entry."""
        equipment, _, mode = told.partition(" ")
        found = library().get((equipment, mode))
        if found is None:
            return None
        self.asked[found.key] = found
        return replace(found, law=self._instead[found.key]) if found.key in self._instead else found
