"""Sentences in both languages at once: what is computed is read by people of either."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.model.words import Label


def say(msgid: str, **facts: object) -> Label:
    """The msgid with its facts; a fact that is a Label stands in the sentence's own language."""
    return Label(
        **{
            language: translate(msgid, language).format(
                **{name: one.text(language) if isinstance(one, Label) else one for name, one in facts.items()}
            )
            for language in ("zh", "en")
        }
    )
