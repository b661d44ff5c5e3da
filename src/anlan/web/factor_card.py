"""The markup in which a second factor is set up: password, QR code, first code, codes for paper. `static/factor.js` leads through it."""

from __future__ import annotations

from functools import partial

from anlan.model.words import Language, translate
from anlan.web import shell
from anlan.web.markup import Markup, el


def set_up(language: Language) -> Markup:
    """Three steps, one shown at a time."""
    say = partial(translate, language=language)
    password = el("input", cls="field", name="password", type="password", autocomplete="current-password", required=True)
    code = el(
        "input", cls="field", name="code", inputmode="numeric", autocomplete="one-time-code", pattern="[0-9 ]{6,7}", required=True
    )
    begin = el(
        "form",
        el(
            "p",
            say("A phone with an authenticator app is needed. Where phones are banned, set it up before you go in."),
            cls="dim",
        ),
        shell.labelled(say("Your password"), password),
        el("div", el("button", say("Show the QR code"), type="submit", cls="button main"), cls="button-row"),
        data_step="begin",
    )
    scan = el(
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
    done = el(
        "div",
        el(
            "p",
            say(
                "It is set up. Write these codes down and keep them where you keep your papers: each signs you in once without the phone. They are not shown again."
            ),
        ),
        el("ul", cls="recovery-codes"),
        el("div", el("button", say("I have written them down"), type="button", cls="button main"), cls="button-row"),
        data_step="done",
        hidden=True,
    )
    return el("div", begin, scan, done, el("div", cls="form-error", role="alert"), cls="factor-set-up")
