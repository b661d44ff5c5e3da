"""A fault tree as numbers: gates in an order in which each stands after what it uses, ready for the compiled builders.

A literal is 2·id + c, c = 1 negates. Ids below `len(events)` are events, the others gates. On the way constants are carried through,
gates of one argument vanish, gates within gates of the same kind are merged when nothing else uses them, and equal gates become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from anlan.risk.trees.diagrams.bdd import GATE_AND, GATE_ATLEAST, GATE_OR, GATE_XOR
from anlan.risk.trees.model import Connective, Constant, FaultTree, Formula, Logic, Named, names_in

Ints = npt.NDArray[np.int64]
TRUE, FALSE = -1, -2
"""In place of a literal; ^ 1 … negates them too: −1 ^ 1 = −2."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """`kinds`, `least` int64[gates]; `starts` int64[gates + 1]; `arguments` int64[…] literals. `roots` literals, or TRUE, FALSE."""

    events: tuple[str, ...]
    kinds: Ints
    least: Ints
    starts: Ints
    arguments: Ints
    roots: tuple[int, ...]

    @property
    def gates(self) -> int:
        return len(self.kinds)

    def below(self, gate: int) -> list[int]:
        """The literals of a gate, by its number from 0."""
        return [int(x) for x in self.arguments[self.starts[gate] : self.starts[gate + 1]]]

    def coherent(self) -> bool:
        """Without negation anywhere: an event that occurs never mends anything."""
        negative = bool((self.arguments & 1).any()) or any(root >= 0 and root & 1 for root in self.roots)
        return not negative and not bool((self.kinds == GATE_XOR).any())


def circuit_of(tree: FaultTree, wanted: Iterable[Logic], houses: Mapping[str, bool] | None = None) -> Circuit:
    """The circuit of formulas over the tree's names. `houses` sets house events otherwise than the tree does."""
    wanted = tuple(wanted)
    making = Making({name: house.state for name, house in tree.houses.items()} | dict(houses or {}))
    for name in _children_first(tree, wanted):
        if name in tree.gates:
            making.names[name] = making.literal(tree.gates[name].formula)
        elif name not in making.houses:
            making.names[name] = making.event(name)
    return making.finish([making.literal(one) for one in wanted])


def _children_first(tree: FaultTree, wanted: Iterable[Logic]) -> Iterable[str]:
    done: set[str] = set()
    for formula in wanted:
        way = [iter(names_in(formula))]
        names = [""]
        while way:
            name = next((n for n in way[-1] if n not in done), None)
            if name is None:
                way.pop()
                last = names.pop()
                if last:
                    done.add(last)
                    yield last
            elif name in tree.gates:
                way.append(iter(names_in(tree.gates[name].formula)))
                names.append(name)
            else:
                done.add(name)
                yield name


@dataclass(slots=True)
class Making:
    houses: Mapping[str, bool]
    names: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    gates: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    known: dict[tuple[int, int, tuple[int, ...]], int] = field(default_factory=dict)

    # While gates are made, events are even ids ≥ 0 by EVENT and gates by GATE: 4·n and 4·n + 2 as literals.

    def event(self, name: str) -> int:
        self.events.append(name)
        return 4 * (len(self.events) - 1)

    def literal(self, formula: Logic) -> int:
        match formula:
            case Constant(value):
                return TRUE if value else FALSE
            case Named(name):
                if name in self.houses:
                    return TRUE if self.houses[name] else FALSE
                return self.names[name]
            case Formula(connective, arguments, least):
                return self.gate(connective, [self.literal(one) for one in arguments], least)

    def gate(self, connective: Connective, literals: list[int], least: int) -> int:
        match connective:
            case Connective.NOT:
                return literals[0] ^ 1
            case Connective.AND:
                return self.junction(GATE_AND, literals)
            case Connective.OR:
                return self.junction(GATE_OR, literals)
            case Connective.NAND:
                return self.junction(GATE_AND, literals) ^ 1
            case Connective.NOR:
                return self.junction(GATE_OR, literals) ^ 1
            case Connective.IMPLY:
                return self.junction(GATE_OR, [literals[0] ^ 1, literals[1]])
            case Connective.XOR:
                return self.exclusive(literals)
            case Connective.IFF:
                return self.exclusive(literals) ^ 1
            case _:
                return self.atleast(literals, least)

    def junction(self, kind: int, literals: Iterable[int]) -> int:
        unit, zero = (TRUE, FALSE) if kind == GATE_AND else (FALSE, TRUE)
        kept = [x for x in dict.fromkeys(literals) if x != unit]
        if zero in kept or any(x ^ 1 in kept for x in kept if x & 1):
            return zero
        if len(kept) < 2:
            return kept[0] if kept else unit
        return self._made(kind, 0, tuple(kept))

    def exclusive(self, literals: list[int]) -> int:
        sign, odd = 0, dict[int, None]()
        for x in literals:
            if x < 0:
                sign ^= x == TRUE
                continue
            sign ^= x & 1
            if odd.pop(x & -2, 0) == 0:
                odd[x & -2] = None
        if len(odd) < 2:
            return (next(iter(odd)) if odd else FALSE) ^ sign
        return self._made(GATE_XOR, 0, tuple(odd)) ^ sign

    def atleast(self, literals: list[int], least: int) -> int:
        least -= literals.count(TRUE)
        kept = [x for x in literals if x >= 0]
        if least <= 0:
            return TRUE
        if least > len(kept):
            return FALSE
        if least == 1 or least == len(kept):
            return self.junction(GATE_OR if least == 1 else GATE_AND, kept)
        return self._made(GATE_ATLEAST, least, tuple(kept))

    def _made(self, kind: int, least: int, literals: tuple[int, ...]) -> int:
        key = (kind, least, tuple(sorted(literals)))
        if key not in self.known:
            self.known[key] = 4 * len(self.gates) + 2
            self.gates.append((kind, least, literals))
        return self.known[key]

    def finish(self, roots: list[int]) -> Circuit:
        uses = self._uses(roots)
        merged: dict[int, tuple[int, ...]] = {}
        order = [n for n in range(len(self.gates)) if uses[n]]
        for n in order:
            kind, _, literals = self.gates[n]
            if kind in (GATE_AND, GATE_OR):
                flat: list[int] = []
                for x in literals:
                    inner = x >> 2
                    # ¬(a ∧ b) within an or is ¬a, ¬b
                    wanted = kind if not x & 1 else GATE_AND + GATE_OR - kind
                    if x & 2 and uses[inner] == 1 and self.gates[inner][0] == wanted:
                        flat.extend(y ^ (x & 1) for y in merged[inner])
                        uses[inner] = 0
                    else:
                        flat.append(x)
                literals = tuple(dict.fromkeys(flat))
            merged[n] = literals
        kept = [n for n in order if uses[n]]
        met = {x >> 2 for n in kept for x in merged[n] if not x & 2} | {x >> 2 for x in roots if x >= 0 and not x & 2}
        events = [e for e in range(len(self.events)) if e in met]
        event_ids = {e: i for i, e in enumerate(events)}
        gate_ids = {n: len(events) + i for i, n in enumerate(kept)}

        def final(x: int) -> int:
            return x if x < 0 else 2 * (gate_ids[x >> 2] if x & 2 else event_ids[x >> 2]) + (x & 1)

        starts = np.cumsum([0, *(len(merged[n]) for n in kept)], dtype=np.int64)
        return Circuit(
            tuple(self.events[e] for e in events),
            np.array([self.gates[n][0] for n in kept], np.int64),
            np.array([self.gates[n][1] for n in kept], np.int64),
            starts,
            np.array([final(x) for n in kept for x in merged[n]], np.int64),
            tuple(final(x) for x in roots),
        )

    def _uses(self, roots: list[int]) -> list[int]:
        """How often each gate is used by what is used itself; a root counts twice, so that it is never merged into another."""
        uses = [0] * len(self.gates)
        for x in roots:
            if x >= 0 and x & 2:
                uses[x >> 2] += 2
        for n in range(len(self.gates) - 1, -1, -1):
            if uses[n]:
                for x in self.gates[n][2]:
                    if x & 2:
                        uses[x >> 2] += 1
        return uses
