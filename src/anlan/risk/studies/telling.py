"""Outcomes and studies as routes tell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anlan.model.words import Label
from anlan.risk.studies.facts import Binding, Fact
from anlan.risk.studies.kinds import HOMES, Outcome, kind
from anlan.risk.studies.store import Study
from anlan.web.answers import finite, iso


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    return {
        "value": _number(outcome.value),
        "baseline": _number(outcome.baseline),
        "factor": _number(outcome.factor),
        "unit": outcome.unit,
        "bound": None if outcome.bound is None else {"lower": outcome.bound[0], "upper": outcome.bound[1]},
        "unknown": outcome.unknown,
        "moved": [
            {
                "what": one.what,
                "label": one.label.model_dump(),
                "binding": str(one.binding),
                "sort": one.binding.sort,
                "id": one.binding.id,
                "factor": _number(one.factor),
                **fact_row(one.fact),
            }
            for one in outcome.moved
        ],
        "model": outcome.model.model_dump(),
        "limits": [one.model_dump() for one in outcome.limits],
        "reasons": [one.model_dump() for one in outcome.reasons],
        **dict(outcome.more),
    }


def fact_row(fact: Fact) -> dict[str, Any]:
    return {
        "state": fact.state,
        "last": fact.last,
        "adverse": fact.adverse,
        "since": fact.since or None,
        "since_iso": iso(fact.since) if fact.since else None,
        "why": fact.why.model_dump(),
    }


def study_row(study: Study) -> dict[str, Any]:
    title = kind(study.kind).title if study.kind in HOMES else None
    return {
        "id": study.study,
        "kind": study.kind,
        "kind_name": title.model_dump() if title is not None else {"zh": study.kind, "en": study.kind},
        "name": study.name.model_dump(),
        "place": study.place,
        **version_row(study),
    }


def version_row(study: Study) -> dict[str, Any]:
    return {
        "version": study.number,
        "base": study.base,
        "author": study.author,
        "reason": study.reason,
        "origin": study.origin,
        "digest": study.digest,
        "at": study.at,
        "at_iso": iso(study.at),
        "removed": study.removed,
    }


def kept_facts(outcome: Outcome) -> list[dict[str, Any]]:
    """As a result keeps them: why each was so, and how far it moved the outcome."""
    return [
        {
            "binding": str(one.binding),
            "what": one.what,
            "state": one.fact.state,
            "last": one.fact.last,
            "since": one.fact.since,
            "why": one.fact.why.model_dump(),
            "factor": _number(one.factor),
        }
        for one in outcome.moved
    ]


def silent_facts(failure: Label | None, facts: Mapping[Binding, Fact] | None) -> list[dict[str, Any]]:
    """Of a time in which a study could not be computed: why, under no binding, then the facts as they were."""
    told = [("", failure or Label(), None)] + [(str(binding), fact.why, fact) for binding, fact in (facts or {}).items()]
    return [
        {
            "binding": binding,
            "what": "",
            "state": fact.state if fact is not None else None,
            "last": fact.last if fact is not None else None,
            "since": fact.since if fact is not None else 0,
            "why": why.model_dump(),
            "factor": None,
        }
        for binding, why, fact in told
    ]


def states(facts: Mapping[Binding, Fact]) -> dict[str, tuple[bool | None, bool | None]]:
    return {str(binding): (fact.state, fact.last) for binding, fact in facts.items()}


def _number(value: float | None) -> float | None:
    return None if value is None else finite(value)
