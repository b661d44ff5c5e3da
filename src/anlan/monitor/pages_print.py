"""The button with which a page is put on paper: the node sets the PDF, a new tab shows it."""

from __future__ import annotations

from functools import partial

from anlan.model.languages import Language, translate
from anlan.web.markup import Markup, el

PERIODS = (("shift", "this shift"), ("day", "24 h"), ("7d", "7 d"), ("30d", "30 d"))


def printing(what: str, language: Language, periods: tuple[tuple[str, str], ...] = ()) -> Markup:
    """`what`: a route below /api/v1/print; `periods`: of what has one, window and words."""
    say = partial(translate, language=language)
    options = [el("option", say(words), value=name) for name, words in periods]
    choice = el("select", options, cls="field", name="window", aria_label=say("Period")) if periods else None
    button = el("button", say("Print"), type="submit", cls="button")
    return el("form", choice, button, action=f"/api/v1/print/{what}", method="get", target="_blank", cls="print")
