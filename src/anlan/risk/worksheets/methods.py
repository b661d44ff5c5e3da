"""Scoring editions as data: scales, the exact product of the chosen values, the band it falls in and who owns the border.

>>> from anlan.risk.worksheets.methods import method
>>> found = method("lec-upper").score({"L": "3", "E": "6", "C": "15"})
>>> found.product, found.colour, found.rule
('270', 'orange', '160 < D ≤ 320')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from anlan.model.errors import InputError
from anlan.model.words import Label

Colour = Literal["red", "orange", "yellow", "blue"]
COLOURS: dict[Colour, Label] = {
    "red": Label(zh="重大 红", en="major, red"),
    "orange": Label(zh="较大 橙", en="considerable, orange"),
    "yellow": Label(zh="一般 黄", en="moderate, yellow"),
    "blue": Label(zh="低 蓝", en="low, blue"),
}
"""From the gravest down, as each is written beside its area (DOMAIN.md 17)."""
UNVERIFIED = {"X", "M"}


@dataclass(frozen=True, slots=True)
class Value:
    """One step of a scale, as the edition prints it."""

    value: str
    words: Label


@dataclass(frozen=True, slots=True)
class Factor:
    name: str
    words: Label
    values: tuple[Value, ...]

    def exact(self, value: str) -> Fraction:
        """Raises InputError for one that the scale does not have: nothing stands between two steps."""
        found = next((one for one in self.values if one.value == value), None)
        if found is None:
            raise InputError(
                "{factor} is {found}; one of {expected} was expected",
                factor=self.name,
                found=repr(value),
                expected=", ".join(one.value for one in self.values),
            )
        return Fraction(found.value)


@dataclass(frozen=True, slots=True)
class Band:
    """`limit` None: all that is left. `included`: the limit itself belongs to this band."""

    level: str
    colour: Colour
    limit: Fraction | None
    included: bool
    words: Label

    def holds(self, product: Fraction) -> bool:
        return self.limit is None or product > self.limit or (self.included and product == self.limit)


@dataclass(frozen=True, slots=True)
class Score:
    """`product` in decimal, exactly. `rule`: the band as inequality, "160 < D ≤ 320"."""

    product: str
    level: str
    colour: Colour
    rule: str
    words: Label


@dataclass(frozen=True, slots=True)
class Method:
    """One edition. `symbol`: the letter of the product."""

    id: str
    family: str
    name: Label
    source: Label
    clause: Label
    confidence: str
    formula: str
    factors: tuple[Factor, ...]
    bands: tuple[Band, ...]

    @property
    def symbol(self) -> str:
        return self.formula.partition("=")[0]

    @property
    def unverified(self) -> bool:
        """Its numbers were not held against the text of a standard: 未核对原文 stands beside them."""
        return self.confidence in UNVERIFIED

    def score(self, values: Mapping[str, str]) -> Score | None:
        """None while a factor is missing: a line that was not assessed has no colour, not the lowest. Raises InputError."""
        product = Fraction(1)
        whole = True
        for factor in self.factors:
            given = values.get(factor.name, "")
            if given == "":
                whole = False
            else:
                product *= factor.exact(given)
        return self._of(product) if whole else None

    def _of(self, product: Fraction) -> Score:
        at = next(i for i, band in enumerate(self.bands) if band.holds(product))
        band = self.bands[at]
        return Score(_decimal(product), band.level, band.colour, self.rule(at), band.words)

    def rule(self, at: int) -> str:
        """The band `at` as an inequality of the product."""
        band, symbol = self.bands[at], self.symbol
        above = self.bands[at - 1] if at else None
        lower = f"{_decimal(band.limit)} {'≤' if band.included else '<'} " if band.limit is not None else ""
        upper = f" {'<' if above.included else '≤'} {_decimal(above.limit)}" if above and above.limit is not None else ""
        if upper or band.limit is None:
            return f"{lower}{symbol}{upper}"
        return f"{symbol} {'≥' if band.included else '>'} {_decimal(band.limit)}"


def _decimal(exact: Fraction) -> str:
    """All scales are decimal, so that every product is."""
    text = format(Decimal(exact.numerator) / Decimal(exact.denominator), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def method(id: str) -> Method:
    """Raises InputError for one that is not in the data."""
    found = methods().get(id)
    if found is None:
        raise InputError("there is no method {found}; one of {expected} was expected", found=id, expected=", ".join(methods()))
    return found


@cache
def methods() -> dict[str, Method]:
    return {id: _method(id, told) for id, told in load("methods.yaml").items()}


def load(name: str) -> Any:
    """A data file of this part."""
    from ruamel.yaml import YAML

    return YAML(typ="safe").load((files("anlan.risk.worksheets") / "data" / name).read_text("utf-8"))


def _method(id: str, told: dict[str, Any]) -> Method:
    factors = tuple(
        Factor(one["name"], words(one), tuple(Value(v["value"], words(v)) for v in one["values"])) for one in told["factors"]
    )
    return Method(
        id,
        told["family"],
        Label(**told["name"]),
        Label(**told["source"]),
        Label(**told["clause"]),
        told["confidence"],
        told["formula"],
        factors,
        tuple(_band(one) for one in told["bands"]),
    )


def _band(told: dict[str, Any]) -> Band:
    limit = told.get("from", told.get("above"))
    return Band(told["level"], told["colour"], Fraction(limit) if limit is not None else None, "from" in told, words(told))


def words(told: dict[str, Any]) -> Label:
    return Label(zh=told.get("zh", ""), en=told.get("en", ""))
