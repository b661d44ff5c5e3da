"""The register of major hazards as JSON, which API, page and files share, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from anlan.model.languages import translate
from anlan.model.words import Label
from anlan.risk.hazards.config import Residents
from anlan.risk.hazards.identification import Identification, Line, Step, decimal
from anlan.risk.hazards.standard import EDITION

MODEL = Label(zh="重大危险源辨识与分级", en="Identification and grading of major hazard installations")
VALID = Label(
    zh="生产、储存、使用和经营危险化学品的单元;不适用于核设施、军事设施、采矿活动、厂外运输、海上石油天然气开采",
    en="Units that make, store, use or trade dangerous chemicals; not nuclear or military sites, mining itself, transport off site, offshore production",
)


def as_json(found: Sequence[Identification], residents: Residents | None) -> dict[str, Any]:
    """All units; every number as a JSON number beside its exact text where one was computed."""
    return {
        "model": MODEL.model_dump(),
        "edition": EDITION,
        "valid_for": VALID.model_dump(),
        "residents": None
        if residents is None
        else {
            "people": residents.within,
            "counted_on": residents.counted_on.isoformat(),
            "source": residents.source.model_dump(),
        },
        "units": [unit_json(one) for one in found],
    }


def unit_json(one: Identification) -> dict[str, Any]:
    return {
        "id": one.unit.id,
        "name": one.unit.name.model_dump(),
        "kind": one.unit.kind,
        "places": list(one.unit.places),
        "edition": one.edition,
        "s": float(one.s),
        "s_exact": str(one.s),
        "s_text": decimal(one.s),
        "s_complete": one.s_complete,
        "alpha": None if one.alpha is None else float(one.alpha),
        "people": one.people,
        "r": None if one.r is None else float(one.r),
        "r_text": _bounds(one),
        "r_low": float(one.r_low),
        "r_low_exact": str(one.r_low),
        "r_high": None if one.r_high is None else float(one.r_high),
        "major": one.major,
        "level": one.level,
        "level_at_least": one.level_at_least or None,
        "provisional": one.provisional,
        "complete": one.complete,
        "contents": [line_json(line) for line in one.lines],
        "steps": [_both(step) for step in one.steps],
        "missing": [_both(step) for step in one.missing],
        "persons": one.unit.persons.model_dump(),
        "filing": None if one.unit.filing is None else one.unit.filing.model_dump(mode="json"),
    }


def line_json(line: Line) -> dict[str, Any]:
    content = line.content
    return {
        "id": content.id,
        "name": content.name.model_dump(),
        "substance": content.substance,
        "cas": content.cas,
        "q": _float(line.q),
        "q_text": decimal(line.q),
        "threshold": _float(line.threshold),
        "ratio": _float(line.ratio),
        "ratio_text": decimal(line.ratio),
        "beta": _float(line.beta),
        "row": line.row,
        "provisional": line.provisional,
        "steps": [_both(step) for step in line.steps],
        "missing": [_both(step) for step in line.missing],
    }


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _both(step: Step) -> dict[str, str]:
    return {"zh": step.text("zh"), "en": step.text("en")}


def _bounds(one: Identification) -> str:
    if one.r is not None:
        return decimal(one.r)
    return f"≥ {decimal(one.r_low)}" if one.r_high is None else f"{decimal(one.r_low)} … {decimal(one.r_high)}"


def level_words(one: Identification, language: str) -> str:
    """
    "2 级", "2 级或更高", "S < 1,不构成重大危险源" …
    """
    if one.major is None:
        return translate("not decided: not all is known", language)
    if not one.major:
        return translate("S < 1: no major hazard", language)
    message = "level {level}" if one.level_known else "level {level} or graver"
    mark = translate(" (not checked against the original)", language) if one.provisional else ""
    return translate(message, language).format(level=one.level_at_least) + mark


def in_words(found: Sequence[Identification], residents: Residents | None, language: str) -> Iterator[str]:
    """For a terminal."""

    def say(message: str, **facts: Any) -> str:
        return translate(message, language).format(**facts)

    yield f"{MODEL.text(language)}, {EDITION}"
    if not found:
        yield say("the folder has no section hazards: nothing was identified")
    for one in found:
        yield ""
        s = decimal(one.s) if one.s_complete else f"≥ {decimal(one.s)}"
        r = _bounds(one) if one.s >= 1 else "–"
        yield say("{id} {name}: S {s}, R {r}, {level}", id=one.unit.id, name=one.unit.name.text(language), s=s, r=r,
                  level=level_words(one, language))  # fmt: skip
        for line in one.lines:
            name = line.content.name.text(language)
            yield (
                f"  {line.content.id} {name} {line.content.substance or line.content.cas}".rstrip()
                + f"  q/Q {decimal(line.ratio)}"
            )
            yield from (f"    {step.text(language)}" for step in line.steps)
        yield from (f"  {step.text(language)}" for step in one.steps)
        yield from (say("  missing: {what}", what=step.text(language)) for step in one.missing)
        persons = one.unit.persons
        yield say("  named persons: {principal}, {technical}, {operating}", principal=persons.principal or "–",
                  technical=persons.technical or "–", operating=persons.operating or "–")  # fmt: skip
        if one.unit.filing is not None:
            yield say("  filing: {number}, {day}, {authority}", number=one.unit.filing.number, day=one.unit.filing.on or "–",
                      authority=one.unit.filing.authority or "–")  # fmt: skip
    if found:
        yield ""
        yield say("valid for: {what}", what=VALID.text(language))
