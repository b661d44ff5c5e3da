"""The frequencies of a bow-tie: of its top event and of each consequence, by one decision diagram over all that can fail.

With fₜ the frequency of threat t and everything else independent basic events,

    f(top) = Σₜ fₜ · P(gateₜ ∧ all barriers of t fail)
    f(c)   = Σₜ fₜ · P(gateₜ ∧ all barriers of t fail ∧ all of c's barriers fail, its conditions hold)

A barrier fails by itself (or as its gate of the fault tree says), or when an escalation factor is there and all of that factor's own barriers fail. It is
one event wherever it stands: on several threats' paths, on both sides of the knot, as another barrier's guard. So nothing is multiplied that depends on
each other. Threats are taken as rare: they add up.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from anlan.risk.bowties.health import BarrierHealth, Facts, Health, health_of
from anlan.risk.bowties.mistakes import BowTieMistake
from anlan.risk.bowties.model import BowTie, Condition, Consequence, Escalation, Live, Threat
from anlan.risk.studies.facts import Bound, Fact
from anlan.risk.trees.ccf import with_common_causes
from anlan.risk.trees.circuit import TRUE, Circuit, circuit_of
from anlan.risk.trees.diagrams.building import Diagram, race
from anlan.risk.trees.expressions import Column, Number
from anlan.risk.trees.model import BasicEvent, Connective, Constant, FaultTree, Formula, Gate, Logic, Named
from anlan.risk.trees.solving import by_level, chances, exact
from anlan.risk.wording import say

if TYPE_CHECKING:
    from anlan.risk.studies.of_trees import LiveEvent

MOST_NODES = 1 << 21
METHOD = "exact: one decision diagram over all barriers"
TOP = ""
"""In place of a consequence's name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that the plant tells differently from the baseline. `name` of a barrier, escalation factor, condition, threat or event of the tree."""

    part: str
    name: str
    fact: Fact
    factors: Mapping[str, float | None]
    """By it alone, against the baseline: of each consequence, and of the top event under TOP."""


@dataclass(frozen=True, slots=True)
class BowTieAnswer:
    """Frequencies a year by consequence, the top event's under TOP; None where the diagram does not fit. `paths`: (threat, consequence or TOP)."""

    model: Prepared
    facts: Facts | None
    baseline: Mapping[str, float] | None
    now: Mapping[str, float] | None
    paths: Mapping[tuple[str, str], float]
    fails: Mapping[str, tuple[float, float]]
    """Barrier → the chance that it fails on demand in the baseline and now: by itself, its fault tree, its escalation factors."""
    health: Mapping[str, BarrierHealth]
    changes: tuple[Change, ...]
    seconds: float

    def factor(self, name: str) -> float | None:
        return _over(self.now, self.baseline, name)


@dataclass(slots=True)
class _Setting:
    """What one column of the computation is made of."""

    p: dict[str, float]
    frequency: dict[str, float]


class Prepared:
    """A bow-tie with its diagram, built when first asked for: facts only walk it again."""

    def __init__(self, bow_tie: BowTie) -> None:
        """Raises BowTieMistake where a gate rests on an event without a probability."""
        self.bow_tie = bow_tie
        self.tree = _as_tree(bow_tie)
        self.base = chances(self.tree)
        for name, value in self.base.items():
            if np.isnan(value):
                raise BowTieMistake("the probability of {name} is not given", self.tree.events[name].place, name=name)

    @cached_property
    def _roots(self) -> list[tuple[str, str]]:
        tie = self.bow_tie
        return [(threat, end) for threat in tie.threats for end in (TOP, *tie.consequences)]

    @cached_property
    def circuit(self) -> Circuit:
        tie = self.bow_tie
        ways = {name: _way(one) for name, one in tie.threats.items()}
        ends: dict[str, tuple[Logic, ...]] = {TOP: (), **{name: _end(one) for name, one in tie.consequences.items()}}
        paths = [_all((*ways[threat], *ends[end])) for threat, end in self._roots]
        return circuit_of(self.tree, [*paths, *(Named(_fails(name)) for name in tie.barriers)])

    @cached_property
    def diagram(self) -> Diagram | None:
        return race(self.circuit, MOST_NODES) if self.circuit.events else None

    def bounds(self) -> list[Bound]:
        """All facts that are asked for."""
        tie = self.bow_tie
        watched = [bound for one in tie.barriers.values() if one.watch for item in one.watch.items for bound in item.bounds]
        alive = [one.live.bound for _, one in _alive(tie) if one.live is not None]
        return [*watched, *alive, *(one.bound for one in self.live)]

    @cached_property
    def live(self) -> tuple[LiveEvent, ...]:
        """The tree's live events that a path rests on; a linked tree may have others."""
        events = set(self.circuit.events)
        return tuple(one for one in self.bow_tie.live if one.at in events)

    def solve(self, facts: Facts | None = None, assumed: Mapping[str, Health] | None = None) -> BowTieAnswer:
        """`facts`: one for each of `bounds`; None is the baseline. `assumed`: barriers as if they were effective, degraded or failed."""
        began = time.perf_counter()
        tie = self.bow_tie
        health = {name: health_of(one, facts) for name, one in tie.barriers.items()}
        for name, state in (assumed or {}).items():
            health[name] = BarrierHealth(tie.barriers[name], state, state, health[name].items)
        told = self._barriers_changed(health, facts or {}, assumed or {})
        told += [] if facts is None else self._alive_changed(facts)
        settings = [self._setting([]), self._setting(told), *(self._setting([one]) for one in told)]
        solved = self._probabilities(settings)
        if solved is None:
            return BowTieAnswer(self, facts, None, None, {}, {}, health, (), time.perf_counter() - began)
        found, failing = solved
        sums = [self._summed(column, setting) for column, setting in zip(found, settings, strict=True)]
        baseline, now = sums[0], sums[1]
        changes = tuple(
            Change(part, name, fact, {end: _over(alone, baseline, end) for end in baseline})
            for (part, name, fact, _), alone in zip(told, sums[2:], strict=True)
        )
        paths = {key: settings[1].frequency[key[0]] * p for key, p in found[1].items()}
        fails = {name: (float(p[0]), float(p[1])) for name, p in zip(tie.barriers, failing, strict=True)}
        return BowTieAnswer(self, facts, baseline, now, paths, fails, health, changes, time.perf_counter() - began)

    # ---- what the plant tells

    def _barriers_changed(self, health: Mapping[str, BarrierHealth], facts: Facts, assumed: Mapping[str, Health]) -> list[_Told]:
        told: list[_Told] = []
        for name, one in health.items():
            if one.counted in (Health.DEGRADED, Health.FAILED):
                bounds = [bound for item in one.items if item.lost for bound in item.item.bounds]
                fact = next((facts[bound.binding] for bound in bounds if facts[bound.binding].adverse), None)
                if name in assumed or fact is None:
                    fact = Fact(True, 0, say("as if"), True)
                pfd = one.pfd()
                assert pfd is not None
                event = _lost(name) if one.barrier.pfd is None else _own(name)
                told.append(("barrier", name, fact, (event, max(pfd, self.base.get(event, 0.0)))))
        return told

    def _alive_changed(self, facts: Facts) -> list[_Told]:
        told: list[_Told] = []
        for part, one in _alive(self.bow_tie):
            if one.live is not None and facts[one.live.bound.binding].adverse:
                event = one.name if part == "threat" else _factor(one.name) if part == "escalation" else _condition(one.name)
                told.append((part, one.name, facts[one.live.bound.binding], (event, one.live.then)))
        for each in self.live:
            chance = each.chance(self.base[each.at], facts[each.bound.binding])
            if chance != self.base[each.at]:
                told.append(("event", each.name, facts[each.bound.binding], (each.at, chance)))
        return told

    def _setting(self, told: Sequence[_Told]) -> _Setting:
        setting = _Setting(dict(self.base), {name: one.frequency for name, one in self.bow_tie.threats.items()})
        for part, _, _, (name, value) in told:
            (setting.frequency if part == "threat" else setting.p)[name] = value
        return setting

    # ---- computing

    def _probabilities(self, settings: Sequence[_Setting]) -> tuple[list[dict[tuple[str, str], float]], Column] | None:
        """Of each setting P of each path; and that each barrier fails, float64[barriers, settings]."""
        circuit = self.circuit
        if not circuit.events:  # nothing can fail or hold: each path is certain or impossible
            found: Column = np.repeat(np.array([[float(root == TRUE)] for root in circuit.roots]), len(settings), axis=1)
        elif self.diagram is None:
            return None
        else:
            found = exact(self.diagram, np.stack([by_level(circuit, self.diagram.levels, one.p) for one in settings], axis=1))
        paths = [dict(zip(self._roots, found[:, n].tolist(), strict=False)) for n in range(len(settings))]
        return paths, found[len(self._roots) :]

    def _summed(self, p: Mapping[tuple[str, str], float], setting: _Setting) -> dict[str, float]:
        sums = dict.fromkeys((TOP, *self.bow_tie.consequences), 0.0)
        for (threat, end), value in p.items():
            sums[end] += setting.frequency[threat] * value
        return sums


_Told = tuple[str, str, Fact, tuple[str, float]]
"""Part, name, the fact that tells it, and the event or threat with its new chance or frequency."""


def _alive(tie: BowTie) -> list[tuple[str, Threat | Escalation | Condition]]:
    parts: list[tuple[str, Mapping[str, Threat | Escalation | Condition]]] = [
        ("threat", dict(tie.threats)), ("escalation", dict(tie.escalation)), ("condition", dict(tie.conditions))
    ]  # fmt: skip
    return [(part, one) for part, several in parts for one in several.values() if isinstance(one.live, Live)]


def _over(value: Mapping[str, float] | None, base: Mapping[str, float] | None, name: str) -> float | None:
    if value is None or base is None or not base[name]:
        return None
    return value[name] / base[name]


def solve_bow_tie(bow_tie: BowTie, facts: Facts | None = None) -> BowTieAnswer:
    """Once. Who asks again keeps a `Prepared`."""
    return Prepared(bow_tie).solve(facts)


# ---- as a tree. The names begin with a sign that no name of a fault tree needs.


def _own(name: str) -> str:
    return f"⟂{name}"


def _lost(name: str) -> str:
    return f"⟂{name} lost"


def _fails(name: str) -> str:
    return f"⟂{name} fails"


def _factor(name: str) -> str:
    return f"⇣{name}"


def _condition(name: str) -> str:
    return f"∧{name}"


def _as_tree(tie: BowTie) -> FaultTree:
    tree = with_common_causes(tie.tree)
    gates, events = dict(tree.gates), dict(tree.events)

    def event(name: str, chance: float) -> Named:
        events[name] = BasicEvent(name, Number(chance))
        return Named(name)

    for name, factor in tie.escalation.items():
        event(_factor(name), factor.chance)
    for name, condition in tie.conditions.items():
        event(_condition(name), condition.chance)
    for name, barrier in tie.barriers.items():
        ways: list[Logic] = (
            [event(_own(name), barrier.pfd)] if barrier.pfd is not None else [Named(barrier.gate), event(_lost(name), 0.0)]
        )
        for each in barrier.escalation:
            guards = tie.escalation[each].barriers
            ways.append(_all((Named(_factor(each)), *(Named(_fails(guard)) for guard in guards))))
        gates[_fails(name)] = Gate(_fails(name), Formula(Connective.OR, tuple(ways)))
    return FaultTree(tie.name, gates, events, houses=tree.houses, parameters=tree.parameters, mission_time=tree.mission_time)


def _way(threat: Threat) -> tuple[Logic, ...]:
    return (*([Named(threat.gate)] if threat.gate else []), *(Named(_fails(name)) for name in threat.barriers))


def _end(one: Consequence) -> tuple[Logic, ...]:
    absent = [Named(_fails(name)) for name in one.works] + [Named(_condition(name)) for name in one.unless]
    return (
        *(Named(_fails(name)) for name in one.barriers),
        *(Named(_condition(name)) for name in one.given),
        *(Formula(Connective.NOT, (each,)) for each in absent),
    )


def _all(parts: Sequence[Logic]) -> Logic:
    return Formula(Connective.AND, tuple(parts)) if parts else Constant(True)
