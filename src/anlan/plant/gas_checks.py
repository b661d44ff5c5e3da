"""Set points of gas detectors against GB/T 50493-2019: what is set above the standard's highest value is refused.

In: `model/data/gas_limits.csv` (level 1 is H, level 2 is HH). A limit in another unit is first converted on the stated basis (section
`data`). Where the standard's number, or the gas's property that the conversion needs, was not read in the source's own text, the
finding only warns and says 未核对原文.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from anlan.model.errors import UnitError
from anlan.model.events.alarms import AlarmKind
from anlan.model.gases import VERIFIED, Property, substance
from anlan.model.kinds import Kind, kinds
from anlan.model.points import Point
from anlan.model.principles import principles
from anlan.model.tables import read_table
from anlan.model.units import Conditions, Form, convert, unit
from anlan.monitor.config import SUFFIX, AlarmRule
from anlan.plant.draft import Draft
from anlan.plant.findings import Findings, Where

LEVELS = {AlarmKind.HIGH: "1", AlarmKind.HIGH_HIGH: "2"}
ROUNDING = 1.05
"""A converted limit may exceed the standard's by 5 %: detectors are set in steps, and ppm of a mg/m³ value is rounded."""

FULL_TOXIC_RANGE = 300.0
"""A toxic detector should measure 0–300 %OEL (GB/T 50493); one that cannot may be set by IDLH instead. [%OEL] (from memory)"""


@dataclass(frozen=True, slots=True)
class GasLimit:
    unit: str
    limit: float
    clause: str
    verified: bool


@cache
def gas_limits() -> dict[tuple[str, str, str], GasLimit]:
    """(hazard, level, unit) → the highest set point; for oxygen the level is "low" or "high"."""
    return {
        (row["hazard"], row["level"], row["unit"]): GasLimit(
            row["unit"], float(row["limit"]), row["clause"], row["confidence"] == VERIFIED
        )
        for row in read_table("gas_limits.csv")
    }


def check_gas(point: Point, kind: Kind, rules: Mapping[AlarmKind, AlarmRule], draft: Draft, findings: Findings) -> None:
    """All that holds for one gas detector."""
    check = _Detector(point, kind, draft, findings)
    check.principle()
    if not check.gas_is_known():
        return
    if kind.hazard == "oxygen":
        check.oxygen(rules)
        return
    for alarm_kind, level in LEVELS.items():
        if alarm_kind in rules:
            check.level(rules[alarm_kind], level)


def check_vote_limit(vote: str, limit: float, member: Point, where: Where, draft: Draft, findings: Findings) -> None:
    """The set point of a voting group of gas detectors, which is its own: where the vote acts is the second level."""
    kind = kinds()[member.kind]
    if kind.hazard not in {"combustible", "combustible_line", "toxic"} or not member.gas:
        return
    draft.where.setdefault(("rule", vote), where)
    rule = AlarmRule(id=vote, point=member.id, kind=AlarmKind.HIGH_HIGH, limit=limit)
    _Detector(member, kind, draft, findings).level(rule, LEVELS[AlarmKind.HIGH_HIGH])


@dataclass(slots=True)
class _Detector:
    point: Point
    kind: Kind
    draft: Draft
    findings: Findings

    def principle(self) -> None:
        """What decides whether a reading over range is held: how a detector of combustible gas measures, and where its range ends."""
        where = self.draft.where["point", self.point.id]
        if self.kind.hazard == "combustible" and not self.point.principle:
            message = (
                "{id}: the detector does not say how it measures, so a reading over range is not held until it is reset on site"
            )
            mend = "fill the column principle, for example catalytic or infrared"
            self.findings.warning("no-principle", message, where, mend=mend, id=self.point.id)
        latches = bool(self.point.principle) and principles()[self.point.principle].latches
        if latches and self.point.range_high is None:
            message = "{id}: the end of its range is not given, so a reading over range can only be known if the device says so"
            self.findings.warning("no-range", message, where, mend="fill the column range_high", id=self.point.id)

    def gas_is_known(self) -> bool:
        """A gas unit means nothing without its gas; %LEL can at least be compared with %LEL."""
        where = self.draft.where["point", self.point.id]
        for gas in filter(None, (self.point.gas, self.point.calibration_gas)):
            try:
                substance(gas)
            except UnitError as wrong:
                self.findings.wrong("gas", wrong, where)
                return False
        if not self.point.gas and self.kind.hazard != "oxygen":
            mend = "fill the column gas, for example 氯 or CH4"
            message = "{id}: the detector does not say for which gas"
            tell = self.findings.mistake if self.kind.hazard == "toxic" else self.findings.warning
            tell("no-gas", message, where, mend=mend, id=self.point.id)
            return self.kind.hazard != "toxic"
        return True

    def level(self, rule: AlarmRule, level: str) -> None:
        if unit(self.point.unit).dimension == "idlh_fraction":
            self._compare(rule, gas_limits()[self.kind.hazard, level, "%IDLH"], None)
            return
        wanted = {"combustible": "%LEL", "combustible_line": "LEL.m", "toxic": "%OEL"}[self.kind.hazard]
        limit = gas_limits()[self.kind.hazard, level, wanted]
        if self.kind.hazard != "toxic" or not self._fallback(rule, level, limit):
            self._compare(rule, limit, self._property(wanted))

    def oxygen(self, rules: Mapping[AlarmKind, AlarmRule]) -> None:
        low, high = gas_limits()["oxygen", "low", "%VOL"], gas_limits()["oxygen", "high", "%VOL"]
        for rule in rules.values():
            value = rule.limit
            if value is None:
                continue
            share = convert(value, self._form(), Form("%VOL"))
            is_low = rule.kind in (AlarmKind.LOW, AlarmKind.LOW_LOW)
            if (rule.kind is AlarmKind.LOW and share < low.limit) or (rule.kind is AlarmKind.HIGH and share > high.limit):
                self._tell(rule, low if is_low else high, share, fatal=False, above=not is_low)

    def _compare(self, rule: AlarmRule, limit: GasLimit, rests_on: Property | None) -> None:
        value = self._converted(rule, limit.unit)
        same_unit = unit(self.point.unit).dimension == unit(limit.unit).dimension
        if value is not None and value > limit.limit * (1 + 1e-9 if same_unit else ROUNDING):
            fatal = limit.verified and (same_unit or rests_on is None or rests_on.verified)
            self._tell(rule, limit, value, fatal=fatal, above=True)

    def _fallback(self, rule: AlarmRule, level: str, limit: GasLimit) -> bool:
        """Whether the detector's range cannot show %OEL, and its limit keeps to the share of IDLH that then holds."""
        try:
            reach = self._convert(self.point.range_high or 0.0, "%OEL")
            value, share = self._convert(rule.limit or 0.0, "%OEL"), self._convert(rule.limit or 0.0, "%IDLH")
        except UnitError:
            return False
        idlh = gas_limits()["toxic", level, "%IDLH"].limit
        wide = reach > FULL_TOXIC_RANGE and unit(self.point.unit).dimension != "oel_fraction"
        if not wide or value <= limit.limit * ROUNDING or share > idlh * ROUNDING:
            return False
        message = (
            "{rule}: {value:.3g} %OEL is above {limit:g} %OEL, but within {idlh:g} %IDLH, "
            "which holds because the detector reaches to {reach:.0f} %OEL ({clause})"
        )
        facts: dict[str, Any] = {"value": value, "limit": limit.limit, "idlh": idlh, "reach": reach, "clause": limit.clause}
        self.findings.warning("gas-limit-idlh", message, self.draft.where["rule", rule.id], rule=rule.id, **facts)
        return True

    def _tell(self, rule: AlarmRule, limit: GasLimit, value: float, *, fatal: bool, above: bool) -> None:
        side = "above" if above else "below"
        message = "{rule}: {kind} is {value:.4g} {unit}, " + side + " {limit:g} {unit} of {clause}"
        facts: dict[str, Any] = {
            "kind": SUFFIX[rule.kind],
            "value": value,
            "unit": limit.unit,
            "limit": limit.limit,
            "clause": limit.clause,
        }
        where = self.draft.where["rule", rule.id]
        if fatal:
            self.findings.mistake("gas-limit", message, where, mend="set it to {limit:g} {unit} or lower", rule=rule.id, **facts)
        else:
            self.findings.warning(
                "gas-limit-unverified",
                message + " (numbers not verified against the original text)",
                where,
                rule=rule.id,
                **facts,
            )

    def _converted(self, rule: AlarmRule, target: str) -> float | None:
        try:
            return self._convert(rule.limit or 0.0, target)
        except UnitError as why:
            message = "{rule}: its limit in {unit} cannot be compared with {target}: {why}"
            where = self.draft.where["rule", rule.id]
            self.findings.warning(
                "gas-limit-unknown", message, where, rule=rule.id, unit=self.point.unit, target=target, why=why.text()
            )
            return None

    def _convert(self, value: float, target: str) -> float:
        data = self.draft.data
        conditions = Conditions(data.gas_temperature, data.atmospheric_pressure, data.atmospheric_pressure)
        return convert(value, self._form(), Form(target, gas=self.point.gas), conditions)

    def _form(self) -> Form:
        return Form(self.point.unit, gas=self.point.gas)

    def _property(self, wanted: str) -> Property | None:
        if not self.point.gas:
            return None
        gas = substance(self.point.gas)
        return gas.oel if wanted == "%OEL" else gas.lel
