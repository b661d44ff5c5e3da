"""Which claimed layers are credited against a cause, and why the others are not.

A layer is refused for what it is (an alarm with too little time, this program's own alarms) or for what it shares: an element with the cause, or
with another layer. Of layers that share, the independent choice with the greatest reduction is credited, so that a further layer never
raises the figure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from math import log

from anlan.model.words import Label
from anlan.risk.lopa.analysis import Analysis, Cause, Layer
from anlan.risk.lopa.figures import short
from anlan.risk.wording import say


@cache
def rules() -> dict[str, tuple[float, str, str]]:
    """Rule → (value, origin, confidence)."""
    import csv

    text = files("anlan.risk.lopa").joinpath("data", "rules.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["rule"]: (float(row["value"]), row["origin"], row["confidence"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Credit:
    """What one layer counts against one cause. `pfd` 1 where it is not credited; `why` then says so; `remarks` otherwise."""

    layer: Layer
    pfd: float
    credited: bool
    why: Label | None = None
    remarks: tuple[Label, ...] = ()


def credit(analysis: Analysis, cause: Cause) -> tuple[Credit, ...]:
    """Of each layer, in the order written. A safety function without PFD is not credited: it is what is sought."""
    found = [_alone(layer, cause) for layer in analysis.layers]
    open_ = [n for n, one in enumerate(found) if one.credited]
    clashes = {
        (a, b): why
        for i, a in enumerate(open_)
        for b in open_[i + 1 :]
        if (why := _clash(found[a].layer, found[b].layer)) is not None
    }
    kept = _best(open_, [found[n].pfd for n in range(len(found))], set(clashes))
    for n in open_:
        if n not in kept:
            rival = next(m for m in kept if (min(m, n), max(m, n)) in clashes)
            why = clashes[min(rival, n), max(rival, n)]
            found[n] = replace(found[n], pfd=1.0, credited=False, why=_told(why, found[rival].layer.name))
    return tuple(found)


def _alone(layer: Layer, cause: Cause) -> Credit:
    """The credit before layers are held against each other."""
    why, pfd = _refused(layer, cause), layer.pfd
    if why is not None or pfd is None:
        return Credit(layer, 1.0, False, why or say("its PFD is not given: it is what the others leave over"))
    remarks = []
    least = rules()["bpcs-least-pfd"][0]
    if layer.sort == "bpcs" and pfd < least:
        remarks.append(say("credited with {most} at most, not with {found}", most=short(1 / least), found=short(1 / pfd)))
        pfd = least
    customary = rules().get(f"customary-{layer.sort}")
    if customary is not None and pfd < customary[0]:
        remarks.append(
            say("PFD {found} is smaller than the customary {usual} ({origin}, text not checked): its source must bear it",
                found=short(pfd), usual=short(customary[0]), origin=customary[1])
        )  # fmt: skip
    if layer.anlan:
        remarks.append(say("credit for alarms of this program, accepted by: {by}", by=layer.accepted))
    if not layer.source and layer.function is None:
        remarks.append(say("the source of its PFD is not stated"))
    if not layer.uses.elements:
        remarks.append(say("independence: not assessed, no elements are stated"))
    return Credit(layer, pfd, True, None, tuple(remarks))


def _refused(layer: Layer, cause: Cause) -> Label | None:
    if layer.causes and cause.id not in layer.causes:
        return say("it does not work against this cause")
    if layer.anlan and not layer.accepted:
        return say("alarms of this program are no independent layer")
    if layer.sort == "alarm":
        least = rules()["alarm-least-minutes"][0]
        if layer.minutes is None:
            return say("the minutes to respond are not stated; {least} are needed", least=short(least))
        if layer.minutes < least:
            return say("{found} min to respond; {least} are needed", found=short(layer.minutes), least=short(least))
    shared = layer.uses.shared(cause.uses)
    if shared:
        return say("shares {elements} with the cause", elements=", ".join(shared))
    if layer.sort == "bpcs" and cause.sort == "bpcs":
        return say("the control system is the cause")
    if layer.sort == "alarm" and cause.sort == "bpcs" and not layer.uses.of("logic"):
        return say("the control system is the cause, and which logic raises the alarm is not stated (uses: logic)")
    return None


def _clash(a: Layer, b: Layer) -> str | None:
    """The elements that two layers share, "" where both are of the control system, None where they may both count."""
    shared = a.uses.shared(b.uses)
    return ", ".join(shared) if shared else "" if a.sort == b.sort == "bpcs" else None


def _told(shared: str, other: Label) -> Label:
    if shared:
        return say("shares {elements} with {other}, which is credited", elements=shared, other=other)
    return say("one layer of the control system is credited, here {other}", other=other)


def _best(open_: list[int], pfd: list[float], clashes: set[tuple[int, int]]) -> set[int]:
    """The choice without clashes whose PFDs have the smallest product; the first written wins a tie."""
    if not clashes:
        return set(open_)

    def search(rest: list[int]) -> tuple[float, tuple[int, ...]]:
        if not rest:
            return 0.0, ()
        first, others = rest[0], rest[1:]
        free = [n for n in others if (first, n) not in clashes]
        gain, chosen = search(free)
        taken = (gain - log(pfd[first]), (first, *chosen))
        if len(free) == len(others):
            return taken
        return max(taken, search(others), key=lambda one: one[0])

    return set(search(open_)[1])
