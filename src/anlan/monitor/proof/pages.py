"""报警链周检: prove the alarm chain at this station, and what was proven before."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.monitor.proof.service import RIGHT, VIEW
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PATH = "/proof"


def pages(context: Context) -> None:
    @page(context, PATH, VIEW)
    def proof() -> None:
        principal = principal_of_page()
        title = translate("Alarm-chain proof", principal.language)
        shell.show(context, principal, PATH, title, el("anlan-proof", may=principal.allows(RIGHT, "") or None), "proof")
