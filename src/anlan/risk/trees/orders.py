"""Static orders of the events: depth first from the root, differing in which argument of a gate is visited first.

No order is best for all trees; they differ by 2–5 times in nodes, at worst by 40. So several are tried under a growing cap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from anlan.risk.trees.circuit import Circuit, Ints

ORDERS = ("as written", "gates first", "small first", "big first")


def orders(circuit: Circuit) -> Iterator[tuple[str, Ints]]:
    """(name, int64[events] of event ids from the first level on); orders that come out alike are given once."""
    size = sizes(circuit)
    events = len(circuit.events)
    keys: dict[str, Callable[[int], float] | None] = {
        "as written": None,
        "gates first": lambda x: x >> 1 < events,
        "small first": lambda x: size[x >> 1],
        "big first": lambda x: -size[x >> 1],
    }
    seen: set[bytes] = set()
    for name in ORDERS:
        order = depth_first(circuit, keys[name])
        if order.tobytes() not in seen:
            seen.add(order.tobytes())
            yield name, order


def sizes(circuit: Circuit) -> list[float]:
    """How many events each id's tree would have if nothing were shared."""
    size = [1.0] * len(circuit.events)
    for gate in range(circuit.gates):
        size.append(sum(size[x >> 1] for x in circuit.below(gate)))
    return size


def depth_first(circuit: Circuit, key: Callable[[int], float] | None) -> Ints:
    events = len(circuit.events)
    seen: set[int] = set()
    found: list[int] = []
    waiting = [x >> 1 for x in reversed(circuit.roots) if x >= 0]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if one < events:
            found.append(one)
            continue
        below = circuit.below(one - events)
        if key is not None:
            below.sort(key=key)
        waiting.extend(x >> 1 for x in reversed(below) if x >> 1 not in seen)
    return np.array(found, np.int64)
