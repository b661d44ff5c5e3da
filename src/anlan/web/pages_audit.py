"""审计: who did what, when and why, with what was before and after; the newest signed head, the last check, what the witnesses say."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PATH = "/audit"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "audit", "Audit", "audit.view"))

    @page(context, PATH, "audit.view")
    def audit() -> None:
        principal = principal_of_page()
        shell.show(context, principal, PATH, translate("Audit", principal.language), el("anlan-audit"), "audit")
