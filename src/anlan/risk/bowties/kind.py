"""Bow-ties as studies: drawn with what each barrier is worth now, as a factor against the baseline with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.risk.bowties.health import BarrierHealth, ItemState
from anlan.risk.bowties.model import Barrier, BarrierSort, BowTie
from anlan.risk.bowties.solving import METHOD, TOP, BowTieAnswer, Prepared
from anlan.risk.bowties.yaml_form import BowTieReading
from anlan.risk.studies.drafts import Draft
from anlan.risk.studies.facts import Binding, Bound, Fact
from anlan.risk.studies.kinds import Moved, Outcome
from anlan.risk.wording import say
from anlan.web.paper.document import Column, Section

SORTS = {
    BarrierSort.PASSIVE: "passive",
    BarrierSort.ACTIVE: "active",
    BarrierSort.HUMAN: "by people",
}
HEALTH = {
    "effective": "effective",
    "degraded": "degraded",
    "failed": "barrier failed",
    "unknown": "not known",
    "unwatched": "not watched",
}


class BowTies:
    """The kind `bow-tie`."""

    name = "bow-tie"
    title = Label(zh="蝶形图", en="Bow-tie")

    def read(self, draft: Draft) -> Prepared:
        return Prepared(BowTieReading(draft.nodes.file).bow_tie(draft))

    def bindings(self, model: Prepared) -> Sequence[Bound]:
        return model.bounds()

    def solve(self, model: Prepared, facts: Mapping[Binding, Fact] | None) -> BowTieAnswer:
        return model.solve(facts)

    def outcome(self, answer: BowTieAnswer) -> Outcome:
        """Of the gravest consequences together; those of one severity add up."""
        tie = answer.model.bow_tie
        worst = tie.worst()
        facts = answer.facts or {}
        return Outcome(
            value=None if answer.now is None else sum(answer.now[name] for name in worst),
            baseline=None if answer.baseline is None else sum(answer.baseline[name] for name in worst),
            unit="/a",
            unknown=sum(not one.known for one in facts.values()) / len(facts) if facts else 0.0,
            moved=_moved(answer, worst),
            model=say("bow-tie {name}: {method}", name=tie.name, method=say(METHOD)),
            limits=limits_of(tie),
            reasons=() if answer.now is not None else (say("the exact diagram does not fit: nothing was computed"),),
            more={
                "consequences": {name: None if answer.now is None else answer.now[name] for name in worst},
                "top_event": None if answer.now is None else answer.now[TOP],
                "top_event_factor": answer.factor(TOP),
            },
        )

    def figure(self, answer: BowTieAnswer) -> dict[str, Any]:
        return figure_of(answer)

    def paper(self, answer: BowTieAnswer, language: Language) -> tuple[Section, ...]:
        return sections(answer, language)


def limits_of(tie: BowTie) -> tuple[Label, ...]:
    found = [
        say(
            "Threats are rare and add up; barriers, escalation factors and conditions are independent unless the fault tree joins them."
        ),
        say("A barrier is one thing wherever it stands: what fails on one path has failed on the others."),
    ]
    if tie.source:
        found.append(say("Source: {source}", source=tie.source))
    found.append(say("Valid for: {validity}", validity=tie.validity) if tie.validity else say("No range of validity is stated."))
    return tuple(found)


def _moved(answer: BowTieAnswer, worst: Sequence[str]) -> tuple[Moved, ...]:
    """Every fact that is asked for; those that change something carry their part's factor on the gravest consequences, the largest first."""
    if answer.facts is None or answer.baseline is None:
        return ()
    base = sum(answer.baseline[name] for name in worst)
    factors: dict[tuple[str, str], float | None] = {}
    for one in answer.changes:
        alone = sum((one.factors[name] or 0.0) * answer.baseline[name] for name in worst)
        factors[(one.part, one.name)] = alone / base if base else None
    found, events = [], {one.name for one in answer.model.live}
    for part, name, label, bound in _asked(answer.model):
        fact = answer.facts[bound.binding]
        factor = factors.get((part, name), 1.0) if fact.adverse else 1.0
        found.append(Moved(name, label, bound.binding, fact, factor if base else None))
    once: dict[tuple[Binding, str], Moved] = {}
    for each in sorted(found, key=lambda one: -(one.factor or 0.0)):
        # What a barrier's health and the linked tree both ask is told once, for the barrier.
        once.setdefault((each.binding, "" if each.what in events else each.what), each)
    asked = {binding for binding, what in once if what}
    return tuple(one for (binding, what), one in once.items() if what or binding not in asked)


def _asked(model: Prepared) -> list[tuple[str, str, Label, Bound]]:
    tie = model.bow_tie
    found = [
        ("barrier", name, one.label, bound)
        for name, one in tie.barriers.items()
        if one.watch is not None
        for item in one.watch.items
        for bound in item.bounds
    ]
    found += [("threat", n, one.label, one.live.bound) for n, one in tie.threats.items() if one.live is not None]
    found += [("escalation", n, one.label, one.live.bound) for n, one in tie.escalation.items() if one.live is not None]
    found += [("condition", n, one.label, one.live.bound) for n, one in tie.conditions.items() if one.live is not None]
    return found + [("event", one.name, Label(zh=model.tree.events[one.at].label or one.name), one.bound) for one in model.live]


# ---- telling


def figure_of(answer: BowTieAnswer) -> dict[str, Any]:
    """What the page draws: threats left, the knot, consequences right, each with the barriers on its path in their order."""
    tie, facts = answer.model.bow_tie, answer.facts
    return {
        "hazard": tie.hazard.model_dump(),
        "top_event": {"label": tie.top_event.model_dump(), **_figures(answer, TOP)},
        "threats": [
            {
                "id": name,
                "label": one.label.model_dump(),
                "line": one.place.line,
                "frequency": one.frequency,
                "gate": one.gate or None,
                "reaches_top": answer.paths.get((name, TOP)),
                "barriers": list(one.barriers),
                "source": one.source or None,
                "live": _live(one.live, facts),
            }
            for name, one in tie.threats.items()
        ],
        "consequences": [
            {
                "id": name,
                "label": one.label.model_dump(),
                "line": one.place.line,
                "severity": one.severity,
                "barriers": list(one.barriers),
                "works": list(one.works),
                "if": list(one.given),
                "unless": list(one.unless),
                "by_threat": {threat: answer.paths.get((threat, name)) for threat in tie.threats},
                **_figures(answer, name),
            }
            for name, one in tie.consequences.items()
        ],
        "barriers": {name: _barrier(one, answer.health[name], answer.fails.get(name)) for name, one in tie.barriers.items()},
        "escalation": {
            name: {"label": one.label.model_dump(), "chance": one.chance, "barriers": list(one.barriers), "live": _live(one.live, facts)}
            for name, one in tie.escalation.items()
        },
        "conditions": {
            name: {"label": one.label.model_dump(), "chance": one.chance, "live": _live(one.live, facts)}
            for name, one in tie.conditions.items()
        },
        "changes": [
            {"part": one.part, "id": one.name, "why": one.fact.why.model_dump(), "known": one.fact.known,
             "factors": {name or "top-event": factor for name, factor in one.factors.items()}}
            for one in answer.changes
        ],
        "linked": tie.linked or None,
        "unit": "/a",
        "method": say(METHOD).model_dump(),
        "seconds": round(answer.seconds, 4),
        "source": tie.source or None,
        "validity": tie.validity or None,
    }  # fmt: skip


def _figures(answer: BowTieAnswer, name: str) -> dict[str, float | None]:
    return {
        "frequency": None if answer.now is None else answer.now[name],
        "baseline": None if answer.baseline is None else answer.baseline[name],
        "factor": answer.factor(name),
    }


def _barrier(one: Barrier, health: BarrierHealth, fails: tuple[float, float] | None) -> dict[str, Any]:
    return {
        "label": one.label.model_dump(),
        "line": one.place.line,
        "sort": one.sort.value,
        "sort_name": say(SORTS[one.sort]).model_dump(),
        "pfd": one.pfd,
        "fails_baseline": None if fails is None else fails[0],
        "fails": None if fails is None else fails[1],
        "gate": one.gate or None,
        "source": one.source or None,
        "escalation": list(one.escalation),
        "health": health.shown.value,
        "health_name": say(HEALTH[health.shown.value]).model_dump(),
        "counted": health.counted.value,
        "degradable": one.degraded is not None,
        "needs": one.watch.needs if one.watch is not None else None,
        "lost": health.lost,
        "unknown": health.unknown,
        "items": [_item(state) for state in health.items],
    }


def _item(state: ItemState) -> dict[str, Any]:
    return {
        "label": state.item.label.model_dump(),
        "bindings": [str(bound.binding) for bound in state.item.bounds],
        "lost": state.lost,
        "known": state.known,
        "why": [why.model_dump() for why in state.why],
    }


def _live(live: Any, facts: Mapping[Binding, Fact] | None) -> dict[str, Any] | None:
    if live is None:
        return None
    told: dict[str, Any] = {"binding": str(live.bound.binding), "then": live.then}
    if facts is not None:
        fact = facts[live.bound.binding]
        told |= {"state": fact.state, "adverse": fact.adverse, "since": fact.since or None, "why": fact.why.model_dump()}
    return told


def sections(answer: BowTieAnswer, language: Language) -> tuple[Section, ...]:
    """For paper: consequences, threats, barriers."""
    tie = answer.model.bow_tie

    def words(msgid: str) -> str:
        return say(msgid).text(language)

    def name_of(label: Label, name: str) -> str:
        return label.text(language) or name

    def row(label: str, severity: str, name: str) -> tuple[str, ...]:
        figures = _figures(answer, name)
        factor = figures["factor"]
        return (
            label,
            severity,
            _shown(figures["baseline"]),
            _shown(figures["frequency"]),
            "—" if factor is None else f"×{factor:.3g}",
        )

    ends = (
        row(name_of(tie.top_event, "top event"), "—", TOP),
        *(row(name_of(one.label, name), str(one.severity), name) for name, one in tie.consequences.items()),
    )
    threats = tuple(
        (
            name_of(one.label, name),
            _shown(one.frequency),
            " · ".join(name_of(tie.barriers[each].label, each) for each in one.barriers) or "—",
            _shown(answer.paths.get((name, TOP))),
        )
        for name, one in tie.threats.items()
    )
    barriers = tuple(
        (
            name_of(one.label, name),
            words(SORTS[one.sort]),
            " → ".join(f"{p:.3g}" for p in answer.fails[name]) if name in answer.fails else "—",
            words(HEALTH[answer.health[name].shown.value]),
            "; ".join(why.text(language) for item in answer.health[name].items if item.lost or not item.known for why in item.why)
            or "—",
        )
        for name, one in tie.barriers.items()
    )
    a_year = "/a"
    return (
        Section(
            words("Consequences"),
            (Column(words("Event"), "2fr"), Column(words("Severity"), "18mm", "right"), Column(f"{words('Baseline')} {a_year}", "28mm", "right"),
             Column(f"{words('Now')} {a_year}", "28mm", "right"), Column(words("Factor"), "22mm", "right")),
            ends,
        ),
        Section(
            words("Threats"),
            (Column(words("Threat"), "1.4fr"), Column(a_year, "22mm", "right"), Column(words("Barriers"), "2fr"),
             Column(f"{words('Reaches the top event')} {a_year}", "30mm", "right")),
            threats,
        ),
        Section(
            words("Barriers"),
            (Column(words("Barrier"), "1.4fr"), Column(words("Kind"), "18mm"), Column("PFD", "32mm", "right"), Column(words("State"), "22mm"),
             Column(words("Because"), "2fr")),
            barriers,
        ),
    )  # fmt: skip


def _shown(value: float | None) -> str:
    return "—" if value is None else f"{value:.4g}"
