"""Rules spelled out as tables of few parents: a gate over many becomes a chain in which each link takes one more of them.

The link's state is all that the rest of the chain must know: whether it is settled already, or how many were true so far. So a gate over n
parents costs n small tables where one table would have 2ⁿ rows, and the net is exact all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anlan.risk.nets.mistakes import NetMistake
from anlan.risk.nets.model import Gate, GateKind, Literal, Net, NetNode, Noisy, Repairable, Table

Array = npt.NDArray[np.float64]
WIDEST = 1_000
"""Of a gate k-of-n: what its links must count to. Each link's table has k² rows."""
LINK = "⋯"
"""In the names of links, which no description can have."""


@dataclass(frozen=True, slots=True)
class Elementary:
    """`table` float64[states of parent 1, …, of parent n, own states]."""

    name: str
    states: tuple[str, ...]
    parents: tuple[str, ...]
    table: Array


def elementary(net: Net) -> Iterator[Elementary]:
    """Parents before children are not promised; every parent is there. The net is static (unrolled). Raises NetMistake for a gate too wide."""
    for node in net.nodes.values():
        match node.rule:
            case Table(parents, rows):
                shape = [len(net.nodes[ref.name].states) for ref in parents]
                table = np.array(rows, np.float64).reshape(*shape, len(node.states))
                yield Elementary(node.name, node.states, tuple(ref.name for ref in parents), table)
            case Gate(kind, literals, least):
                if WIDEST < least < len(literals):
                    raise NetMistake("k of k-of-n is {found}; a number from 1 to {most} was expected", node.place, found=least, most=WIDEST)  # fmt: skip
                yield from _chain(net.nodes, node, literals, *_counting(kind, len(literals), least))
            case Noisy(kind, links, leak):
                literals = tuple(literal for literal, _ in links)
                yield from _chain(net.nodes, node, literals, *_noisy(kind, [chance for _, chance in links], leak))
            case Repairable():  # unrolling has made tables of them
                raise AssertionError(node.name)


Step = Callable[[int, int, bool], Array]
"""(link, state before, literal) → the chances of the states after, float64[states]."""


def _counting(kind: GateKind, n: int, least: int) -> tuple[Array, Step, Array]:
    """The chances of the states before the first literal, the step, and what each last state says: 1 where the gate is true."""
    if kind == GateKind.XOR:
        return _certain(0, 2), lambda _, state, true: _certain(state ^ true, 2), np.array([0.0, 1.0])
    k = {GateKind.AND: n, GateKind.OR: 1}.get(kind, least)
    if k == n:  # all: one false literal settles it, whatever the number
        return _certain(1, 2), lambda _, state, true: _certain(state & true, 2), np.array([0.0, 1.0])
    accept = np.zeros(k + 1)
    accept[k] = 1.0
    return _certain(0, k + 1), lambda _, state, true: _certain(min(k, state + true), k + 1), accept


def _noisy(kind: GateKind, chances: list[float], leak: float) -> tuple[Array, Step, Array]:
    """State 1: settled, by a cause (or) or by what prevents (and)."""
    acts = kind == GateKind.OR

    def step(link: int, state: int, true: bool) -> Array:
        if state:
            return _certain(1, 2)
        chance = chances[link] if true == acts else 0.0
        return np.array([1 - chance, chance])

    return np.array([1 - leak, leak]), step, np.array([0.0, 1.0]) if acts else np.array([1.0, 0.0])


def _chain(
    nodes: Mapping[str, NetNode], node: NetNode, literals: tuple[Literal, ...], start: Array, step: Step, accept: Array
) -> Iterator[Elementary]:
    own = node.states.index(node.yes)
    final = np.zeros((len(accept), 2))
    final[:, own], final[:, 1 - own] = accept, 1 - accept
    before = ""
    taken: Array = start
    i = 0
    while i < len(literals):
        # The first link takes two literals where they are of different parents.
        here = [literals[i]]
        if not before and i + 1 < len(literals) and literals[i + 1].ref != literals[i].ref:
            here.append(literals[i + 1])
        last = i + len(here) == len(literals)
        table: Array | None = None if before else taken
        for j, one in enumerate(here):
            moves = [np.array([step(i + j, state, true) for state in range(len(start))]) for true in (False, True)]
            held = [state in one.states for state in nodes[one.ref.name].states]
            table = np.stack([moves[true] if table is None else table @ moves[true] for true in held], axis=-2)
        assert table is not None
        parents = (*([before] if before else []), *(one.ref.name for one in here))
        if last:
            yield Elementary(node.name, node.states, parents, table @ final)
        else:
            before = f"{node.name}{LINK}{i + len(here)}"
            yield Elementary(before, tuple(map(str, range(len(start)))), parents, table)
        i += len(here)


def _certain(state: int, states: int) -> Array:
    row = np.zeros(states)
    row[state] = 1.0
    return row
