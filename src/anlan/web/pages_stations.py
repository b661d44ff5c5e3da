"""操作台: the operator stations that may answer alarms when nobody can sign in; made and revoked here."""

from __future__ import annotations

import json

from anlan.model.languages import translate
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PATH = "/stations"


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "stations", "Stations", "people.manage"))

    @page(context, PATH, "people.manage")
    def stations() -> None:
        principal = principal_of_page()
        posts = {post: label.model_dump() for post, label in context.plant.posts.items()}
        title = translate("Stations", principal.language)
        shell.show(context, principal, PATH, title, el("anlan-stations", posts=json.dumps(posts, ensure_ascii=False)), "stations")
