"""Two languages by gettext: English msgids, the Chinese catalogues, one per room, in `anlan/locale/zh/ROOM.po`.

`translate` is what a page, an error or the command line calls. Data carries its own pair, `Label(zh, en)`.
"""

from __future__ import annotations

import os
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Label(BaseModel):
    """A name in both languages; at least one must be given, the other falls back to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str = ""
    en: str = ""

    def __eq__(self, other: object) -> bool:
        """Pydantic's own looks through both objects; writing a plant out compares each of its names with the default, 170,000 at 10,000 points."""
        return self is other or (isinstance(other, Label) and self.zh == other.zh and self.en == other.en)

    def __hash__(self) -> int:
        return hash((self.zh, self.en))

    def text(self, language: str) -> str:
        return (self.zh or self.en) if language == "zh" else (self.en or self.zh)


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
