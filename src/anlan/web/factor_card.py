"""The markup in which a second factor is set up: password, then key or QR code, first code, codes for paper. `static/factor.js` leads through
it."""

from __future__ import annotations

from functools import partial

from anlan.model.languages import Language, translate
from anlan.web import shell
from anlan.web.markup import Markup, el


def set_up(language: Language) -> Markup:
    """Three steps, one shown at a time."""
    return el(
        "div", _begin(language), _scan(language), _done(language), el("div", cls="form-error", role="alert"), cls="factor-set-up"
    )


def _begin(language: Language) -> Markup:
    say = partial(translate, language=language)
    password = el("input", cls="field", name="password", type="password", autocomplete="current-password", required=True)
    code = el("input", cls="field", name="code", autocomplete="one-time-code", autocapitalize="off", maxlength=40)
    name = el("input", cls="field", name="name", maxlength=60, placeholder=say("for example: blue key"), autocomplete="off")
    shown = shell.labelled(say("Code of the factor that counts now; empty for a security key"), code)
    return el(
        "form",
        el(
            "p",
            say(
                "A security key or contactless card (FIDO2), or a phone with an authenticator app. Where phones are banned, a key or card."
            ),
            cls="dim",
        ),
        shell.labelled(say("Your password"), password),
        el("div", shown, cls="for-code", hidden=True),
        el("div", shell.labelled(say("Name of the key or card"), name), cls="for-key", hidden=True),
        el("p", cls="no-keys dim", hidden=True),
        el(
            "div",
            el("button", say("Register a key or card"), type="submit", value="key", cls="button main for-key", hidden=True),
            el("button", say("Show the QR code for a phone"), type="submit", value="phone", cls="button"),
            cls="button-row",
        ),
        data_step="begin",
    )


def _scan(language: Language) -> Markup:
    say = partial(translate, language=language)
    code = el(
        "input", cls="field", name="code", inputmode="numeric", autocomplete="one-time-code", pattern="[0-9 ]{6,7}", required=True
    )
    return el(
        "form",
        el("p", say("Scan this with the app, then type the six digits that it shows.")),
        el("div", cls="qr"),
        el("p", say("Or type this key into the app:"), cls="dim"),
        el("div", cls="secret"),
        shell.labelled(say("Six digits"), code),
        el("div", el("button", say("Confirm"), type="submit", cls="button main"), cls="button-row"),
        data_step="scan",
        hidden=True,
    )


def _done(language: Language) -> Markup:
    say = partial(translate, language=language)
    return el(
        "div",
        el(
            "p",
            say(
                "It is set up. Write these codes down and keep them where you keep your papers: each signs you in once without key or phone. They are not shown again."
            ),
        ),
        el("ul", cls="recovery-codes"),
        el("div", el("button", say("I have written them down"), type="button", cls="button main"), cls="button-row"),
        data_step="done",
        hidden=True,
    )
