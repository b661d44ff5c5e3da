"""What the class of an alarm demands of a person's step (ISA-18.2 classification): a comment, no shelving, or none for so long. Pure."""

from __future__ import annotations

from typing import Any

from anlan.web.context import Demands

SLACK = 60.0
"""s that a console's clock may be off when it names the end of a shelving."""


def demand_against(one: Demands | None, kind: str, reason: str, seconds: float | None) -> tuple[str, dict[str, Any]] | None:
    """Why a step (`acknowledge`, `shelve` for so many seconds) is not what the alarm's class demands: a msgid and its facts; None if it is."""
    if one is None:
        return None
    if kind == "shelve" and not one.shelvable:
        return "the class {cls} of this alarm does not allow it to be shelved", {"cls": one.id}
    if kind == "shelve" and seconds is not None and one.max_shelving and seconds > one.max_shelving + SLACK:
        message = "the class {cls} of this alarm allows shelving for {most:g} s at the longest; {found:.0f} s was asked for"
        return message, {"cls": one.id, "most": one.max_shelving, "found": seconds}
    if kind == "acknowledge" and one.comment_required and not reason.strip():
        return "the class {cls} of this alarm demands a comment of who acknowledges it", {"cls": one.id}
    return None
