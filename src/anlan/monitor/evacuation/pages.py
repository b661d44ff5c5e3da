"""疏散呼叫: calling a branch, what stands, and what stood."""

from __future__ import annotations

import json

from anlan.model.languages import Language, translate
from anlan.monitor.evacuation.service import ACTION, Evacuations
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PATH = "/evacuation"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "evacuation", "Evacuation call", "alarm.view"))

    @page(context, PATH, "alarm.view")
    def evacuation() -> None:
        principal = principal_of_page()
        title = translate("Evacuation call", principal.language)
        places = choices(context, Evacuations.of(context).places_for(principal), principal.language)
        body = el("anlan-evacuation", data_places=json.dumps(places, ensure_ascii=False), may=principal.allows(ACTION) or None)
        shell.show(context, principal, PATH, title, body, "evacuation_page")


def choices(context: Context, paths: list[str], language: Language) -> list[list[object]]:
    """[path, name, depth] of the branches that may be called, top down."""
    top = context.plant.top.count("/")
    return [[path, context.plant.places[path].name.text(language), path.count("/") - top] for path in paths]
