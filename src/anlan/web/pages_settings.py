"""设置: what a person sets for themself, and what the node is set to."""

from __future__ import annotations

import json
from typing import Any

from anlan.guard.roles import SELF
from anlan.model.languages import translate
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PATH = "/settings"


def languages() -> str:
    """Each by its own name."""
    return json.dumps({one: name for one, (name, _) in shell.LANGUAGE_NAMES.items()}, ensure_ascii=False)


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "settings", "Settings", SELF, last=True))

    @page(context, PATH, SELF)
    def settings() -> None:
        principal = principal_of_page()
        title = translate("Settings", principal.language)
        may: dict[str, Any] = {
            "node": principal.allows("node.status", "") or None,
            "proof": principal.allows("node.status") or None,
            "wall": principal.allows("live.view") or None,
            "policy": principal.allows("people.manage", "") or None,
        }
        shell.show(context, principal, PATH, title, el("anlan-settings", data_languages=languages(), **may), "settings")
