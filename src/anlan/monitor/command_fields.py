"""What a command in the log must hold, whatever it is about: each field of its type, none unknown, a known kind of step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anlan.model.errors import InputError


def check_fields(given: Mapping[str, Any], fields: Mapping[str, type], defaults: Mapping[str, Any], kinds: Sequence[str]) -> None:
    """Raises InputError that names the field. Types are exact: true is no number."""
    for name, kind in fields.items():
        value = given.get(name, defaults.get(name))
        if type(value) is not kind and not (name in defaults and value == defaults[name]):
            raise InputError(
                "command: {field} was {found}; {expected} was expected", field=name, found=repr(value), expected=kind.__name__
            )
    if unknown := sorted(set(given) - set(fields)):
        raise InputError("command: unknown field {field}", field=unknown[0])
    if given["kind"] not in kinds:
        raise InputError(
            "command: kind was {found}; one of {expected} was expected", found=repr(given["kind"]), expected=", ".join(kinds)
        )
