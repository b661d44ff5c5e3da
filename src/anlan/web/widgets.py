"""Pieces that pages share: a live value's place, a point's unit as it is printed, an empty state that helps."""

from __future__ import annotations

import json
from typing import Any

from anlan.model.languages import Language, translate
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.web.client_words import unit_signs
from anlan.web.markup import Markup, el

BASES = {"gauge": "(g)", "absolute": "(a)", "normal": "(normal)", "actual": "(actual)"}
"""Pressure says gauge or absolute, flow normal or actual (DOMAIN.md 7): msgids."""


def unit_label(point: Point) -> Label:
    """`unit_text` in both languages, for rows that go to browsers of either."""
    return Label(zh=unit_text(point, "zh"), en=unit_text(point, "en"))


def unit_text(point: Point, language: Language) -> str:
    """ "MPa(表)", "m³/h(标况)", "ppm": the unit with the basis without which its number says nothing."""
    signs = unit_signs(language)
    whole, stroke, per = point.unit.rpartition("/")  # ℃/min of a calculated point stands in no table
    sign = signs.get(point.unit) or (f"{signs.get(whole, whole)}{stroke}{per}" if whole else point.unit)
    basis = BASES.get(point.pressure_basis or point.flow_basis)
    return sign + translate(basis, language) if basis and sign else sign


def name_beside_id(point: Point, language: Language) -> str:
    """The name without the id that many plants repeat in it: "SIF-01" "R-101 压力高高停车"."""
    return point.name.text(language).removeprefix(point.id).strip() or point.id


def states_of(point: Point) -> dict[int, dict[str, str]] | None:
    """Names of a discrete point's states for the scripts; None for a measured one."""
    return {number: {"zh": name.zh, "en": name.en} for number, name in point.states.items()} or None


def meta(point: Point, language: Language) -> dict[str, Any]:
    """What a script needs to show this point's value where no element waits for it yet."""
    return {"point": point.id, "decimals": point.decimals, "unit": unit_text(point, language), "states": states_of(point)}


def live_value(point: Point, language: Language) -> Markup:
    """Where the shared stream shows this point's value, unit, quality and age (`static/values.js`)."""
    states = states_of(point)
    return el(
        "anlan-value",
        point=point.id,
        decimals=point.decimals,
        unit="" if states else unit_text(point, language),
        states=json.dumps(states, ensure_ascii=False) if states else None,
    )


def empty(what: str, help_text: str = "", *further: Any) -> Markup:
    """Nothing to show, and what to do about it."""
    return el("div", el("strong", what), el("span", help_text) if help_text else None, *further, cls="empty")
