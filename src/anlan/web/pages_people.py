"""人员: who works here, what they hold and where, who is on duty; and one's own account. The scripts fill both from the API."""

from __future__ import annotations

import json

from anlan.guard.roles import SELF
from anlan.model.languages import translate
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.factor_card import set_up
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PEOPLE, ACCOUNT = "/people", "/account"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PEOPLE, "people", "People", "people.view"))

    @page(context, PEOPLE, "people.view")
    def people() -> None:
        principal = principal_of_page()
        may = [action for action in ("people.manage", "people.approve", "roster.manage") if principal.allows(action)]
        places = {path: place.name.model_dump() for path, place in context.plant.places.items()}
        body = el("anlan-people", may=" ".join(may), places=json.dumps(places, ensure_ascii=False), me=str(principal.person))
        shell.show(context, principal, PEOPLE, translate("People", principal.language), body, "people", "roster")

    @page(context, ACCOUNT, SELF)
    def account() -> None:
        principal = principal_of_page()
        language = principal.language
        body = el(
            "anlan-account",
            el("template", set_up(language)),
            tokens=principal.allows("token.create"),
            unattended=principal.unattended,
        )
        shell.show(context, principal, "", translate("My account", language), body, "account")
