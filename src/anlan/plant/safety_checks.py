"""What must hold of the section `safety`: everything it names is there and tells what it is named for."""

from __future__ import annotations

from collections.abc import Iterator

from anlan.model.kinds import kinds
from anlan.model.tables import nearest
from anlan.plant.draft import Draft
from anlan.plant.findings import Findings, Where


def check_safety(draft: Draft, findings: Findings) -> None:
    points, where = {p.id: p for p in draft.points}, draft.where["safety", ""]
    known = points.keys() | {v.id for v in draft.votes} | {c.id for c in draft.calculated}
    for owner, name in _named(draft):
        if name not in known:
            hint = nearest(name, known) or "—"
            message = "{owner} names the point {point}, which is not in the list"
            findings.mistake("unknown-point", message, where, mend="did you mean {hint}?", owner=owner, point=name, hint=hint)
    effects = {effect.id for effect in draft.safety.effects}
    for identifier in _twice([c.id for c in draft.safety.causes]) + _twice([e.id for e in draft.safety.effects]):
        findings.mistake("duplicate-id", "{id} stands in the section safety twice", where, id=identifier)
    for cause in draft.safety.causes:
        _cause(draft, cause.id, where, findings)
        for effect in cause.effects:
            if effect not in effects:
                hint = nearest(effect, effects) or ", ".join(sorted(effects)[:5]) or "—"
                message = "{owner} leads to {effect}, which is not among the effects"
                mend = "did you mean {hint}?"
                findings.mistake("unknown-effect", message, where, mend=mend, owner=cause.id, effect=effect, hint=hint)
    for effect in effects - {name for cause in draft.safety.causes for name in cause.effects}:
        findings.warning("idle-effect", "no cause leads to the effect {effect}", where, effect=effect)


def _cause(draft: Draft, identifier: str, where: Where, findings: Findings) -> None:
    cause = next(c for c in draft.safety.causes if c.id == identifier)
    points = {p.id: p for p in draft.points}
    told = points.get(cause.point)
    if told is not None and not kinds()[told.kind].discrete:
        message = "{owner}: {point} is a measured value; the point that tells whether it has tripped was expected"
        findings.mistake("safety", message, where, owner=identifier, point=cause.point)
    bypass = points.get(cause.bypass or "")
    if bypass is not None and bypass.kind != "bypass":
        message = "{owner}: {point} is of the kind {kind}; a point of the kind bypass was expected"
        findings.mistake("safety", message, where, owner=identifier, point=bypass.id, kind=bypass.kind)
    if cause.first_out is not None and draft.safety.first_out is None:
        findings.mistake("safety", "{owner} has a first-out state, but safety: first_out names no point", where, owner=identifier)


def _named(draft: Draft) -> Iterator[tuple[str, str]]:
    """(who names it, point)."""
    if draft.safety.first_out is not None:
        yield "first_out", draft.safety.first_out
    for cause in draft.safety.causes:
        for name in (cause.point, cause.bypass, cause.bypass_left, *cause.watches):
            if name is not None:
                yield cause.id, name
    for effect in draft.safety.effects:
        for name in (effect.closed, effect.open, effect.running, effect.command):
            if name is not None:
                yield effect.id, name


def _twice(identifiers: list[str]) -> list[str]:
    return sorted({one for one in identifiers if identifiers.count(one) > 1})
