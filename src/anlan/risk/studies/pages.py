"""研究: the list of studies with what each says of the plant now, and one study with its viewer, editor and versions."""

from __future__ import annotations

import asyncio

from anlan.guard.principal import Principal
from anlan.model.errors import AnlanError, NotFound
from anlan.model.languages import translate
from anlan.risk.studies.live import LiveStudies
from anlan.risk.studies.service import EDIT, VIEW
from anlan.web import shell, theme
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

GROUP = "Risk"
PATH = "/risk/studies"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "studies", "Studies", VIEW, group=GROUP))
    live = LiveStudies.of(context)

    @page(context, PATH, VIEW)
    def studies() -> None:
        principal = principal_of_page()
        body = el("div", el("anlan-studies", edits=principal.allows(EDIT) or None), cls="page fill studies-page")
        shell.show(context, principal, PATH, translate("Studies", principal.language), body, "studies")

    @page(context, PATH + "/{study}", VIEW)
    async def one(study: str) -> None:
        principal = principal_of_page()
        running = live.running.get(study)
        if study == "new":
            principal.require(EDIT)
        elif running is None:
            try:
                found = await asyncio.to_thread(live.store.versions, study)
            except AnlanError:
                raise NotFound("there is no study {name}", name=study) from None
            _must_see(context, principal, found[0].place, study)
        else:
            _must_see(context, principal, running.study.place, study)
        kind = running.study.kind if running is not None else ""
        name = running.study.name.text(principal.language) if running is not None else study
        title = translate("New study", principal.language) if study == "new" else name
        drawn = (theme.STATIC / f"study_{kind}.js").is_file()
        part = el(
            "anlan-study",
            study="" if study == "new" else study,
            kind=kind,
            drawn=drawn or None,
            edits=principal.allows(EDIT) or None,
        )
        shell.show(context, principal, PATH, title, el("div", part, cls="page fill studies-page"), "study")


def _must_see(context: Context, principal: Principal, place: str, study: str) -> None:
    if not principal.allows(VIEW, place if place in context.plant.places else context.plant.top):
        raise NotFound("there is no study {name}", name=study)
