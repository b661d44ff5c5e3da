"""交接班: the shift handover at the own post, and what was handed over before."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.monitor.handover.service import RIGHT, VIEW
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PATH = "/handover"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "handover", "Shift handover", VIEW))

    @page(context, PATH, VIEW)
    def handover() -> None:
        principal = principal_of_page()
        title = translate("Shift handover", principal.language)
        body = el("anlan-handover", may=principal.allows(RIGHT) or None)
        shell.show(context, principal, PATH, title, body, "handover")
