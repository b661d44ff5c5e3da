"""Which points are detectors of gas and fire, and which of them people may put in calibration mode. Pure."""

from __future__ import annotations

from anlan.model.frames import NODE_ID
from anlan.model.points import Point

_FIRE = frozenset({"fire.detector", "fire.smoke", "fire.heat", "fire.flame"})


def is_detector(point: Point) -> bool:
    """Gas and fire detectors; not the states they tell beside their reading."""
    return point.kind in _FIRE or (point.kind.startswith("gas.") and point.kind != "gas.detector.state")


def calibratable(point: Point) -> bool:
    """Detectors that measure: test gas, smoke or flame can be put before nothing else. Of any other point calibration mode would blind its
    alarms by one person's word, those of bypasses, trips and the safety system among them; what the node calculates has no sensor."""
    return is_detector(point) and point.source != NODE_ID
