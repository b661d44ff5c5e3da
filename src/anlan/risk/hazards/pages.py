"""重大危险源: the register of major hazards; of one unit what is signed beside what is computed, and its tanks now."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.risk.hazards.service import VIEW
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

GROUP = "Risk"
PATH = "/risk/hazards"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "hazards", "Major hazards", VIEW, group=GROUP))

    @page(context, PATH, VIEW)
    def hazards() -> None:
        principal = principal_of_page()
        body = el("div", el("anlan-hazards"), cls="page fill")
        shell.show(context, principal, PATH, translate("Major hazards", principal.language), body, "hazards")
