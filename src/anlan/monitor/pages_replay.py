"""回放与试算: other limits, dead-bands, delays or priorities tried on the node's own past, through the same engine."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.monitor.pages_trends import offer_charts
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PATH = "/replay"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "replay", "Replay", "history.view"))

    @page(context, PATH, "history.view")
    def replay() -> None:
        principal = principal_of_page()
        offer_charts()
        title = translate("Replay and trial", principal.language)
        shell.show(context, principal, PATH, title, el("anlan-replay"), "replay", "why")
