"""Two languages by gettext: English msgids, the Chinese catalogues, one per room, in `anlan/locale/zh/ROOM.po`.

`translate` is what a page, an error or the command line calls. Data carries its own pair, `words.Label`.
"""

from __future__ import annotations

import os
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Literal, get_args

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def shell_language() -> Language:
    """The language of whoever typed the command, by the environment's locale."""
    return "zh" if os.environ.get("LC_ALL", os.environ.get("LANG", "")).startswith("zh") else "en"


def translate(msgid: str, language: str) -> str:
    """`msgid` in `language`; a msgid without a translation comes back as it is (a test lists those)."""
    return _catalogue(language).gettext(msgid) if msgid else ""


@cache
def _catalogue(language: str) -> NullTranslations:
    # The .po texts (one per room) are read directly: no compiled .mo to keep in step, and it takes milliseconds once per process.
    folder = files("anlan") / "locale" / language
    sources = sorted((f for f in folder.iterdir() if f.name.endswith(".po")), key=lambda f: f.name) if folder.is_dir() else []
    if not sources:
        return NullTranslations()
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    whole = Catalog(locale=language)
    for source in sources:
        for message in read_po(BytesIO(source.read_bytes()), locale=language):
            if message.id:
                whole.add(message.id, message.string)
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return GNUTranslations(compiled)
