"""The door: sign in at a post; choose an own password when the present one was made for one use; set up a second factor that is due.

A plain page without NiceGUI, because a stranger gets no socket. The form is the one that hands a console over (`shell.sign_in_form`).
"""

from __future__ import annotations

from functools import partial
from urllib.parse import quote, urlsplit

from fastapi import Request

from anlan.guard.principal import Principal
from anlan.model.languages import LANGUAGES, Language, translate
from anlan.web import shell, theme
from anlan.web.api_oidc import provider_of
from anlan.web.api_stations import is_paired
from anlan.web.client_words import client_words
from anlan.web.context import Context
from anlan.web.factor_card import set_up
from anlan.web.markup import Markup, el, join


def door(context: Context, request: Request) -> str:
    """Sign-in for a stranger; the password form for whoever must choose an own one. The whole document for GET /login."""
    principal: Principal | None = request.scope.get("state", {}).get("principal")
    language = _language(request.query_params.get("lang", ""), principal, request)
    target = inside(request.query_params.get("next", "/"))
    if principal is not None and principal.must_change:
        card = password_card(language)
    elif principal is not None and principal.must_enrol:
        card = enrol_card(language)
    else:
        card = join(sign_in_card(context, language), identity_way(context, language, target))
    if principal is None and (lost := context.faults.get("records")) is not None:
        card = join(el("div", lost.text(language), cls="notice wrong", role="alert"), card)
    if principal is None and is_paired(context, request):
        card = join(card, emergency_way(language))
    return page_around(context, card, language, target)


def page_around(context: Context, card: Markup, language: Language, target: str) -> str:
    """`target` is where the card leads once the person may go on."""
    say = partial(translate, language=language)
    brand = el(
        "div",
        theme.logo(),
        el("div", el("h1", context.plant.name.text(language)), el("div", say("Anlan safety node"), cls="dim")),
        cls="brand",
    )
    demo = shell.demo(context, language) if context.plant.demo else None
    languages = el("nav", [_language_link(one, language, target) for one in LANGUAGES], cls="language")
    body = el(
        "main",
        el("div", demo, brand, card, cls="card panel"),
        el("footer", languages, el("p", say(shell.IS_NOT), cls="is-not")),
        cls="door",
        inert=True,
    )
    config = {
        "language": language,
        "zone": context.plant.zone,
        "words": client_words(language),
        "units": {},
        "quality": {},
        "live": False,
        "target": target,
    }
    return shell.document(say("Sign in"), body, language, config, "door")


def sign_in_card(context: Context, language: Language) -> Markup:
    return shell.sign_in_form(context, language, title=translate("Sign in at a post", language))


def identity_way(context: Context, language: Language, target: str) -> Markup | None:
    """By the identity service, where one is set. The script finds out whether it answers; the form above works in any case."""
    provider = provider_of(context)
    if provider is None:
        return None
    say = partial(translate, language=language)
    words = say("Sign in by {service}").format(service=provider.settings.name.text(language))
    away = say("It does not answer now. Sign in by account and password.")
    return el(
        "div",
        el("a", words, href=f"/api/v1/oidc/begin?next={quote(target)}&lang={language}", cls="button"),
        el("p", away, cls="dim away", role="status", hidden=True),
        cls="identity-way",
    )


def finish_card(account: str, language: Language) -> Markup:
    """The identity service has answered: the script begins the session, and asks for the own second factor where it is needed."""
    say = partial(translate, language=language)
    code = el("input", cls="field", name="code", autocomplete="one-time-code", autocapitalize="off", maxlength=40)
    return el(
        "form",
        el("h2", say("Signing in as {account}").format(account=account)),
        el(
            "div",
            shell.labelled(say("Code of the second factor"), code),
            el("p", say("Six digits from the phone, or one of the codes on paper; empty for the security key."), cls="dim"),
            cls="second-factor",
            hidden=True,
        ),
        el("div", cls="form-error", role="alert"),
        el(
            "div",
            el("button", say("Go on"), type="submit", cls="button main"),
            el("a", say("Sign in otherwise"), href="/login", cls="button"),
            cls="button-row",
        ),
        cls="oidc-finish",
        method="post",
    )


def refused_card(why: str, language: Language) -> Markup:
    """The identity service let nobody in, or what it said does not count."""
    say = partial(translate, language=language)
    back = el("a", say("Sign in by account and password"), href="/login", cls="button main")
    words = el("p", why, cls="form-error", role="alert")
    return el("div", el("h2", say("Not signed in")), words, el("div", back, cls="button-row"), cls="not-let-in")


def emergency_way(language: Language) -> Markup:
    """At a paired station: alarms are answered even when nobody can sign in."""
    words = translate("Nobody can sign in? Answer alarms without a name", language)
    return el("p", el("a", words, href="/emergency"), cls="emergency-way")


def password_card(language: Language) -> Markup:
    say = partial(translate, language=language)

    def field(words: str, name: str, kind: str) -> Markup:
        return shell.labelled(words, el("input", cls="field", name=name, type="password", autocomplete=kind, required=True))

    return el(
        "form",
        el("h2", say("Choose your own password")),
        el("p", say("The present one was made for one use."), cls="dim"),
        field(say("Present password"), "old", "current-password"),
        field(say("New password"), "new", "new-password"),
        field(say("New password again"), "again", "new-password"),
        el("div", cls="form-error", role="alert"),
        el("div", el("button", say("Save and go on"), type="submit", cls="button main"), cls="button-row"),
        cls="change-password",
        method="post",
        data_mismatch=say("The two new passwords differ."),
    )


def enrol_card(language: Language) -> Markup:
    say = partial(translate, language=language)
    head = el("h2", say("Set up a second factor")), el("p", say("Your role needs one before anything else opens."), cls="dim")
    return el("div", head, set_up(language), cls="enrol")


def _language(asked: str, principal: Principal | None, request: Request) -> Language:
    """What the address asks for, else the person's, else the browser's: Chinese unless it prefers English."""
    if asked in LANGUAGES:
        return "en" if asked == "en" else "zh"
    if principal is not None:
        return principal.language
    first = request.headers.get("accept-language", "").split(",")[0].lower()
    return "en" if first.startswith("en") else "zh"


def _language_link(one: str, language: Language, target: str) -> Markup:
    name, code = shell.LANGUAGE_NAMES[one]
    return el(
        "a", name, href=f"/login?lang={one}&next={quote(target)}", lang=code, aria_current="true" if one == language else None
    )


def inside(target: str) -> str:
    """Only a path of this console: a link must not lead from our sign-in to a foreign page."""
    parts = urlsplit(target)
    local = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return target if local else "/"
