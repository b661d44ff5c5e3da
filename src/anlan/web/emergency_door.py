"""Two pages of a paired station that nobody needs to be signed in for: pairing it, and answering alarms when nobody can sign in."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import Request

from anlan.model.languages import Language, translate
from anlan.web import shell, theme
from anlan.web.client_words import client_words, quality_reasons, unit_signs
from anlan.web.context import Context
from anlan.web.markup import Markup, el
from anlan.web.problem import language_of


def pairing(context: Context, request: Request) -> str:
    """The whole document of GET /pair."""
    language = language_of(request)
    say = partial(translate, language=language)
    code = el(
        "input",
        cls="field",
        name="code",
        required=True,
        autocomplete="off",
        autocapitalize="off",
        placeholder="xxxx-xxxx-xxxx-xxxx",
    )
    form = el(
        "form",
        el("h2", say("Pair this station")),
        el("p", say("An administrator makes a pairing code for this post. It is used once, within an hour."), cls="dim"),
        shell.labelled(say("Pairing code"), code),
        el("div", cls="form-error", role="alert"),
        el("div", el("button", say("Pair"), type="submit", cls="button main"), cls="button-row"),
        cls="sign-in pair",
        method="post",
    )
    demo = shell.demo(context, language) if context.plant.demo else None
    return _document(context, language, say("Pair this station"), el("div", demo, form, cls="card panel"), "pair")


def emergency(context: Context, request: Request) -> str:
    """The whole document of GET /emergency; what stands is asked for by the station's key."""
    language = language_of(request)
    demo = shell.demo(context, language) if context.plant.demo else None
    body = el("div", demo, el("anlan-emergency"))
    return _document(context, language, translate("Emergency answer", language), body, "emergency")


def _document(context: Context, language: Language, title: str, card: Markup, script: str) -> str:
    foot = el("footer", el("p", translate(shell.IS_NOT, language), cls="is-not"))
    body = el("main", card, foot, theme.sprite(), cls=f"door station {script}", inert=True)
    config: dict[str, Any] = {
        "language": language,
        "zone": context.plant.zone,
        "words": client_words(language),
        "units": unit_signs(language),
        "quality": quality_reasons(language),
        "live": False,
    }
    return shell.document(title, body, language, config, script)
