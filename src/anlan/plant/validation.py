"""Pydantic's verdicts as findings: each with the line of the key it is about, in words a plant's engineer knows."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from anlan.model.tables import nearest
from anlan.plant.findings import Findings, Where
from anlan.plant.yaml_file import Located, Path

M = TypeVar("M", bound=BaseModel)

EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "bool": "true or false",
    "string": "a text",
    "list": "a list",
    "tuple": "a list",
    "model": "keys with values",
    "dict": "keys with values",
    "date": "a date such as 2027-03-01",
}
"""First word of pydantic's error type → what should have stood there; each is a msgid."""

BOUNDS = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}


def validated(model: type[M], value: Any, located: Located, path: Path, findings: Findings) -> M | None:
    """`value` as `model`, or None with every mistake in `findings` at its line."""
    try:
        return model.model_validate(value)
    except ValidationError as failure:
        for problem in failure.errors(include_url=False):
            report(problem, model, located.where((*path, *problem["loc"])), findings)
        return None


def report(problem: Mapping[str, Any], model: type[BaseModel], where: Where, findings: Findings) -> None:
    """One entry of pydantic's `errors()` as one finding."""
    loc = problem["loc"]
    key = next((str(part) for part in reversed(loc) if isinstance(part, str)), "")
    kind, context, found = problem["type"], problem.get("ctx", {}), shown(problem["input"])
    if kind == "missing":
        findings.mistake("missing-key", "the key {key} is missing", where, key=key)
    elif kind == "extra_forbidden":
        unknown_key(key, _fields(model, loc[:-1]), where, findings)
    elif kind == "literal_error":
        findings.mistake(
            "value",
            "{key} was {found}; one of {expected} was expected",
            where,
            key=key,
            found=found,
            expected=context["expected"],
        )
    elif kind in BOUNDS:
        bound = f"{BOUNDS[kind]} {next(iter(context.values())):g}"
        findings.mistake("value", "{key} was {found}; a number {bound} was expected", where, key=key, found=found, bound=bound)
    elif kind == "value_error":
        findings.mistake("value", "{problem}", where, problem=str(context["error"]))
    elif kind == "too_short":
        findings.mistake("value", "{key} needs at least {least} entries", where, key=key, least=context["min_length"])
    else:
        _wrong_type(kind, key, found, str(problem["msg"]), where, findings)


def unknown_key(key: str, known: typing.Iterable[str], where: Where, findings: Findings) -> None:
    """A misspelt key is a mistake: a limit that nobody reads is a limit that doesn't exist."""
    names = sorted(known)
    close = nearest(key, names)
    if close:
        findings.mistake("unknown-key", "unknown key {key}", where, mend="did you mean {hint}?", key=key, hint=close)
    else:
        findings.mistake("unknown-key", "unknown key {key}", where, mend="known here: {hint}", key=key, hint=", ".join(names))


def shown(value: Any) -> str:
    """A value as it may stand in a message: short, texts in quotation marks."""
    if value is None or isinstance(value, bool):
        return {None: "empty", True: "true", False: "false"}[value]
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _wrong_type(kind: str, key: str, found: str, message: str, where: Where, findings: Findings) -> None:
    expected = EXPECTED.get(kind.split("_", maxsplit=1)[0])
    if expected is None:
        findings.mistake("value", "{key} was {found}: {problem}", where, key=key, found=found, problem=message)
    else:
        findings.mistake("value", "{key} was {found}; " + expected + " was expected", where, key=key, found=found)


def _fields(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """The keys that may stand at `loc` inside `model`."""
    here: type[BaseModel] | None = model
    for part in loc:
        if here is not None and isinstance(part, str) and part in here.model_fields:
            here = _model_in(here.model_fields[part].annotation)
    return list(here.model_fields) if here is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _model_in(part)) is not None), None)
