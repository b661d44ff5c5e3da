"""Cut sets up to an order, from the leaves up, for a tree whose exact diagram is out of reach — and what its probability cannot exceed.

Sets larger than the order are dropped while they are made, so each family stays small. What is dropped is bounded by the same
calculation with the large sets shortened to their first members instead: a function that is true whenever the tree is. A second bound
goes gate by gate: or as if arguments were independent (what coherent functions share can only make their union smaller), and as a product over
groups of arguments that share no event, of the smallest in each group.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anlan.risk.trees.circuit import Circuit, Ints
from anlan.risk.trees.diagrams import tables, zbdd
from anlan.risk.trees.diagrams.bdd import GATE_AND, GATE_ATLEAST, GATE_OR
from anlan.risk.trees.diagrams.building import FIRST_NODES, MOST_NODES, Family, Workshop, closed, power_of_two
from anlan.risk.trees.orders import depth_first

STEPS = 1 << 25
"""Work for one order: some seconds."""
GROWTH = 4
"""The next order is tried where this one took less than this part of the work that is allowed: it takes several times as much."""
HIGHEST = 12


@dataclass(frozen=True, slots=True)
class Truncated:
    """`family`: all minimal cut sets of at most `order` members. None: the tree is not coherent, so that none can be told from below."""

    order: int
    family: Family | None
    upper: float


def truncated(circuit: Circuit, root: int, p: list[float], most: int = MOST_NODES, highest: int = HIGHEST) -> Truncated:
    """As high an order as the work allows, at least 1. `p` by event id."""
    order = depth_first(circuit, None)
    upper = structural(circuit, root, p)
    coherent = circuit.coherent()
    found = Truncated(0, None, upper)
    weights = np.array([p[e] for e in order])
    below_goes_on, above_goes_on = coherent, True
    for k in range(1, highest + 1):
        if below_goes_on:
            family, steps = _family(circuit, root, order, k, 0, most)
            below_goes_on = steps < STEPS // GROWTH
            if family is not None:
                found = Truncated(k, family, found.upper)
        if above_goes_on:
            family, steps = _family(circuit, root, order, k, 1, most)
            above_goes_on = steps < STEPS // GROWTH
            if family is not None:
                found = Truncated(found.order, found.family, min(found.upper, _at_most(family, weights)))
        if not below_goes_on and not above_goes_on:
            break
    return found


def _at_most(family: Family, weights: npt.NDArray[np.float64]) -> float:
    """The smaller of the two bounds that need no listing."""
    from anlan.risk.trees.cut_sets import CutSets

    sets = CutSets(family, (), weights)
    return min(x for x in (1.0, sets.mcub(), sets.rare_event()) if x is not None)


def _family(circuit: Circuit, root: int, order: Ints, most_members: int, shorten: int, most: int) -> tuple[Family | None, int]:
    """With the work that it took."""
    most = power_of_two(most)
    shop = Workshop(min(FIRST_NODES, most), 1, STEPS)
    making = Making(circuit, shop, most_members, shorten, most, np.argsort(order).tolist())
    found = making.family(root)
    return (None if found == tables.REFUSED else closed(shop, found, order)), int(shop.state[tables.STEPS])


@dataclass(slots=True)
class Making:
    circuit: Circuit
    shop: Workshop
    order: int
    shorten: int
    most: int
    level_of: list[int]

    def family(self, root: int) -> int:
        """Of a literal; gates first to last. A negated event is left open, which only adds sets: it is used for upper bounds alone."""
        events = len(self.circuit.events)
        values: dict[int, int] = {}
        for literal in needed(self.circuit, root):
            if literal >> 1 < events:
                values[literal] = 1 if literal & 1 else self._event(literal >> 1)
            else:
                values[literal] = self._gate((literal >> 1) - events, literal & 1, values)
            if values[literal] == tables.REFUSED:
                return tables.REFUSED
        return values[root]

    def _event(self, event: int) -> int:
        shop, level = self.shop, self.level_of[event]
        return self._made(lambda: int(zbdd.family_of(shop.nodes, shop.heads, shop.state, level, 1, 0)))

    def _gate(self, gate: int, negated: int, values: dict[int, int]) -> int:
        kind = int(self.circuit.kinds[gate])
        parts = [values[x ^ negated] for x in self.circuit.below(gate)]
        if kind == GATE_ATLEAST:
            k = int(self.circuit.least[gate])
            return self._atleast(parts, len(parts) - k + 1 if negated else k)
        if kind not in (GATE_AND, GATE_OR):
            return 1  # an exclusive or: left open
        joined = self._union if (kind == GATE_OR) != bool(negated) else self._product
        result = parts[0]
        for part in parts[1:]:
            result = joined(result, part)
            if result == tables.REFUSED:
                break
        return result

    def _atleast(self, parts: list[int], k: int) -> int:
        row = [1] + [0] * k
        for part in parts:
            for j in range(k, 0, -1):
                both = self._product(row[j - 1], part)
                if both == tables.REFUSED:
                    return both
                row[j] = self._union(row[j], both)
                if row[j] == tables.REFUSED:
                    return row[j]
        return row[k]

    def _union(self, a: int, b: int) -> int:
        return self._made(lambda: int(zbdd.union(*self.shop.tools(), a, b)))

    def _product(self, a: int, b: int) -> int:
        return self._made(lambda: int(zbdd.product(*self.shop.tools(), a, b, self.order, self.shorten)))

    def _made(self, make: Callable[[], int]) -> int:
        while True:
            found = make()
            if found >= 0 or self.shop.state[tables.STEPS] > self.shop.state[tables.MOST] or not self.shop.grow(self.most):
                return found


def needed(circuit: Circuit, root: int) -> list[int]:
    """The literals below `root` with the signs in which they are needed, children first."""
    events = len(circuit.events)
    wanted = {root}
    for gate in range(circuit.gates - 1, -1, -1):
        for sign in (0, 1):
            if 2 * (events + gate) + sign in wanted:
                wanted.update(x ^ sign for x in circuit.below(gate))
    return sorted(wanted)


def structural(circuit: Circuit, root: int, p: list[float]) -> float:
    """An upper bound of P gate by gate, for trees of any size."""
    events = len(circuit.events)
    coherent = circuit.coherent()
    upper: dict[int, float] = {}
    support: dict[int, int] = {}
    for literal in needed(circuit, root):
        one, negated = literal >> 1, literal & 1
        if one < events:
            upper[literal], support[literal] = (1 - p[one]) if negated else p[one], 1 << one
            continue
        gate = one - events
        below = [x ^ negated for x in circuit.below(gate)]
        support[literal] = 0
        for x in below:
            support[literal] |= support.get(x, support.get(x ^ 1, 0))
        kind = int(circuit.kinds[gate])
        if kind in (GATE_AND, GATE_OR) and (kind == GATE_AND) != bool(negated):
            upper[literal] = _all_of([(upper[x], support[x]) for x in below])
        elif kind in (GATE_AND, GATE_OR):
            none = float(np.prod([1 - upper[x] for x in below]))
            upper[literal] = 1 - none if coherent else min(1.0, sum(upper[x] for x in below))
        elif kind == GATE_ATLEAST:
            k = int(circuit.least[gate])
            k = len(below) - k + 1 if negated else k
            # Of the expected number of arguments that hold, k are needed (Markov).
            upper[literal] = min(1.0, sum(upper[x] for x in below) / k)
        else:
            upper[literal] = 1.0
    return upper[root]


def _all_of(parts: list[tuple[float, int]]) -> float:
    groups: list[tuple[float, int]] = []
    for chance, support in parts:
        joined = (chance, support)
        apart = []
        for other in groups:
            if other[1] & joined[1]:
                joined = (min(joined[0], other[0]), joined[1] | other[1])
            else:
                apart.append(other)
        groups = [*apart, joined]
    return float(np.prod([chance for chance, _ in groups]))
