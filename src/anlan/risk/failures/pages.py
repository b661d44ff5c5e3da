"""失效数据: failure rates by class and mode with what this plant's own counts made of them, and the forms to enter what happened."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.risk.failures.service import VIEW
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

GROUP = "Risk"
PATH = "/risk/failures"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "failures", "Failure data", VIEW, group=GROUP))

    @page(context, PATH, VIEW)
    def failures() -> None:
        principal = principal_of_page()
        body = el("div", el("anlan-failures"), cls="page fill")
        shell.show(context, principal, PATH, translate("Failure data", principal.language), body, "failures")
