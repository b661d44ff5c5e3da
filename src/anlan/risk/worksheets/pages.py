"""工作表: the worksheets with their lines by colour, and one of them to be filled in."""

from __future__ import annotations

from uuid import UUID

from anlan.model.errors import NotFound
from anlan.model.languages import translate
from anlan.risk.worksheets.service import EDIT, VIEW, WorksheetService
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PATH = "/risk/worksheets"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "worksheets", "Worksheets", VIEW, group="Risk"))

    @page(context, PATH, VIEW)
    def worksheets() -> None:
        principal = principal_of_page()
        title = translate("Worksheets", principal.language)
        body = el("anlan-worksheets", edits=principal.allows(EDIT) or None)
        shell.show(context, principal, PATH, title, body, "worksheets")

    @page(context, PATH + "/{sheet}", VIEW)
    async def worksheet(sheet: str) -> None:
        principal = principal_of_page()
        try:
            id = UUID(sheet)
        except ValueError:
            raise NotFound("there is no worksheet {id}", id=sheet[:60]) from None
        kept = await WorksheetService.of(context).kept(principal, id)
        body = el("anlan-worksheet", sheet=str(id))
        shell.show(context, principal, PATH, kept.sheet.title, body, "worksheets")
