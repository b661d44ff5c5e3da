"""Building diagrams under a cap: orders are raced, tables grow fourfold when they are full, and what does not fit is told, not waited for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anlan.risk.trees.circuit import Circuit, Ints
from anlan.risk.trees.diagrams import bdd, passes, tables, zbdd
from anlan.risk.trees.orders import orders

Table = npt.NDArray[np.int32]
MOST_NODES = 1 << 23
"""Of one table, by default: 8 Mi nodes, 0.3 GB with its buckets and answers, and as much again while it grows."""
FIRST_NODES = 1 << 16
FIRST_STEPS = 1 << 17
STEPS_PER_NODE = 4
"""The most work, in steps for each node that is allowed: some ten seconds at 8 Mi nodes."""
FAIR_STEPS = 1 << 19
"""Up to here all orders are given the same; beyond it those that have done LEFT_BEHIND as many gates as the best."""
LEFT_BEHIND = 0.7
LATE_STEPS = 1 << 22
"""What has not done half of its gates by now will not do the rest, whose diagrams are the larger ones, with eight times the work."""


@dataclass(frozen=True, slots=True)
class Diagram:
    """Functions of events as edges of one compact table. `levels` int64[levels]: the circuit's event at each level; `steps`: what it took."""

    nodes: Table
    roots: tuple[int, ...]
    levels: Ints
    order: str
    steps: int


def power_of_two(most: int) -> int:
    """The largest that is not above `most`: buckets are found by masks."""
    return 1 << (most.bit_length() - 1)


class Workshop:
    """A table of nodes with its buckets and answers. `family`: 1 for families of sets, 0 for functions."""

    def __init__(self, capacity: int, family: int, most_steps: int = 1 << 62) -> None:
        self.family = family
        self.nodes: Table = np.empty((capacity, 4), np.int32)
        passes.leaf(self.nodes, family)
        self.state = np.array([1 + family, 0, 0, 0, most_steps], np.int64)
        self._buckets()

    def _buckets(self) -> None:
        capacity = len(self.nodes)
        self.heads = np.zeros(capacity, np.int32)
        self.answers: Table = np.zeros((capacity, 4), np.int32)

    @property
    def used(self) -> int:
        return int(self.state[tables.USED])

    def grow(self, most: int) -> bool:
        """Four times the room, or what `most` leaves of it, the nodes kept. False when there is no more."""
        capacity = min(4 * len(self.nodes), power_of_two(most))
        if capacity <= len(self.nodes):
            return False
        nodes: Table = np.empty((capacity, 4), np.int32)
        nodes[: self.used] = self.nodes[: self.used]
        self.nodes = nodes
        self._buckets()
        tables.fill_buckets(self.nodes, self.heads, 1 + self.family, self.used)
        self.state[tables.FULL] = 0
        return True

    def tools(self) -> tuple[Table, npt.NDArray[np.int32], Table, Ints]:
        return self.nodes, self.heads, self.answers, self.state


def race(circuit: Circuit, most: int = MOST_NODES) -> Diagram | None:
    """The first of the static orders that gets there, as the work that each may do grows four- and eightfold: small trees need the first round.

    None when none does within `most` nodes at a time and STEPS_PER_NODE steps for each of them.
    """
    most = power_of_two(most)
    ways = list(orders(circuit))
    steps = min(FIRST_STEPS, STEPS_PER_NODE * most)
    while True:
        came = []
        best: Diagram | None = None
        for name, order in ways:
            # Who comes after the first that got there must be twice as fast.
            made = build(circuit, order, name, most, steps if best is None else best.steps // 2)
            if isinstance(made, Diagram):
                best = made
            else:
                came.append(made)
        if best is not None:
            return best
        if steps == STEPS_PER_NODE * most:
            return None
        if steps >= FAIR_STEPS:
            ways, came = _those_from(LEFT_BEHIND * max(came), ways, came)
        if steps >= LATE_STEPS:
            ways, came = _those_from(circuit.gates / 2, ways, came)
        if not ways:
            return None
        steps = min((4 if steps < FAIR_STEPS else 8) * steps, STEPS_PER_NODE * most)


def _those_from(least: float, ways: list[tuple[str, Ints]], came: list[int]) -> tuple[list[tuple[str, Ints]], list[int]]:
    kept = [n for n, done in enumerate(came) if done >= least]
    return [ways[n] for n in kept], [came[n] for n in kept]


def build(circuit: Circuit, order: Ints, name: str, most: int, steps: int) -> Diagram | int:
    """In one order, within `most` nodes at a time and `steps` steps of work; when that is not enough, how many gates were done."""
    events, gates = len(circuit.events), circuit.gates
    shop = Workshop(min(FIRST_NODES, most), 0, steps)
    values = np.full(events + gates, tables.REFUSED, np.int64)
    for level, event in enumerate(order):
        values[event] = 2 * tables.node_of(shop.nodes, shop.heads, shop.state, level, 0, 1)
    last = last_uses(circuit)
    arguments = deepest_last(circuit, order)
    row = np.zeros(int(circuit.least.max(initial=0)) + 2, np.int64)
    stuck = -1
    while not bdd.build(*shop.tools(), circuit.kinds, circuit.least, circuit.starts, arguments, events, values, row):
        done = int(shop.state[tables.DONE])
        if shop.state[tables.STEPS] > shop.state[tables.MOST]:
            return done
        _collect(shop, values, last > events + done)
        if (shop.used > len(shop.nodes) // 2 or done == stuck) and not shop.grow(most):
            return done
        stuck = done
    roots = [int(values[x >> 1]) ^ (x & 1) if x >= 0 else (0 if x == -1 else 1) for x in circuit.roots]
    final = np.array(roots, np.int64)
    _collect(shop, final, np.ones(len(final), np.bool_))
    return Diagram(shop.nodes[: shop.used].copy(), tuple(int(x) for x in final), order, name, int(shop.state[tables.STEPS]))


def deepest_last(circuit: Circuit, order: Ints) -> Ints:
    """The arguments of each gate by the first level each depends on: joined from the last on, diagrams grow from the leaves up."""
    events = len(circuit.events)
    top = np.full(events + circuit.gates, len(order), np.int64)
    top[order] = np.arange(len(order))
    arguments = circuit.arguments.copy()
    for gate in range(circuit.gates):
        own = arguments[circuit.starts[gate] : circuit.starts[gate + 1]]
        levels = top[own >> 1]
        top[events + gate] = levels.min()
        own[:] = own[np.argsort(levels, kind="stable")]
    return arguments


def last_uses(circuit: Circuit) -> Ints:
    """For each id the gate id after which nothing needs it any more."""
    last = np.arange(len(circuit.events) + circuit.gates, dtype=np.int64)
    users = np.repeat(np.arange(circuit.gates), np.diff(circuit.starts)) + len(circuit.events)
    np.maximum.at(last, circuit.arguments >> 1, users + 1)
    last[: len(circuit.events)] = len(last) + 1
    for x in circuit.roots:
        if x >= 0:
            last[x >> 1] = len(last) + 1
    return last


def _collect(shop: Workshop, values: Ints, kept: npt.NDArray[np.bool_]) -> None:
    marks, moved = np.zeros(shop.used, np.int32), np.zeros(shop.used, np.int32)
    bdd.collect(shop.nodes, shop.heads, shop.state, values, kept, marks, moved)
    values[~kept] = tables.REFUSED
    shop.answers[:] = 0


@dataclass(frozen=True, slots=True)
class Family:
    """Sets of events as a compact table whose last node is the root; `levels` as in Diagram."""

    nodes: Table
    root: int
    levels: Ints


def minimal_sets(diagram: Diagram, root: int, most: int = MOST_NODES) -> Family | None:
    """All minimal cut sets of one function of the diagram. None when their diagram does not fit."""
    most = power_of_two(most)
    shop = Workshop(min(max(FIRST_NODES, power_of_two(len(diagram.nodes))), most), 1)
    known = np.full(2 * len(diagram.nodes), tables.REFUSED, np.int32)
    while True:
        found = int(zbdd.minimal_solutions(diagram.nodes, *shop.tools(), known, root))
        if found >= 0:
            return closed(shop, found, diagram.levels)
        if not shop.grow(most):
            return None


def closed(shop: Workshop, root: int, levels: Ints) -> Family:
    """What is below `root`, alone."""
    if root < 2:
        return Family(shop.nodes[:2].copy(), root, levels)
    marks, moved = np.zeros(shop.used, np.int32), np.zeros(shop.used, np.int32)
    kept = int(passes.compact(shop.nodes, shop.used, root, marks, moved))
    return Family(shop.nodes[:kept].copy(), int(moved[root]), levels)


def primes(diagram: Diagram, root: int, most: int = MOST_NODES) -> Family | None:
    """All prime implicants of one function; levels are doubled: 2·v is event v, 2·v + 1 its absence. None when they do not fit."""
    most = power_of_two(most)
    source = Workshop(max(FIRST_NODES, 4 * power_of_two(len(diagram.nodes))), 0)
    source.nodes[: len(diagram.nodes)] = diagram.nodes
    source.state[tables.USED] = len(diagram.nodes)
    tables.fill_buckets(source.nodes, source.heads, 1, source.used)
    shop = Workshop(FIRST_NODES, 1)
    known = np.full(2 * len(source.nodes), tables.REFUSED, np.int32)
    while True:
        found = int(zbdd.prime_implicants(*source.tools(), *shop.tools(), known, root))
        if found >= 0:
            return closed(shop, found, np.repeat(diagram.levels, 2) * 2 + np.tile([0, 1], len(diagram.levels)))
        if source.state[tables.FULL]:
            if not source.grow(most):
                return None
            known = np.concatenate([known, np.full(2 * len(source.nodes) - len(known), tables.REFUSED, np.int32)])
        if shop.state[tables.FULL] and not shop.grow(most):
            return None
