"""报警绩效: the measures of the alarm system's performance, drawn, beside the guide values of the standards."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.monitor.pages_alarms import tabs
from anlan.monitor.pages_trends import offer_charts
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PATH = "/alarms/performance"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "performance", "Performance", "alarm.view"))

    @page(context, PATH, "alarm.view")
    def performance() -> None:
        principal = principal_of_page()
        language = principal.language
        offer_charts()
        body = el("div", tabs(PATH, language), el("anlan-performance"))
        shell.show(context, principal, PATH, translate("Alarm system performance", language), body, "performance")
