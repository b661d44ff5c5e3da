"""S, R and the level of one unit, each step with the row or clause it rests on.

What isn't known is carried: a sum with an unknown part is a lower bound, a level from it is "at least as grave as". What the tables' reader
filled in from memory (未核对原文) is shown and makes a result provisional; it can't be signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from anlan.model.languages import translate
from anlan.risk.hazards.config import NOT_LISTED, REACH, Content, HazardUnit, Residents
from anlan.risk.hazards.standard import HazardClass, NamedSubstance, Standard, gb18218


@dataclass(frozen=True, slots=True)
class Step:
    """A sentence in both languages; facts that have a text of their own are told in the same one."""

    message: str
    facts: Mapping[str, Any]

    def text(self, language: str) -> str:
        facts = {
            k: v.text(language) if hasattr(v, "text") else decimal(v) if isinstance(v, Fraction) else v
            for k, v in self.facts.items()
        }
        return translate(self.message, language).format(**facts)


def say(message: str, **facts: Any) -> Step:
    return Step(message, facts)


@dataclass(frozen=True, slots=True)
class Line:
    """What one content adds. `q`, `threshold` t; None is unknown. `counts` is False for what falls under no table."""

    content: Content
    q: Fraction | None
    threshold: Fraction | None = None
    beta: Fraction | None = None
    row: str = ""
    """Of which table: "1/12" or "2/W5.3"."""
    counts: bool = True
    provisional: bool = False
    steps: tuple[Step, ...] = ()
    missing: tuple[Step, ...] = ()

    @property
    def ratio(self) -> Fraction | None:
        """q/Q."""
        if not self.counts:
            return Fraction(0)
        return None if self.q is None or self.threshold is None else self.q / self.threshold

    @property
    def weighted(self) -> Fraction | None:
        """β q/Q."""
        if not self.counts:
            return Fraction(0)
        return None if self.ratio is None or self.beta is None else self.ratio * self.beta


@dataclass(frozen=True, slots=True)
class Identification:
    """The answer for one unit. `s` and `r_low` are lower bounds where `missing` names something; `r_high` is None without an upper bound."""

    unit: HazardUnit
    edition: str
    lines: tuple[Line, ...]
    s: Fraction
    s_complete: bool
    people: int | None
    alpha: Fraction | None
    r_low: Fraction
    r_high: Fraction | None
    level_at_least: int
    """As grave as this or graver; 0 while S is below 1."""
    level_known: bool
    provisional: bool
    steps: tuple[Step, ...]
    missing: tuple[Step, ...] = field(default=())

    @property
    def major(self) -> bool | None:
        """Whether it is a major hazard; None while an unknown part decides."""
        return True if self.s >= 1 else False if self.s_complete else None

    @property
    def r(self) -> Fraction | None:
        return self.r_low if self.r_low == self.r_high else None

    @property
    def level(self) -> int | None:
        """1 to 4, 0 for no major hazard, None while it is open."""
        return self.level_at_least if self.level_known else None

    @property
    def complete(self) -> bool:
        """Whether a person may sign it."""
        return not self.missing and not self.provisional


def identify(unit: HazardUnit, residents: Residents | None, standard: Standard | None = None) -> Identification:
    """GB 18218-2018, 4.2 and 4.3, for `unit`."""
    tables = standard or gb18218()
    lines = tuple(_line(one, tables) for one in unit.contents)
    missing = [step for line in lines for step in line.missing]
    if not lines:
        missing.append(say("unit {unit} has no contents", unit=unit.id))
    s = sum((line.ratio or Fraction(0) for line in lines), Fraction(0))
    complete = bool(lines) and all(line.ratio is not None for line in lines)
    steps = [_sum_step(lines, s, complete)]
    people, alpha = (None, None) if residents is None else (residents.within, tables.alpha(residents.within))
    weighted = sum((line.weighted or Fraction(0) for line in lines), Fraction(0))
    known = bool(lines) and all(line.weighted is not None for line in lines)
    low, high = _alphas(alpha, tables)
    r_low, r_high = weighted * low, weighted * high if known else None
    if complete and s < 1:
        missing = []  # Neither β nor α nor a higher Q can make it one.
    elif residents is None:
        missing.append(say("the people within 500 m of the plant's boundary are not told (hazards: residents)"))
    if residents is not None:
        steps.append(_alpha_step(residents, tables.alpha(residents.within)))
    if s >= 1:
        steps.append(_r_step(lines, r_low, r_high, known))
    graver = tables.level(r_low)
    level_known = (r_high is not None and tables.level(r_high) == graver) or graver == 1
    if s < 1:
        graver, level_known = 0, complete
    else:
        steps.append(say("level {level} by R (table 6; 100, 50 and 10 belong to the graver side)", level=graver) if level_known
                     else say("level {level} or graver: not all is known (table 6)", level=graver))  # fmt: skip
    return Identification(
        unit=unit,
        edition=tables.edition,
        lines=lines,
        s=s,
        s_complete=complete,
        people=people,
        alpha=alpha,
        r_low=r_low,
        r_high=r_high,
        level_at_least=graver,
        level_known=level_known,
        provisional=s >= 1 and any(line.provisional for line in lines),
        steps=tuple(steps),
        missing=tuple(missing),
    )


# --- one substance ---------------------------------------------------------------------------------------------------------


def _line(content: Content, tables: Standard) -> Line:
    quantity = _quantity_step(content)
    missing = [] if content.quantity is not None else [quantity]
    steps = [quantity] if content.quantity is not None else []
    rows = [] if content.mixture == "other" else tables.named(content.cas, content.substance, content.row)
    if rows:
        return _by_name(content, rows, tables, steps, missing)
    if content.classes == (NOT_LISTED,):
        steps.append(say("by the plant's own statement under no class of table 2: counts 0"))
        return Line(content, content.quantity, counts=False, steps=tuple(steps), missing=tuple(missing))
    classes = [tables.classes[one] for one in content.classes if one in tables.classes]
    if classes:
        return _by_class(content, classes, tables, steps, missing)
    missing.append(say("{content}: {substance} is not in table 1; its class of table 2 is not told (classes)",
                       content=content.id, substance=content.substance or content.cas))  # fmt: skip
    return Line(content, content.quantity, steps=tuple(steps), missing=tuple(missing))


def _by_name(content: Content, rows: Sequence[NamedSubstance], tables: Standard, steps: list[Step], missing: list[Step]) -> Line:
    row = min(rows, key=lambda one: one.threshold)
    if content.classes == (NOT_LISTED,):
        steps.append(say("`none` speaks of table 2 alone; this stands in table 1 (a mixture of another class: mixture: other)"))
    if content.mixture == "same":
        steps.append(say("a mixture of the same hazard class as the pure substance: counts whole as it (4.2)"))
    steps.append(say("Q {threshold} t: table 1, row {row}, {name}", threshold=row.threshold, row=row.number, name=row.name))
    if len(rows) > 1:
        several = ", ".join(f"{one.number} {one.name} ({decimal(one.threshold)} t)" for one in rows)
        missing.append(say("{content}: its CAS number and name fit several rows of table 1, the lowest Q is taken until row is told: {rows}",
                           content=content.id, rows=several))  # fmt: skip
    beta, provisional = _beta(content, row, tables, steps, missing)
    return Line(
        content,
        content.quantity,
        row.threshold,
        beta,
        f"1/{row.number}",
        provisional=provisional,
        steps=tuple(steps),
        missing=tuple(missing),
    )


def _beta(
    content: Content, row: NamedSubstance, tables: Standard, steps: list[Step], missing: list[Step]
) -> tuple[Fraction | None, bool]:
    """β and whether it is 未核对原文: table 3 by name, else table 4 by the classes that the plant tells."""
    by_name = tables.beta(content.cas, content.substance, *row.cas, row.name)
    if by_name is not None:
        steps.append(say("β {beta}: table 3 by name", beta=by_name))
        return by_name, False
    classes = [tables.classes[one] for one in content.classes if one in tables.classes]
    if classes:
        gravest = max(classes, key=lambda one: one.beta)
        steps.append(_class_beta(gravest, several=len(classes) > 1))
        return gravest.beta, False
    if row.suggested_beta is not None:
        steps.append(say("β {beta}: table 4, the class is not checked against the original ({basis})",
                         beta=row.suggested_beta, basis=row.basis))  # fmt: skip
        return row.suggested_beta, True
    missing.append(say("{content}: β of {substance} goes by its class of table 4, which is not told (classes)",
                       content=content.id, substance=row.name))  # fmt: skip
    return None, False


def _by_class(content: Content, classes: Sequence[HazardClass], tables: Standard, steps: list[Step], missing: list[Step]) -> Line:
    lowest = min(classes, key=lambda one: (one.threshold, -one.beta))
    gravest = max(classes, key=lambda one: one.beta)
    by_name = tables.beta(content.cas, content.substance) if content.mixture != "other" else None
    if content.mixture == "other":
        steps.append(say("a mixture of another hazard class than the pure substance: by its own class (4.2)"))
    several = say(", the lowest of several classes") if len(classes) > 1 else Step("", {})
    steps.append(say("Q {threshold} t: table 2, {symbol} {hazard}, {category}{several}", threshold=lowest.threshold,
                     symbol=lowest.symbol, hazard=lowest.hazard, category=lowest.category, several=several))  # fmt: skip
    steps.append(
        _class_beta(gravest, several=len(classes) > 1) if by_name is None else say("β {beta}: table 3 by name", beta=by_name)
    )
    return Line(
        content,
        content.quantity,
        lowest.threshold,
        gravest.beta if by_name is None else by_name,
        f"2/{lowest.symbol}",
        steps=tuple(steps),
        missing=tuple(missing),
    )


def _class_beta(one: HazardClass, *, several: bool) -> Step:
    if several:
        return say("β {beta}: table 4, {symbol}; the highest of several classes, for the standard names none", beta=one.beta,
                   symbol=one.symbol)  # fmt: skip
    return say("β {beta}: table 4, {symbol}", beta=one.beta, symbol=one.symbol)


def _quantity_step(content: Content) -> Step:
    if content.tonnes is not None:
        return say("q {tonnes} t: design maximum quantity", tonnes=Fraction(content.tonnes))
    if content.quantity is None:
        return say(
            "{content}: its design maximum quantity is not told (tonnes, or capacity, filling and density)", content=content.id
        )
    return say("q {tonnes} t: {capacity} m³ × {filling} × {density} kg/m³", tonnes=content.quantity, capacity=content.capacity,
               filling=content.filling, density=content.density)  # fmt: skip


# --- the unit --------------------------------------------------------------------------------------------------------------


def _alphas(alpha: Fraction | None, tables: Standard) -> tuple[Fraction, Fraction]:
    values = [band.value for band in tables.alphas] if alpha is None else [alpha]
    return min(values), max(values)


def _terms(parts: Iterable[str]) -> str:
    return " + ".join(parts) or "0"


def _sum_step(lines: Sequence[Line], s: Fraction, complete: bool) -> Step:
    terms = _terms(f"{decimal(line.q)}/{decimal(line.threshold)}" for line in lines if line.counts and line.ratio is not None)
    if complete:
        return say("S = Σ q/Q = {terms} = {s} (4.2)", terms=terms, s=s)
    return say("S = Σ q/Q = {terms} + unknown ≥ {s} (4.2)", terms=terms, s=s)


def _alpha_step(residents: Residents, alpha: Fraction) -> Step:
    if residents.people is not None:
        return say("α {alpha}: table 5, {people} people within 500 m, {source}, {day}", alpha=alpha, people=residents.people,
                   source=residents.source, day=residents.counted_on.isoformat())  # fmt: skip
    farther = sum(1 for one in residents.groups if one.distance > REACH)
    return say("α {alpha}: table 5, {people} people within 500 m ({farther} groups lie farther), {source}, {day}", alpha=alpha,
               people=residents.within, farther=farther, source=residents.source, day=residents.counted_on.isoformat())  # fmt: skip


def _r_step(lines: Sequence[Line], low: Fraction, high: Fraction | None, known: bool) -> Step:
    terms = _terms(
        f"{decimal(line.beta)}×{decimal(line.q)}/{decimal(line.threshold)}"
        for line in lines
        if line.counts and line.weighted is not None
    )
    if low == high:
        return say("R = α Σ β q/Q = α × ({terms}) = {r} (4.3)", terms=terms, r=low)
    if known and high is not None:
        return say("R = α Σ β q/Q, α × ({terms}), between {low} and {high}: α is unknown (4.3)", terms=terms, low=low, high=high)
    return say("R = α Σ β q/Q, α × ({terms} + unknown) ≥ {low} (4.3)", terms=terms, low=low)


def decimal(value: Fraction | None, places: int = 4) -> str:
    """Cut off, not rounded, so that 0.99996 isn't read as 1. Two digits at least survive a small number.

    >>> decimal(Fraction(99_999, 10_000)), decimal(Fraction(2, 3)), decimal(Fraction(0)), decimal(None)
    ('9.9999', '0.6666', '0', '–')
    """
    if value is None:
        return "–"
    while value and abs(value) * 10**places < 10 and places < 12:
        places += 1
    whole, rest = divmod(int(abs(value) * 10**places), 10**places)
    digits = f"{rest:0{places}d}".rstrip("0")
    return ("-" if value < 0 else "") + (f"{whole}.{digits}" if digits else str(whole))
