"""The frame around every page: plant, clock, alarm counts, hidden counts, connection, sound, who is here, and the ways to other pages.

In: the context, who asks, a page's title and its markup. Out: a NiceGUI page whose markup a few scripts keep alive from the one shared
stream (`static/link.js`); no element of it is kept on the server for each browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from anlan.guard.principal import Principal
from anlan.model.clock import to_datetime
from anlan.model.events.alarms import AlarmState
from anlan.model.languages import LANGUAGES, Language, translate
from anlan.web import theme
from anlan.web.client_words import client_words, quality_reasons, unit_signs
from anlan.web.context import Context, PlantView
from anlan.web.help_texts import help_texts
from anlan.web.markup import Markup, el, join, script_json

IS_NOT = (
    "This system is for monitoring, early warning and management. It does not replace DCS, SIS, GDS or fire alarm systems "
    "and is not an independent protection layer."
)
"""DOMAIN.md 10: on the door, the wall and reports."""

READY = "ready"
"""The script that lets a page be used, behind all others: till then its `main` is inert."""
LANGUAGE_NAMES: dict[str, tuple[str, str]] = {"zh": ("中文", "zh-CN"), "en": ("EN", "en")}
HIDDEN: tuple[tuple[str, str], ...] = (
    (AlarmState.SHELVED.name, "shelved"),
    (AlarmState.SUPPRESSED.name, "suppressed"),
    (AlarmState.OUT_OF_SERVICE.name, "out of service"),
    ("inhibited", "inhibited"),
    ("bypassed", "bypassed"),
    ("exercise", "exercise"),
)
"""What the alarm list does not show is counted on every page (DOMAIN.md 3)."""


@dataclass(frozen=True, slots=True)
class Way:
    """An entry of the navigation: shown to whoever has `action`."""

    path: str
    icon: str
    words: str
    action: str
    or_action: str = ""
    """Another that lets it be shown, if any."""
    group: str = ""
    """Of pages that stand together, folded under these words, behind those of no group."""
    last: bool = False
    """Behind those that a shift uses, however early its room is asked."""


def add_way(context: Context, way: Way) -> None:
    """A room offers its page in the navigation, in the order in which rooms are asked."""
    context.extras.setdefault("ways", []).append(way)


def show(context: Context, principal: Principal, path: str, title: str, body: Markup, *scripts: str) -> None:
    """Build the page: `title` in the person's language, `body` its markup, `scripts` the modules it needs beside the frame's."""
    from nicegui import ui

    language = principal.language
    ui.page_title(f"{title} · {context.plant.name.text(language)}")
    ui.add_head_html(theme.head())
    ui.add_body_html(
        script_json("anlan-config", page_config(context, principal)) + theme.scripts("shell", "values", "search", *scripts, READY)
    )
    ui.html(frame(context, principal, path, title, body), sanitize=False)


def show_whole(context: Context, principal: Principal, title: str, body: Markup, *scripts: str) -> None:
    """A page without the frame: a wall has no navigation, and its scripts show counts, loss of the link and faults themselves."""
    from nicegui import ui

    ui.page_title(f"{title} · {context.plant.name.text(principal.language)}")
    ui.add_head_html(theme.head())
    config = {**page_config(context, principal), "silent": True}
    ui.add_body_html(script_json("anlan-config", config) + theme.scripts(*scripts))
    ui.html(body, sanitize=False)


def instead(context: Context, principal: Principal, title: str, what: str) -> str:
    """A whole document in the frame that says why the page asked for is not there; alarms and ways are as on every page."""
    language = principal.language
    ways = [el("a", translate(way.words, language), href=way.path, cls="button") for way in ways_of(context, principal)]
    text = el("div", el("strong", what), el("div", ways, cls="button-row"), cls="empty instead")
    body = join(frame(context, principal, "", title, text))
    name = f"{title} · {context.plant.name.text(language)}"
    return document(name, body, language, page_config(context, principal), "shell", "search")


def page_config(context: Context, principal: Principal) -> dict[str, Any]:
    """What the scripts are told once, `static/config.js`."""
    language = principal.language
    return {
        "language": language,
        "zone": context.plant.zone,
        "zone_word": zone_word(context.plant.zone, context.clock.now()),
        "words": client_words(language),
        "quality": quality_reasons(language),
        "units": unit_signs(language),
        "help": help_texts(language),
        "post": principal.post,
        "roles": list(principal.roles),
        "escalation": list(context.plant.escalation),
        "account": principal.account,
        "page": page_stamp(context.plant),
        "live": principal.allows("live.view"),  # else the socket would be refused again and again, each time on record
    }


def page_stamp(plant: PlantView) -> str:
    """Names what a page was made from: a page that stays for weeks loads itself anew once the node tells another."""
    return f"{plant.version}-{theme.base().rpartition('/')[2]}"


def zone_word(zone: str, now: int) -> str:
    """How far the site's clock stands from UTC: "UTC+8", "UTC+5:30"."""
    offset = to_datetime(now).astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    minutes = int(offset.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def frame(context: Context, principal: Principal, path: str, title: str, body: Markup) -> Markup:
    """The whole page as markup."""
    return join(
        theme.sprite(),
        el(
            "div",
            el("div", bar(context, principal), *notices(context, principal), cls="top"),
            el("aside", ways(context, principal, path), cls="ways"),
            el("main", el("h1", title, cls="visually-hidden"), body, id="page", tabindex=0, inert=True),
            cls="shell",
        ),
        el("div", cls="toasts", aria_live="polite"),
        who_dialog(context, principal),
        search_dialog(principal) if principal.allows("plant.view") else None,
    )


def bar(context: Context, principal: Principal) -> Markup:
    language = principal.language
    return el(
        "header",
        el("a", theme.logo(), cls="logo", href="/", aria_label="Anlan"),
        el("span", context.plant.name.text(language), cls="plant"),
        el(
            "nav",
            [count(priority, language) for priority in (1, 2, 3, 4)],
            cls="counts",
            aria_label=translate("Alarms by priority", language),
        ),
        el("span", [hidden_count(name, words, language) for name, words in HIDDEN], cls="hidden-counts"),
        el("span", cls="spacer"),
        el(
            "span",
            el("i"),
            el("span", translate("connecting", language)),
            cls="link connecting",
            data_shell="link",
            role="status",
        )
        if principal.allows("live.view")
        else None,
        search_button(language) if principal.allows("plant.view") else None,
        language_switch(language),
        who(context, principal),
        el("time", data_shell="clock"),
        cls="bar",
    )


def count(priority: int, language: Language) -> Markup:
    words = translate("priority {n}", language).format(n=priority)
    return el("a", theme.symbol(priority, words, quiet=True), "—", cls="count zero", href="/alarms", data_shell=f"count-{priority}", data_priority=priority)  # fmt: skip


def hidden_count(name: str, words: str, language: Language) -> Markup:
    """A count of alarms leads to their list."""
    href = f"/alarms?state={name}" if name in AlarmState.__members__ else None
    return el("a" if href else "span", el("b", "—"), translate(words, language), data_shell=f"hidden-{name}", href=href)


def search_button(language: Language) -> Markup:
    words = translate("Search", language)
    return el("button", theme.icon("search"), el("span", words), el("kbd", "/"), cls="search", type="button", data_shell="search", aria_label=words, aria_keyshortcuts="/ Control+K")  # fmt: skip


def search_dialog(principal: Principal) -> Markup:
    """`static/search.js` fills the list as the person types."""
    say = partial(translate, language=principal.language)
    field = el(
        "input",
        type="search",
        role="combobox",
        aria_expanded="true",
        aria_controls="search-found",
        aria_autocomplete="list",
        aria_label=say("Search"),
        placeholder=say("Point, place, source, alarm, page: tag, name, pinyin or English"),
        autocomplete="off",
        spellcheck="false",
        maxlength=100,
    )
    found = el("ul", id="search-found", role="listbox", aria_label=say("What was found"))
    hint = say("Several words must all fit: yelv yali finds the chlorine pressures, yl the same by initials.")
    keys = el(
        "span", el("kbd", "↑ ↓"), " ", say("choose"), " ", el("kbd", "Enter"), " ", say("open"), " ", el("kbd", "Esc"), cls="keys"
    )
    return el("dialog", field, found, el("footer", el("span", hint, cls="note", role="status"), keys), id="search-dialog")


def language_switch(language: Language) -> Markup:
    def choice(one: str) -> Markup:
        name, code = LANGUAGE_NAMES[one]
        return el("a", name, href="#", lang=code, aria_current="true" if one == language else None)

    return el("span", [choice(one) for one in LANGUAGES], cls="language")


def who(context: Context, principal: Principal) -> Markup:
    """Name and post; opens the dialog in which the next person takes over without losing the picture (DOMAIN.md 15)."""
    language = principal.language
    post = post_name(context.plant, principal.post, language) or translate("at no post", language)
    return el(
        "button",
        el("b", principal.name.text(language)),
        el("small", post),
        cls="who",
        type="button",
        data_shell="who",
        aria_haspopup="dialog",
        title=translate("Hand over or sign out", language),
    )


def post_name(plant: PlantView, post: str, language: Language) -> str:
    """The post's label; a post that the plant no longer lists keeps its id."""
    label = plant.posts.get(post)
    return label.text(language) if label is not None else post


def notices(context: Context, principal: Principal) -> list[Markup]:
    """Bars that say what is out of the ordinary: demo data, lost connection, faults of the node, no sound, the newest unacknowledged alarm.

    The last has its room also while there is none, for whoever is told of alarms: the most frequent bar moves nothing on the page below.
    """
    language = principal.language
    say = partial(translate, language=language)
    lost = el("div", el("span"), cls="notice wrong", data_shell="lost", hidden=True, role="alert")
    enable = el("button", say("Enable sound"), type="button", cls="button", data_shell="enable-sound")
    mute = el("div", el("span", say("Sound is not enabled: alarms at this console are silent.")), enable, cls="notice wrong", data_shell="mute", hidden=True, role="alert")  # fmt: skip
    silence = el("button", say("Silence"), type="button", cls="button silence", hidden=True)
    told = principal.allows("live.view")
    newest = el("div", el("a"), el("span", cls="more rest"), el("span", cls="spacer"), silence, cls="newest none", data_shell="newest", hidden=not told)  # fmt: skip
    fault = el("div", el("b", say("Fault")), el("span", cls="what"), cls="notice wrong", data_shell="fault", hidden=True, role="alert")  # fmt: skip
    flood = el("div", el("b", say("Alarm flood")), el("a", cls="what", href="/alarms?group=unit"), el("span", cls="spacer"), el("a", say("Performance"), href="/alarms/performance", cls="dim"), cls="notice flood", data_shell="flood", hidden=True, role="status")  # fmt: skip
    return [*([demo(context, language)] if context.plant.demo else []), lost, fault, mute, flood, newest]


def demo(context: Context, language: Language) -> Markup:
    """Demo data say so on every page, with their speed (DOMAIN.md 20)."""
    speed = f" ×{context.plant.speed:g}" if context.plant.speed != 1 else ""
    note = translate("made by simulators, not by a plant", language)
    return el("div", el("b", translate("Demo data", language) + speed), el("span", note, cls="dim"), cls="notice demo")


def ways(context: Context, principal: Principal, path: str) -> Markup:
    shown = []
    for group, members in groupby(ways_of(context, principal), lambda way: way.group):
        links = [_way(way, path, principal.language) for way in members]
        shown.append(_group(group, links, principal.language) if group else links)
    return el("nav", shown, aria_label=translate("Pages", principal.language))


def _group(words: str, links: list[Markup], language: Language) -> Markup:
    """Folded, so that all ways fit on a screen; open where the page is one of them."""
    here = any("aria-current" in link for link in links)
    summary = el("summary", theme.icon(words.lower()), translate(words, language))
    return el("details", summary, links, open=here, cls="group")


def ways_of(context: Context, principal: Principal) -> list[Way]:
    ways = sorted(context.extras.get("ways", []), key=lambda way: (way.last, bool(way.group), way.group))
    return [way for way in ways if any(action and principal.allows(action) for action in (way.action, way.or_action))]


def _way(way: Way, path: str, language: Language) -> Markup:
    return el(
        "a",
        theme.icon(way.icon),
        translate(way.words, language),
        href=way.path,
        aria_current="page" if way.path == path else None,
    )


def who_dialog(context: Context, principal: Principal) -> Markup:
    """Sign-in over the running page: the person changes, the picture stays."""
    language = principal.language
    return el(
        "dialog",
        sign_in_form(context, language, title=translate("Hand over this console", language), leaving=principal),
        id="who-dialog",
    )


def sign_in_form(context: Context, language: Language, *, title: str, leaving: Principal | None = None) -> Markup:
    """Account, password, post. The same form at the door and for a hand-over; `static/door.js` sends it."""
    say = partial(translate, language=language)
    posts = [el("option", label.text(language), value=post, selected=leaving is not None and post == leaving.post) for post, label in context.plant.posts.items()]  # fmt: skip
    leave = [
        el("a", say("My account"), href="/account", cls="button"),
        el("button", say("Sign out"), type="button", cls="button sign-out"),
        el("button", say("Cancel"), type="button", cls="button cancel"),
    ]
    return el(
        "form",
        el("h2", title),
        el("p", say("The page stays as it is; only the person changes."), cls="dim") if leaving else None,
        labelled(
            say("Account"), el("input", cls="field", name="account", autocomplete="username", autocapitalize="off", required=True)
        ),
        labelled(
            say("Password"),
            el("input", cls="field", name="password", type="password", autocomplete="current-password", required=True),
        ),
        el(
            "div",
            labelled(
                say("Code of the second factor"),
                el("input", cls="field", name="code", autocomplete="one-time-code", autocapitalize="off", maxlength=40),
            ),
            el("p", say("Six digits from the phone, or one of the codes on paper; empty for the security key."), cls="dim"),
            cls="second-factor",
            hidden=True,
        ),
        labelled(say("Post"), el("select", el("option", say("as assigned to me"), value=""), posts, cls="field", name="post")),
        el("div", cls="form-error", role="alert"),
        el("div", el("button", say("Sign in"), type="submit", cls="button main"), leave if leaving else None, cls="button-row"),
        cls="sign-in",
        method="post",  # were its script not there, no password would stand in an address
        data_language=language,
    )


def labelled(words: str, field: Markup) -> Markup:
    return el("label", words, field, cls="labelled")


def document(title: str, body: Markup, language: Language, config: dict[str, Any], *scripts: str) -> str:
    """A whole page without NiceGUI, for the door: strangers get no socket."""
    code = LANGUAGE_NAMES[language][1]
    head = join(
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="dark"),
        el("title", title),
        theme.head(),
    )
    return "<!doctype html>" + el("html", el("head", head), el("body", body, script_json("anlan-config", config), theme.scripts(*scripts, READY)), lang=code)  # fmt: skip
