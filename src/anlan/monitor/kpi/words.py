"""What each measure is called and how its figure is written, for the page and the command alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from anlan.model.languages import LANGUAGES, translate

Form = Literal["count", "number", "percent", "seconds"]


@dataclass(frozen=True, slots=True)
class Measure:
    """`part`: the heading it stands under. `words` may hold {n}."""

    id: str
    part: str
    words: str
    form: Form = "count"
    n: int = 0

    def text(self, language: str) -> str:
        return translate(self.words, language).format(n=self.n)

    def as_json(self) -> dict[str, Any]:
        both = {language: self.text(language) for language in LANGUAGES}
        part = {language: translate(self.part, language) for language in LANGUAGES}
        return {"id": self.id, "part": part, "name": both, "form": self.form}


def _hidden(kind: str, name: str) -> tuple[Measure, ...]:
    return (
        Measure(f"{kind}.times", "Hidden alarms", f"{name}: times"),
        Measure(f"{kind}.seconds", "Hidden alarms", f"{name}: in all", "seconds"),
        Measure(f"{kind}.at_end", "Hidden alarms", f"{name}: at the end"),
    )


MEASURES: tuple[Measure, ...] = (
    Measure("rate.count", "Alarm rate", "alarms annunciated"),
    Measure("rate.per_day", "Alarm rate", "a day, on average", "number"),
    Measure("rate.per_hour", "Alarm rate", "an hour, on average", "number"),
    Measure("rate.per_10_min", "Alarm rate", "in 10 min, on average", "number"),
    Measure("rate.peak_10_min", "Alarm rate", "most in a regular 10 min"),
    Measure("rate.peak_10_min_any", "Alarm rate", "most in any 10 min"),
    Measure("rate.peak_hour", "Alarm rate", "most in an hour"),
    Measure("rate.peak_minute", "Alarm rate", "most in any minute"),
    *(
        Measure(f"rate.periods_above_{n}", "Alarm rate", "10-minute periods with more than {n}", "percent", n)
        for n in (1, 2, 5, 10)
    ),
    *(Measure(f"rate.hours_above_{n}", "Alarm rate", "hours with more than {n}", "percent", n) for n in (6, 12, 30)),
    Measure("flood.count", "Alarm floods", "floods"),
    Measure("flood.share", "Alarm floods", "time in flood", "percent"),
    Measure("flood.seconds", "Alarm floods", "in flood for", "seconds"),
    Measure("flood.largest", "Alarm floods", "alarms in the largest flood"),
    *(Measure(f"priority.{n}", "Priorities", "priority {n}", "percent", n) for n in (1, 2, 3, 4)),
    Measure("actors.share", "Bad actors", "share of the ten most frequent", "percent"),
    Measure("chattering.count", "Bad actors", "chattering alarms (Ψ above 0.05/s)"),
    Measure("fleeting.count", "Bad actors", "fleeting: gone within 10 s, untouched"),
    Measure("stale.count", "Standing alarms", "stale: standing longer than 24 h"),
    Measure("stale.most_in_a_day", "Standing alarms", "most stale on one day"),
    Measure("stale.at_end", "Standing alarms", "stale at the end"),
    Measure("standing.average", "Standing alarms", "standing, on average", "number"),
    Measure("standing.most", "Standing alarms", "standing at most"),
    Measure("standing.at_end", "Standing alarms", "standing at the end"),
    Measure("acknowledge.median", "Time to acknowledge", "median", "seconds"),
    Measure("acknowledge.p90", "Time to acknowledge", "nine of ten within", "seconds"),
    Measure("acknowledge.longest", "Time to acknowledge", "longest", "seconds"),
    Measure("acknowledge.never", "Time to acknowledge", "never acknowledged"),
    Measure("acknowledge.waiting", "Time to acknowledge", "still waiting at the end"),
    Measure("respond.median", "Time until the condition was gone", "median", "seconds"),
    Measure("respond.p90", "Time until the condition was gone", "nine of ten within", "seconds"),
    Measure("respond.longest", "Time until the condition was gone", "longest", "seconds"),
    Measure("respond.in_time", "Time until the condition was gone", "within the stated time to respond", "percent"),
    *_hidden("shelved", "shelved"),
    *_hidden("suppressed", "suppressed by design"),
    *_hidden("out_of_service", "out of service"),
)
