"""The page of the master alarm database: every approved alarm with its rationalisation, one rule changed while the node runs, workbooks."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.monitor.pages_alarms import tabs
from anlan.plant import pages_configuration, pages_drawing, pages_start
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page


def pages(context: Context) -> None:
    pages_start.pages(context)
    pages_drawing.pages(context)
    pages_configuration.pages(context)

    @page(context, "/alarms/master", "alarm.view")
    def master() -> None:
        principal = principal_of_page()
        language = principal.language
        may = principal.allows("alarm.configure")
        body = el("div", tabs("/alarms/master", language), el("anlan-master", may="yes" if may else None), cls="alarms-page fill")
        shell.show(context, principal, "/alarms", translate("Master alarm database", language), body, "master")
