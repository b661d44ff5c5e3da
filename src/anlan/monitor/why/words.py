"""How an explanation writes figures, times and qualities, in both languages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from anlan.model.clock import Micros, to_datetime
from anlan.model.languages import LANGUAGES, translate
from anlan.model.quality import Reason, Severity, reason_of, severity_of
from anlan.monitor.why.asked import Asked, Both
from anlan.web.client_words import REASONS
from anlan.web.widgets import unit_label

_SEVERITIES = {Severity.GOOD: "good", Severity.UNCERTAIN: "uncertain", Severity.BAD: "bad"}


class Words:
    def __init__(self, asked: Asked) -> None:
        self._asked, self._point, self._zone = asked, asked.point, ZoneInfo(asked.zone)

    def say(self, message: str, **facts: Any) -> Both:
        return {
            language: translate(message, language).format(
                **{k: v[language] if isinstance(v, dict) else v for k, v in facts.items()}
            )
            for language in LANGUAGES
        }

    def figure(self, value: float) -> Both:
        """With unit, or the state's name."""
        if not np.isfinite(value):
            return self.say("no number")
        if self._point is not None and (state := self._point.states.get(round(value))) is not None:
            return {language: state.text(language) for language in LANGUAGES}
        decimals = self._point.decimals if self._point is not None else 2
        unit = self.unit()
        return {language: f"{value:.{decimals}f} {unit.get(language, '')}".rstrip() for language in LANGUAGES}

    def unit(self) -> Both:
        if self._point is None or self._point.states:
            return dict.fromkeys(LANGUAGES, "")
        return unit_label(self._point).model_dump()

    def time(self, at: Micros | None) -> str:
        if at is None:
            return "?"
        moment, now = (to_datetime(t).astimezone(self._zone) for t in (at, self._asked.at))
        tenths = f".{moment.microsecond // 100_000}" if moment.microsecond >= 100_000 else ""
        day = f"{moment:%Y-%m-%d} " if moment.date() != now.date() else ""
        return f"{day}{moment:%H:%M:%S}{tenths}"

    def person(self, who: str) -> str:
        return self._asked.names(who) or who

    def quality(self, word: int) -> Both:
        severity, reason = severity_of(word), reason_of(word)
        words: Both = {language: translate(_SEVERITIES[severity], language) for language in LANGUAGES}
        if reason is Reason.NONE:
            return words
        return {
            "zh": f"{words['zh']}({translate(REASONS[reason], 'zh')})",
            "en": f"{words['en']} ({translate(REASONS[reason], 'en')})",
        }


def short(seconds: float) -> str:
    return f"{seconds:.1f}".removesuffix(".0")


def glued(*parts: Both) -> Both:
    return {language: "".join(part[language] for part in parts) for language in LANGUAGES}


def joined(parts: Iterable[Both]) -> Both:
    """Sentences one after the other; what is empty is left out."""
    said = [part for part in parts if part]
    return {language: ("" if language == "zh" else " ").join(part[language] for part in said) for language in LANGUAGES}
