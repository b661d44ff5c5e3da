"""Markup as values: `el("td", name, cls="number")` gives escaped HTML that can only be joined with escaped HTML.

Pages here are plain markup that a small script fills from the shared stream; a tree of server-side elements per browser, which is
what NiceGUI otherwise keeps, would cost memory and encoding for each viewer.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

_VOID = frozenset({"input", "br", "hr", "img", "meta", "link"})


class Markup(str):
    """A string that is already safe HTML."""

    __slots__ = ()


def el(tag: str, *children: object, cls: str = "", **attributes: object) -> Markup:
    """One element. Plain strings are escaped, `Markup` is not, None and False attributes are left out, True stands alone.

    An underscore in an attribute's name becomes a dash, one at its end is dropped: `for_`, `data_point`, `aria_label`.
    """
    if cls:
        attributes = {"class": cls, **attributes}
    opening = f"<{tag}{''.join(_attribute(name, value) for name, value in attributes.items())}>"
    return Markup(opening if tag in _VOID else f"{opening}{join(*children)}</{tag}>")


def join(*children: object) -> Markup:
    """Siblings, each escaped unless it is markup; lists are flattened and None leaves nothing."""
    return Markup("".join(_safe(child) for child in children))


def _safe(child: object) -> str:
    match child:
        case None | False:
            return ""
        case Markup():
            return child
        case list() | tuple():
            return join(*child)
        case _:
            return escape(str(child))


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def script_json(element_id: str, value: Any) -> Markup:
    """`value` as a JSON block that a script reads; nothing in it can close the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return Markup(f'<script type="application/json" id="{escape(element_id)}">{text}</script>')
