"""Minimal cut sets, or prime implicants, of a tree: counted exactly however many there are, listed only as far as somebody asks."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anlan.risk.trees.diagrams import passes, tables
from anlan.risk.trees.diagrams.building import Family

Column = npt.NDArray[np.float64]
MODULI = (2**62 - 57, 2**62 - 87, 2**62 - 117, 2**62 - 143, 2**62 - 153, 2**62 - 167)
"""Primes: counts that do not fit into 64 bits are put together from their remainders."""
WIDEST = 1 << 27
"""Most numbers in the table of counts by order: 1 GB."""


@dataclass(frozen=True, slots=True)
class CutSet:
    """`probability` None where that of a member is not given. A member that begins with ¬ is an event that must not occur."""

    events: tuple[str, ...]
    probability: float | None

    @property
    def order(self) -> int:
        return len(self.events)


@dataclass(frozen=True, slots=True)
class CutSets:
    """A family of sets of literals. `names` and `p` by level; `p` NaN where a probability is not given."""

    family: Family
    names: tuple[str, ...]
    p: Column

    def by_order(self) -> dict[int, int] | None:
        """How many there are of each order. None when the table for it would be larger than 1 GB."""
        nodes, root = self.family.nodes, self.family.root
        if root < 2:
            return {0: 1} if root else {}
        least, most = np.zeros(len(nodes), np.int64), np.zeros(len(nodes), np.int64)
        width = int(passes.orders(nodes, least, most))
        if width > WIDEST:
            return None
        first, table = np.zeros(len(nodes), np.int64), np.zeros(width, np.int64)
        bits = math.log2(max(self._sum(np.ones(len(self.p))), 1.0)) + 1
        found: list[int] = []
        product = 1
        for modulus in MODULI[: max(1, math.ceil(bits / 61))]:
            passes.counts(nodes, least, most, first, table, modulus)
            rest = [int(x) for x in table[first[root] : first[root] + most[root] - least[root] + 1]]
            inverse = pow(product % modulus, -1, modulus)
            found = [a + product * ((b - a) * inverse % modulus) for a, b in zip(found, rest, strict=True)] if found else rest
            product *= modulus
        return {int(least[root]) + n: count for n, count in enumerate(found) if count}

    def rare_event(self) -> float | None:
        """Σ of the sets' probabilities: an upper bound of a coherent tree's probability, and no probability itself. None where one is not given."""
        total = self._sum(self.p)
        return None if math.isnan(total) else total

    def mcub(self) -> float | None:
        """1 − Π(1 − P(set)), by the logarithm's series: Σ log(1 − P) = −Σₖ (Σ Pᵏ)/k, each inner sum one walk over the diagram."""
        largest = self._likeliest()
        if math.isnan(largest):
            return None
        if largest > 0.999:
            return 1.0 if largest >= 1.0 else None
        log = 0.0
        with np.errstate(under="ignore"):
            for k in range(1, 20_000):
                term = self._sum(self.p**k) / k
                log -= term
                # What is left is a geometric series at most.
                if term * largest <= 1e-15 * -log * (1 - largest) or log < -50:
                    break
        return abs(math.expm1(log))

    def with_event(self) -> dict[str, float]:
        """How many sets hold each literal (exact below 2⁵³)."""
        nodes = self.family.nodes
        found = np.zeros(len(self.p))
        if self.family.root > 1:
            below = np.empty(len(nodes))
            passes.sums(nodes, np.ones(len(self.p)), below)
            passes.memberships(nodes, below, np.zeros(len(nodes)), found)
        return {name: float(n) for name, n in zip(self.names, found, strict=True) if n}

    def likeliest(self, cut_off: float = 0.0) -> Iterator[CutSet]:
        """From the most probable on, down to `cut_off`, each when it is asked for."""
        yield from self._best_first(np.nan_to_num(self.p, nan=1.0), cut_off)

    def shortest(self, most: int | None = None) -> Iterator[CutSet]:
        """From the lowest order on, up to order `most`."""
        yield from self._best_first(np.full(len(self.p), 0.5), 0.0 if most is None else 0.5**most * 0.99)

    def _best_first(self, weight: Column, cut_off: float) -> Iterator[CutSet]:
        nodes, root = self.family.nodes, self.family.root
        best = np.empty(len(nodes))
        passes.likeliest(nodes, weight, best)
        # An entry is the best that can still come of a node, what was collected so far, and where it goes on.
        waiting: list[tuple[float, int, float, int, tuple[int, ...]]] = [(-float(best[root]), 0, 1.0, root, ())] if root else []
        ticket = 0
        while waiting:
            reached, _, weight_so_far, node, members = heapq.heappop(waiting)
            if -reached < cut_off:
                return
            if node == 1:
                yield self._set(members)
                continue
            level, high, low = (int(nodes[node, column]) for column in (tables.LEVEL, tables.HIGH, tables.LOW))
            with_it = weight_so_far * float(weight[level])
            ticket += 2
            heapq.heappush(waiting, (-with_it * float(best[high]), ticket, with_it, high, (*members, level)))
            if low:
                heapq.heappush(waiting, (-weight_so_far * float(best[low]), ticket + 1, weight_so_far, low, members))

    def _set(self, members: tuple[int, ...]) -> CutSet:
        chance = float(np.prod(self.p[list(members)])) if members else 1.0
        return CutSet(tuple(self.names[level] for level in members), None if math.isnan(chance) else chance)

    def _sum(self, p: Column) -> float:
        value = np.empty(len(self.family.nodes))
        passes.sums(self.family.nodes, np.ascontiguousarray(p), value)
        return float(value[self.family.root])

    def _likeliest(self) -> float:
        if bool(np.isnan(self.p).any()):
            return math.nan
        value = np.empty(len(self.family.nodes))
        passes.likeliest(self.family.nodes, self.p, value)
        return float(value[self.family.root])
