"""A name as data carries it, in both languages. Texts of the program itself are translated by `languages`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


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
