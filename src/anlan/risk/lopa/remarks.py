"""What an answer says beside its figures: a sentence with its facts, in the reader's language, told once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from anlan.model.words import translate


@dataclass(frozen=True, slots=True)
class Remark:
    """`message`: an English msgid with {placeholders}, which `facts` fill; a fact may be a remark itself."""

    message: str
    facts: dict[str, Any] = field(default_factory=dict)

    def text(self, language: str) -> str:
        facts = {name: one.text(language) if isinstance(one, Remark) else one for name, one in self.facts.items()}
        return translate(self.message, language).format(**facts)


def short(value: float) -> str:
    """Four figures, as people write them."""
    return f"{value:.4g}"
