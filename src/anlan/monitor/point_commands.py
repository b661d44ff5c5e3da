"""A person's step on a point, as it stands in the log: inhibit it for a work order, calibrate it, say that its range was reset on site;
and what records say of a point, told to the engine: a bypass is approved, a calibration is overdue.

What alarms do with the point meanwhile is decided in `point_modes`; why a detector may be touched at all (permits, second person) is the
service's business, and it stands in here as who asked, who approved and for which work order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import orjson

from anlan.model.clock import HOUR, Micros
from anlan.monitor.command_fields import check_fields

PointStepKind = Literal[
    "inhibit",
    "end_inhibit",
    "calibrate",
    "end_calibration",
    "reset_over_range",
    "approve_bypass",
    "end_approval",
    "calibration_overdue",
    "calibration_in_date",
]

TELLS: dict[str, float] = {"approve_bypass": 1, "end_approval": 0, "calibration_overdue": 1, "calibration_in_date": 0}
"""Steps that give one of the node's own points a value: `BP-07.APPROVED`, `AT-203.DUE`."""
LONGEST: dict[str, Micros] = {"inhibit": 7 * 24 * HOUR, "calibrate": 4 * HOUR, "approve_bypass": 7 * 24 * HOUR}
"""A detector that must be away for longer is asked for anew: nobody may forget it. Our own bound, stricter where the plant is."""
WITH_END = frozenset(LONGEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class PointCommand:
    """Who did what to which point, and until when on the same wall clock as `at`. `approver` is the second person, "" where one is enough."""

    id: str
    kind: PointStepKind
    point: int
    who: str
    post: str
    at: Micros
    reason: str = ""
    until: Micros | None = None
    work_order: str = ""
    approver: str = ""

    def lacks(self) -> tuple[str, dict[str, Any]] | None:
        """What the step lacks in itself, whatever the point: a msgid and its facts."""
        if not self.reason.strip():
            return "a reason is needed", {}
        if self.kind == "inhibit" and not self.work_order.strip():
            return "a work order is needed to inhibit a point", {}
        if self.kind not in WITH_END:
            return None
        if self.until is None or self.until <= self.at:
            return "an end is needed that lies ahead", {}
        if self.until - self.at > LONGEST[self.kind]:
            return "this lasts {hours} h at most", {"hours": LONGEST[self.kind] // HOUR}
        return None

    def to_bytes(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> PointCommand:
        """Raises InputError that names the field."""
        check_fields(given, _FIELDS, _DEFAULTS, get_args(PointStepKind))
        return cls(**given)


_FIELDS: dict[str, type] = {
    "id": str,
    "kind": str,
    "point": int,
    "who": str,
    "post": str,
    "at": int,
    "reason": str,
    "until": int,
    "work_order": str,
    "approver": str,
}
_DEFAULTS: dict[str, Any] = {"reason": "", "until": None, "work_order": "", "approver": ""}
