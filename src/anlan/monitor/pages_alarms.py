"""Alarms: what stands now with the operator's three steps, and the journal of everything that happened."""

from __future__ import annotations

from functools import partial

from anlan.model.languages import Language, translate
from anlan.monitor.pages_print import PERIODS, printing
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import Markup, el
from anlan.web.pages import page, principal_of_page


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way("/alarms", "alarms", "Alarms", "alarm.view"))

    @page(context, "/alarms", "alarm.view")
    def alarms() -> None:
        principal = principal_of_page()
        language = principal.language
        head = el("div", tabs("/alarms", language), printing("alarms", language), cls="with-print")
        body = el("div", head, el("anlan-alarms"), cls="alarms-page fill")
        shell.show(context, principal, "/alarms", translate("Alarms", language), body, "alarm_table")

    @page(context, "/alarms/journal", "alarm.view")
    def journal() -> None:
        principal = principal_of_page()
        language = principal.language
        head = el("div", tabs("/alarms/journal", language), printing("journal", language, PERIODS), cls="with-print")
        body = el("div", head, el("anlan-journal"))
        shell.show(context, principal, "/alarms", translate("Alarm journal", language), body, "journal")


def tabs(path: str, language: Language) -> Markup:
    say = partial(translate, language=language)
    shown = (
        ("/alarms", say("Standing now")),
        ("/alarms/journal", say("Journal")),
        ("/alarms/master", say("Master alarms")),
        ("/alarms/performance", say("Performance")),
    )
    return el(
        "nav", [el("a", words, href=to, aria_current="page" if to == path else None) for to, words in shown], cls="tabs page-head"
    )
