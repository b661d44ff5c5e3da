"""What the node itself has counted of items of equipment: calibrations of detectors, and strokes of final elements on demand.

Each is told for the class under which the item is in service, in its mode of failing unseen. Blocking: call it in worker threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from anlan.model.clock import Micros
from anlan.monitor.records import Calibration
from anlan.monitor.safety.config import SafetySystem
from anlan.risk.failures.history import Happening
from anlan.risk.failures.library import library
from anlan.store.records import Records


def unseen_mode(equipment: str) -> str | None:
    """The mode that a test or a demand of this class shows: its first in the library."""
    return next((one.mode for one in library().values() if one.equipment == equipment), None)


def calibrations(records: Records, items: Mapping[str, tuple[str, str]]) -> list[Happening]:
    """`items`: tag → (class, point). A calibration whose as-found error was outside of the plant's own limit failed as found."""
    by_point = {point: (item, equipment) for item, (equipment, point) in items.items() if point}
    if not by_point:
        return []
    with records.reading() as session:
        rows = session.execute(
            sa.select(Calibration.point, Calibration.ended_at, Calibration.judged).where(Calibration.point.in_(by_point))
        ).all()
    found = []
    for point, at, judged in rows:
        item, equipment = by_point[point]
        mode = unseen_mode(equipment)
        within = next((one.get("within") for one in judged if one.get("quantity") == "as_found_error"), None)
        if mode is not None and within is not None:
            found.append(Happening("test", item, point, equipment, mode, at, bool(within), None, "calibration"))
    return found


def strokes(system: SafetySystem, log: Sequence[Mapping[str, Any]], items: Mapping[str, tuple[str, str]]) -> list[Happening]:
    """`log`: the demand log. A stroke counts where it is known whether it was in time; an element already there shows nothing."""
    effects: dict[str, tuple[str, str, str]] = {}
    for item, (equipment, point) in items.items():
        for effect in system.effects:
            if item == effect.id or (point and point in (effect.closed, effect.open, effect.running)):
                effects[effect.id] = (item, equipment, point)
    found: dict[tuple[str, Micros], Happening] = {}
    for demand in log:
        for stroke in demand["strokes"]:
            at: Micros = demand["at"]
            if stroke["effect"] not in effects or stroke["within"] is None or stroke["already"]:
                continue
            item, equipment, point = effects[stroke["effect"]]
            mode = unseen_mode(equipment)
            if mode is not None:
                found[item, at] = Happening("demand", item, point, equipment, mode, at, stroke["within"], None, "stroke")
    return list(found.values())
