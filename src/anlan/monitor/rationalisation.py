"""Rationalisation (ISA-18.2-2016, IEC 62682): what an alarm's class demands, and which priority follows from consequence and time to respond.

The plant's own tables stand in plant.yaml under `alarms: classes` and `alarms: priority_matrix`; a plant without a matrix of its own is
compared with the one in `data/priority_matrix.csv`, whose numbers nobody has verified: a comparison tells, it never refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from anlan.model.tables import read_table
from anlan.model.words import Label

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
Priority = Annotated[int, Field(ge=1, le=4)]

SHARES: tuple[tuple[tuple[int, ...], float], ...] = (((1,), 0.05), ((2,), 0.15), ((3, 4), 0.80))
"""Priorities → the share that EEMUA 191 and ISA-18.2 give as a target, about 5/15/80 %; numbers not verified against the original text."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class AlarmClass(_Part):
    """A group of alarms with the same administrative demands (ISA-18.2 classification). Times: `max_shelving` s, intervals days."""

    id: Id
    name: Label
    comment_required: bool = Field(default=False, description="who acknowledges must say why")
    shelvable: bool = Field(default=True, description="whether its alarms may be shelved at all")
    max_shelving: float = Field(default=0.0, ge=0, description="s; 0: to the end of the shift")
    test_interval: int = Field(default=0, ge=0, description="days between tests of the alarm; 0: none demanded")
    review_interval: int = Field(default=0, ge=0, description="days between reviews of the rationalisation; 0: none demanded")
    training: bool = Field(default=False, description="operators must be trained on it")


class Rationalised(_Part):
    """Who of the rationalisation team answers for the alarm as written, and since when."""

    by: str = Field(min_length=1)
    on: date

    def review_due(self, alarm_class: AlarmClass | None) -> date | None:
        """When the alarm must be looked at again; None if its class does not say."""
        if alarm_class is None or not alarm_class.review_interval:
            return None
        return date.fromordinal(self.on.toordinal() + alarm_class.review_interval)


class Severity(_Part):
    """One row of the matrix. `priorities`: for each band of time to respond and, last, for a longer time; None is no alarm at all."""

    id: Id
    name: Label = Label()
    meaning: Label = Label()
    priorities: tuple[Priority | None, ...]


class PriorityMatrix(_Part):
    """Severity × time to respond → priority. `within`: upper bounds of the bands in s, rising; a time on a bound is in the more urgent band."""

    within: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1)
    severities: tuple[Severity, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_a_table(self) -> PriorityMatrix:
        if any(a >= b for a, b in pairwise(self.within)):
            raise ValueError(f"within was {list(self.within)}; rising bounds in s were expected")
        for severity in self.severities:
            if len(severity.priorities) != len(self.within) + 1:
                raise ValueError(
                    f"severity {severity.id} has {len(severity.priorities)} priorities; {len(self.within) + 1} were expected, "
                    "one for each band and one for a longer time"
                )
        if len({s.id for s in self.severities}) != len(self.severities):
            raise ValueError("a severity stands in the matrix twice")
        return self

    def severity(self, identifier: str) -> Severity | None:
        return next((s for s in self.severities if s.id == identifier), None)

    def priority(self, severity: str, time_to_respond: float) -> int | None:
        """What the matrix says; None is no alarm. Raises KeyError for a severity that it does not have."""
        row = self.severity(severity)
        if row is None:
            raise KeyError(severity)
        band = next((i for i, bound in enumerate(self.within) if time_to_respond <= bound), len(self.within))
        return row.priorities[band]


@cache
def default_matrix() -> PriorityMatrix:
    """The matrix of data/priority_matrix.csv."""
    table = read_table("priority_matrix.csv", "anlan.monitor")
    rows = {row["severity"]: row for row in reversed(table)}  # the first row of each severity has its words
    within = sorted({float(row["within"]) for row in table if row["within"]})
    return PriorityMatrix(
        within=tuple(within),
        severities=tuple(
            Severity(
                id=identifier,
                name=Label(zh=rows[identifier]["zh"], en=rows[identifier]["en"]),
                meaning=Label(zh=rows[identifier]["meaning_zh"], en=rows[identifier]["meaning_en"]),
                priorities=tuple(_priority(row["priority"]) for row in table if row["severity"] == identifier),
            )
            for identifier in dict.fromkeys(row["severity"] for row in table)
        ),
    )


def _priority(text: str) -> int | None:
    return int(text) if text else None


def distribution(priorities: Iterable[int]) -> list[tuple[tuple[int, ...], int, float, float]]:
    """(priorities, count, share, target share) for each group of SHARES; shares of no alarm at all are 0."""
    counted = list(priorities)
    found = [(group, sum(p in group for p in counted), target) for group, target in SHARES]
    return [(group, count, count / len(counted) if counted else 0.0, target) for group, count, target in found]
