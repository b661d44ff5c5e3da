"""The forms that lines are written in: columns as data, the choices of their cells, and the deviations of a HAZOP node."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from anlan.model.errors import InputError
from anlan.model.words import Label
from anlan.risk.worksheets.methods import Method, load, words

Type = Literal["text", "words", "choice", "choices", "number", "links", "factor", "computed"]
MOST: dict[str, int] = {"text": 300, "words": 2000, "choice": 200, "choices": 300, "number": 40, "links": 1000, "factor": 200}
"""Characters of one cell."""


@dataclass(frozen=True, slots=True)
class Choice:
    id: str
    words: Label


@dataclass(frozen=True, slots=True)
class Column:
    """`choices`: what a cell of type choice, choices or factor may hold. A computed one is never written by anybody."""

    name: str
    type: Type
    words: Label
    help: Label = field(default_factory=Label)
    required: bool = False
    choices: tuple[Choice, ...] = ()

    def choice(self, text: str) -> Choice | None:
        """By its id or its words in either language, as people type them."""
        wanted = text.strip().casefold()
        for one in self.choices:
            if wanted in {one.id.casefold(), one.words.zh.casefold(), one.words.en.casefold(), shown(one, self.type).casefold()}:
                return one
        return None


@dataclass(frozen=True, slots=True)
class Form:
    id: str
    name: Label
    standard: Label
    confidence: str
    before: tuple[Column, ...]
    after: tuple[Column, ...]

    def columns(self, method: Method) -> tuple[Column, ...]:
        """In order, with the method's factors, its product, level and colour between."""
        factors = tuple(
            Column(
                one.name,
                "factor",
                Label(zh=f"{one.name} {one.words.zh}", en=f"{one.name} {one.words.en}"),
                choices=tuple(Choice(v.value, v.words) for v in one.values),
            )
            for one in method.factors
        )
        computed = (
            Column("product", "computed", Label(zh=f"风险值 {method.symbol}", en=f"Product {method.symbol}")),
            Column("colour", "computed", Label(zh="风险等级", en="Risk level")),
        )
        return (*self.before, *factors, *computed, *self.after)


def shown(choice: Choice, type: Type, language: str = "zh") -> str:
    """ "3 可能,但不经常" for a step of a scale and a code, the words alone for others."""
    return (
        f"{choice.id} {choice.words.text(language)}" if type == "factor" or choice.id.isdigit() else choice.words.text(language)
    )


def form(id: str) -> Form:
    """Raises InputError for one that is not in the data."""
    found = forms().get(id)
    if found is None:
        raise InputError("there is no form {found}; one of {expected} was expected", found=id, expected=", ".join(forms()))
    return found


@cache
def forms() -> dict[str, Form]:
    told = load("forms.yaml")
    lists = {name: tuple(Choice(one["id"], words(one)) for one in some) for name, some in told["choices"].items()}
    lists["gb13861"] = _hazard_factors()
    return {id: _form(id, one, lists) for id, one in told.items() if id not in {"choices", "deviations"}}


def _form(id: str, told: dict[str, Any], lists: dict[str, tuple[Choice, ...]]) -> Form:
    before, after = (tuple(_column(one, lists) for one in told[part]) for part in ("before", "after"))
    return Form(id, Label(**told["name"]), Label(**told["standard"]), told["confidence"], before, after)


def _column(told: dict[str, Any], lists: dict[str, tuple[Choice, ...]]) -> Column:
    return Column(
        told["name"],
        told["type"],
        words(told),
        Label(zh=told.get("help_zh", ""), en=told.get("help_en", "")),
        told.get("required", False),
        lists[told["choices"]] if "choices" in told else (),
    )


def _hazard_factors() -> tuple[Choice, ...]:
    """GB/T 13861-2022: the codes that name something, its headings left out."""
    text = (files("anlan.risk.worksheets") / "data" / "gb13861_codes.csv").read_text("utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    heads = {row["code"][:n] for row in rows for n in range(1, len(row["code"]))}
    return tuple(Choice(row["code"], Label(zh=row["name"])) for row in rows if row["code"] not in heads)


@dataclass(frozen=True, slots=True)
class Deviation:
    parameter: str
    guide_word: str
    words: Label


def deviations(parameters: Sequence[str] = ()) -> Iterator[Deviation]:
    """What the wizard proposes for a node, of these parameters or of all. Raises InputError for a parameter that is not known."""
    table = _deviations()
    for parameter in parameters or table:
        if parameter not in table:
            raise InputError(
                "there is no parameter {found}; one of {expected} was expected", found=parameter, expected=", ".join(table)
            )
        for guide_word, (zh, en) in table[parameter].items():
            yield Deviation(parameter, guide_word, Label(zh=zh, en=en))


@cache
def _deviations() -> dict[str, dict[str, tuple[str, str]]]:
    found: dict[str, dict[str, tuple[str, str]]] = load("forms.yaml")["deviations"]
    return found
