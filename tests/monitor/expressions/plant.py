"""The points of a small plant, as expressions see them."""

from __future__ import annotations

from anlan.model.words import Label
from anlan.monitor.expressions import Expression, PointFacts, parse

VALVE = {0: Label(zh="关", en="Closed"), 1: Label(zh="开", en="Open"), 2: Label(zh="故障", en="Fault")}

POINTS = {
    "TI-101": PointFacts(1, "Cel"),
    "TI-102": PointFacts(2, "Cel"),
    "TI-103": PointFacts(3, "degF"),
    "TI-104": PointFacts(4, "K"),
    "PI-101": PointFacts(5, "MPa", pressure_basis="gauge"),
    "PI-102": PointFacts(6, "kPa", pressure_basis="gauge"),
    "PI-103": PointFacts(7, "kPa", pressure_basis="absolute"),
    "PI-104": PointFacts(8, "kPa"),
    "PDI-101": PointFacts(9, "kPa", difference=True),
    "FI-101": PointFacts(10, "m3/h", flow_basis="normal"),
    "FI-102": PointFacts(11, "m3/h", flow_basis="actual"),
    "FI-103": PointFacts(12, "L/min", flow_basis="actual"),
    "LI-101": PointFacts(13, "%"),
    "VI-101": PointFacts(14, "m3"),
    "XI-101": PointFacts(15, "mm"),
    "AT-101": PointFacts(16, "%LEL", gas="甲烷"),
    "AT-102": PointFacts(17, "%LEL", gas="CH4"),
    "AT-103": PointFacts(18, "%LEL", gas="丙烷"),
    "AT-104": PointFacts(19, "%LEL", gas="甲烷", calibration_gas="丙烷"),
    "AT-201": PointFacts(20, "ppm", gas="氯"),
    "AT-202": PointFacts(21, "mg/m3", gas="氯"),
    "AT-301": PointFacts(22, "%VOL", gas="氧"),
    "QI-101": PointFacts(23),
    "QI-102": PointFacts(24),
    "XV-101": PointFacts(25, states=VALVE),
    "XC-101": PointFacts(26, states=VALVE),
    "TR-101": PointFacts(27, "Cel/min"),
    "1-PI": PointFacts(28, "kPa", pressure_basis="gauge"),
    "over": PointFacts(29),
    "A.b_c-9": PointFacts(30),
}


def understood(text: str, *, unit: str = "") -> Expression:
    return parse(text, POINTS.get, lambda: POINTS, unit=unit)


def numbered(inputs: dict[str, tuple[float, int]]) -> dict[int, tuple[float, int]]:
    """Values by the points' numbers, as a program wants them."""
    return {POINTS[name].number: pair for name, pair in inputs.items()}
