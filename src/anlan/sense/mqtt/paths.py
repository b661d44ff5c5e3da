"""A small JSON path: `$.a.b`, `$['a b'].c`, `$.list[2]`, and in the path of items one `[*]`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from anlan.model.errors import InputError

Step = str | int | None
"""A member's name, an element's index, or None for every element."""

_STEP = re.compile(r"\.([^.\[\]'\"\s]+)|\[(\d+)\]|\['([^']+)'\]|\[(\*)\]")


class Missing(Exception):
    """The document has nothing at the path; the text says where it ends."""


def parse(text: str) -> tuple[Step, ...]:
    """The steps of a path; InputError points at the character that is wrong."""
    if not text.startswith("$"):
        raise InputError("JSON path {path!r} must start with $, e.g. $.value", path=text)
    steps: list[Step] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise InputError(
                "JSON path {path!r}: {found!r} at character {at} is not .name, [2], ['name'] or [*]",
                path=text,
                found=text[at:],
                at=at + 1,
            )
        name, index, quoted, _ = match.groups()
        steps.append(int(index) if index else name or quoted)
        at = match.end()
    return tuple(steps)


def find(document: Any, steps: tuple[Step, ...]) -> Any:
    """What lies at the path; raises Missing."""
    for number, step in enumerate(steps):
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            raise Missing(f"nothing at {shown(steps[: number + 1])}") from None
    return document


def each(document: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    """Everything at a path with one `[*]`; without one, the single thing at the path."""
    if None not in steps:
        yield find(document, steps)
        return
    star = steps.index(None)
    many = find(document, steps[:star])
    if not isinstance(many, list):
        raise Missing(f"no list at {shown(steps[:star])}")
    for item in many:
        yield from each(item, steps[star + 1 :])


def shown(steps: tuple[Step, ...]) -> str:
    return "$" + "".join("[*]" if s is None else f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps)
