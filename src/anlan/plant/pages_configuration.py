"""组态: points, alarms and classes edited through a draft, requests that wait for a second person, versions. The script fills it from the API."""

from __future__ import annotations

import json

from anlan.model.languages import translate
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PATH = "/configuration"


def pages(context: Context) -> None:
    shell.add_way(
        context, shell.Way(PATH, "configuration", "Configuration", "alarm.configure", or_action="config.approve", last=True)
    )

    @page(context, PATH, "alarm.view")
    def configuration() -> None:
        principal = principal_of_page()
        title = translate("Configuration", principal.language)
        places = {
            path: place.name.model_dump() for path, place in context.plant.places.items() if principal.allows("alarm.view", path)
        }
        own = el(
            "anlan-configuration",
            configures="yes" if principal.allows("alarm.configure") else None,
            places=json.dumps(places, ensure_ascii=False),
        )
        shell.show(context, principal, PATH, title, el("div", own, cls="alarms-page fill"), "configuration")
