"""Until when each detector's calibration holds: what the plant folder says, or a later pass. Blocking: call it in a worker thread."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from anlan.monitor.records import Calibration
from anlan.store.records import Records
from anlan.web.context import PlantView


def dates_of(plant: PlantView, records: Records) -> dict[str, date]:
    """By tag, of the points that have a date at all."""
    query = select(Calibration.point, Calibration.next_due).where(Calibration.next_due != "").order_by(Calibration.ended_at)
    with records.reading() as session:
        passed = {point: date.fromisoformat(due) for point, due in session.execute(query)}
    written = {p.id: p.calibration.due for p in plant.points.values() if p.calibration is not None}
    return {point: max(due, passed.get(point, due)) for point, due in written.items()}


def last_calibrations(records: Records) -> dict[str, dict[str, Any]]:
    """By tag the newest record: when, what it found, its T90."""
    query = select(Calibration).order_by(Calibration.ended_at)
    with records.reading() as session:
        return {
            row.point: {"ended_at": row.ended_at, "result": row.result, "t90": row.t90, "certificate": row.certificate}
            for row in session.scalars(query)
        }
