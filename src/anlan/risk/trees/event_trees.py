"""Event trees: each sequence's probability, by one diagram over all that its paths collect. Success branches count exactly, as negations.

Paths that collect the same numbers and switches are joined as one function. Paths that collect different ones are branches that exclude
each other, and their probabilities are added.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from anlan.risk.trees.ccf import with_common_causes
from anlan.risk.trees.expressions import Expression
from anlan.risk.trees.mistakes import TreeMistake, TreeQuestion
from anlan.risk.trees.model import (
    Branch,
    CollectExpression,
    CollectFormula,
    Connective,
    Constant,
    FaultTree,
    Formula,
    Instruction,
    Logic,
    SetHouse,
)
from anlan.risk.trees.solving import Limits, Solution, by_level, evaluation, exact, solve_formula

MOST_PATHS = 100_000


@dataclass(frozen=True, slots=True)
class SequenceResult:
    """`probability` per initiating event, or per hour or year as its frequency is given; None where a part was not computed."""

    initiating_event: str
    event_tree: str
    sequence: str
    probability: float | None
    frequency: float | None
    parts: tuple[Solution, ...]
    weights: tuple[float, ...] = ()
    """Of each part: what its paths collected as numbers."""

    def again(self, p: Mapping[str, float]) -> float | None:
        """The probability with these of the events: the diagrams are only walked anew. None where a part has none."""
        total = 0.0
        for part, weight in zip(self.parts, self.weights, strict=True):
            if part.diagram is None or part.probability is None:
                return None
            column = by_level(part.circuit, part.diagram.levels, p)
            total += weight * float(exact(part.diagram, column[:, None])[0, 0])
        return total * (1.0 if self.frequency is None else self.frequency)

    @property
    def mcs(self) -> int | None:
        counts = [part.mcs for part in self.parts]
        return None if None in counts else sum(count for count in counts if count is not None)


@dataclass(frozen=True, slots=True)
class Collected:
    formulas: tuple[Logic, ...] = ()
    expressions: tuple[Expression, ...] = ()
    houses: tuple[tuple[str, bool], ...] = ()

    def plus(self, instructions: tuple[Instruction, ...]) -> Collected:
        found = self
        for one in instructions:
            match one:
                case CollectFormula(formula):
                    found = replace(found, formulas=(*found.formulas, formula))
                case CollectExpression(expression):
                    found = replace(found, expressions=(*found.expressions, expression))
                case SetHouse(name, state):
                    found = replace(found, houses=tuple(sorted({**dict(found.houses), name: state}.items())))
        return found


@dataclass(slots=True)
class Walk:
    tree: FaultTree
    paths: int = 0
    names: list[str] = field(default_factory=list)

    def ends(self, name: str) -> Iterator[tuple[str, str, Collected]]:
        """(event tree, sequence, what was collected) of each path."""
        yield from self._tree(name, Collected(), ())

    def _tree(self, name: str, so_far: Collected, above: tuple[str, ...]) -> Iterator[tuple[str, str, Collected]]:
        event_tree = self.tree.event_trees[name]
        if name in above:
            raise TreeMistake(
                "{name} depends on itself: {circle}", event_tree.place, name=name, circle=" → ".join([*above, name])
            )
        yield from self._branch(name, event_tree.initial, so_far, (*above, name), ())

    def _branch(
        self, name: str, branch: Branch, so_far: Collected, above: tuple[str, ...], branches: tuple[str, ...]
    ) -> Iterator[tuple[str, str, Collected]]:
        event_tree = self.tree.event_trees[name]
        collected = so_far.plus(branch.instructions)
        if branch.fork is not None:
            for path in branch.fork.paths:
                yield from self._branch(name, path.branch, collected, above, branches)
        elif branch.branch:
            if branch.branch in branches:
                raise TreeMistake(
                    "{name} depends on itself: {circle}",
                    event_tree.place,
                    name=branch.branch,
                    circle=" → ".join([*branches, branch.branch]),
                )
            yield from self._branch(name, event_tree.branches[branch.branch], collected, above, (*branches, branch.branch))
        else:
            sequence = event_tree.sequences[branch.sequence]
            collected = collected.plus(sequence.instructions)
            if sequence.linked:
                yield from self._tree(sequence.linked, collected, above)
                return
            self.paths += 1
            if self.paths > MOST_PATHS:
                raise TreeQuestion("the event tree has more than {most} paths", most=MOST_PATHS)
            yield name, branch.sequence, collected


def sequences(tree: FaultTree, limits: Limits | None = None) -> list[SequenceResult]:
    """Of each initiating event, in the order of its event tree. An event tree that none starts is run by its own name."""
    limits = limits or Limits()
    tree = with_common_causes(tree)
    started = [(one.name, one.event_tree, one.frequency) for one in tree.initiating_events.values() if one.event_tree]
    linked = {s.linked for one in tree.event_trees.values() for s in one.sequences.values()}
    started += [("", name, None) for name in tree.event_trees if name not in linked and all(name != s[1] for s in started)]
    found = []
    at = evaluation(tree)
    for initiating, name, frequency in started:
        ends: dict[tuple[str, str], dict[tuple[tuple[Expression, ...], tuple[tuple[str, bool], ...]], list[Logic]]] = {}
        for where, sequence, collected in Walk(tree).ends(name):
            parts = ends.setdefault((where, sequence), {})
            parts.setdefault((collected.expressions, collected.houses), []).append(_all(collected.formulas))
        rate = None if frequency is None else float(at.column(frequency)[0])
        for (where, sequence), groups in ends.items():
            solutions, weights, total = [], [], 0.0
            for (expressions, houses), formulas in groups.items():
                part = solve_formula(tree, sequence, Formula(Connective.OR, tuple(formulas)), limits, dict(houses))
                solutions.append(part)
                weight = 1.0
                for expression in expressions:
                    weight *= float(at.column(expression)[0])
                weights.append(weight)
                total += weight * (part.probability if part.probability is not None else float("nan"))
            probability = None if math.isnan(total) else total * (1.0 if rate is None else rate)
            found.append(SequenceResult(initiating, where, sequence, probability, rate, tuple(solutions), tuple(weights)))
    return found


def _all(formulas: tuple[Logic, ...]) -> Logic:
    return Formula(Connective.AND, formulas) if formulas else Constant(True)
