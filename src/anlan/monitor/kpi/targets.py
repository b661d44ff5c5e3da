"""The standards' guide values, from `data/alarm_kpi_targets.csv`: shown beside what was measured, with where each was read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from anlan.model.languages import LANGUAGES, translate
from anlan.model.tables import read_table
from anlan.monitor.kpi.performance import Performance

VERIFIED = "verified-from-source"


@dataclass(frozen=True, slots=True)
class Target:
    """One guide value of one standard. `low` is set where the standard names a range; `scheme`: how many priorities are in use."""

    measure: str
    scheme: str
    standard: str
    edition: str
    clause: str
    level: str
    comparison: str
    low: float | None
    value: float
    unit: str
    confidence: str
    source: str
    note: str

    @property
    def verified(self) -> bool:
        """Whether it was read in the standard's own text; otherwise it is shown as 未核对原文."""
        return self.confidence == VERIFIED

    def as_json(self) -> dict[str, Any]:
        both = {name: {lang: translate(getattr(self, name), lang) for lang in LANGUAGES} for name in ("level", "note", "unit")}
        return {**asdict(self), **both, "verified": self.verified}


@cache
def targets() -> tuple[Target, ...]:
    return tuple(_target(row) for row in read_table("alarm_kpi_targets.csv", "anlan.monitor"))


def targets_for(priorities: Collection[int]) -> list[Target]:
    """The targets of a plant whose alarms use these priorities: with the fourth in use, the split into four holds, else into three."""
    scheme = "4" if 4 in priorities else "3"
    return [one for one in targets() if one.scheme in {"", scheme}]


def figures(performance: Performance) -> dict[str, float | None]:
    """The measures by the names that the targets use; shares in %."""
    rate, flood, answered, stood = performance.rate, performance.flood, performance.answered, performance.stood
    counted = sum(performance.priorities.values())
    return {
        "rate.count": rate.count,
        "rate.per_day": rate.per_day,
        "rate.per_hour": rate.per_hour,
        "rate.per_10_min": rate.per_10_min,
        "rate.peak_minute": rate.peak_minute,
        "rate.peak_10_min": rate.peak_10_min,
        "rate.peak_10_min_any": rate.peak_10_min_any,
        "rate.peak_hour": rate.peak_hour,
        **{f"rate.periods_above_{n}": _percent(share) for n, share in rate.periods_above.items()},
        **{f"rate.hours_above_{n}": _percent(share) for n, share in rate.hours_above.items()},
        "flood.count": flood.count,
        "flood.seconds": flood.seconds,
        "flood.share": _percent(flood.share),
        "flood.largest": flood.largest,
        **{f"priority.{n}": _percent(performance.priorities.get(n, 0) / counted if counted else None) for n in (1, 2, 3, 4)},
        "actors.share": _percent(performance.actors_share),
        "chattering.count": len(performance.chattering),
        "fleeting.count": performance.fleeting,
        "stale.count": len(stood.stale),
        "stale.most_in_a_day": stood.stale_most_in_a_day,
        "stale.at_end": stood.stale_at_end,
        "standing.average": stood.average,
        "standing.most": stood.most,
        "standing.at_end": stood.at_end,
        "acknowledge.median": answered.acknowledge.median,
        "acknowledge.p90": answered.acknowledge.p90,
        "acknowledge.longest": answered.acknowledge.longest,
        "acknowledge.never": answered.never,
        "acknowledge.waiting": answered.waiting,
        "respond.median": answered.respond.median,
        "respond.p90": answered.respond.p90,
        "respond.longest": answered.respond.longest,
        "respond.in_time": _percent(answered.in_time),
        **{f"{name}.times": one.times for name, one in performance.hidden.items()},
        **{f"{name}.seconds": one.seconds for name, one in performance.hidden.items()},
        **{f"{name}.at_end": one.at_end for name, one in performance.hidden.items()},
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _target(row: dict[str, str]) -> Target:
    low = float(row["low"]) if row["low"] else None
    return Target(**{**row, "low": low, "value": float(row["value"])})  # type: ignore[arg-type]
