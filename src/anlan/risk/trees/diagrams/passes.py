"""Walks over a finished diagram, compiled: one loop over its table, children first or parents first.

A table here is compact: it holds only what is below its root, and a node's children stand before it.
"""

from __future__ import annotations

from anlan.risk.trees.diagrams.bdd import LEAF
from anlan.risk.trees.diagrams.compiled import fast
from anlan.risk.trees.diagrams.tables import HIGH, LEVEL, LOW


@fast
def probabilities(nodes, p, yes, no):  # type: ignore[no-untyped-def]
    """Fill `yes`, `no` float[nodes, columns]: the probability of each node's function and of its negation, for each column of p[levels, columns].

    Both are sums of products of positive numbers. 1 − P would lose all digits of a small P.
    """
    columns = p.shape[1]
    for j in range(columns):
        yes[0, j] = 1.0
        no[0, j] = 0.0
    for i in range(1, nodes.shape[0]):
        level, high, low = nodes[i, LEVEL], nodes[i, HIGH] >> 1, nodes[i, LOW] >> 1
        if nodes[i, LOW] & 1:
            for j in range(columns):
                x = p[level, j]
                yes[i, j] = x * yes[high, j] + (1.0 - x) * no[low, j]
                no[i, j] = x * no[high, j] + (1.0 - x) * yes[low, j]
        else:
            for j in range(columns):
                x = p[level, j]
                yes[i, j] = x * yes[high, j] + (1.0 - x) * yes[low, j]
                no[i, j] = x * no[high, j] + (1.0 - x) * no[low, j]


@fast
def derivatives(nodes, root, p, yes, no, up_yes, up_no, birnbaum):  # type: ignore[no-untyped-def]
    """∂P/∂p of each level into `birnbaum`: one walk from the root. `up_*` float[nodes], zeros: how the root moves with each node's two numbers."""
    if root & 1:
        up_no[root >> 1] = 1.0
    else:
        up_yes[root >> 1] = 1.0
    for i in range(nodes.shape[0] - 1, 0, -1):
        a, b = up_yes[i], up_no[i]
        level, high, low = nodes[i, LEVEL], nodes[i, HIGH] >> 1, nodes[i, LOW] >> 1
        x = p[level]
        up_yes[high] += x * a
        up_no[high] += x * b
        if nodes[i, LOW] & 1:
            up_no[low] += (1.0 - x) * a
            up_yes[low] += (1.0 - x) * b
            birnbaum[level] += a * (yes[high] - no[low]) + b * (no[high] - yes[low])
        else:
            up_yes[low] += (1.0 - x) * a
            up_no[low] += (1.0 - x) * b
            birnbaum[level] += a * (yes[high] - yes[low]) + b * (no[high] - no[low])


@fast
def compact(nodes, used, root, marks, moved):  # type: ignore[no-untyped-def]
    """Keep of a table of families what is below `root`; returns the number of nodes kept. `marks`, `moved` int32[used], zeros."""
    marks[0] = marks[1] = marks[root] = 1
    for i in range(root, 1, -1):
        if marks[i]:
            marks[nodes[i, HIGH]] = 1
            marks[nodes[i, LOW]] = 1
    n = 0
    for i in range(used):
        if marks[i]:
            moved[i] = n
            nodes[n, LEVEL] = nodes[i, LEVEL]
            nodes[n, HIGH] = moved[nodes[i, HIGH]]
            nodes[n, LOW] = moved[nodes[i, LOW]]
            n += 1
    return n


@fast
def orders(nodes, least, most):  # type: ignore[no-untyped-def]
    """The smallest and largest number of members of a set in each family; (1, 0) for the empty one. Returns how many numbers `counts` needs."""
    least[0], most[0] = 1, 0
    least[1], most[1] = 0, 0
    total = 1
    for i in range(2, nodes.shape[0]):
        high, low = nodes[i, HIGH], nodes[i, LOW]
        least[i], most[i] = least[high] + 1, most[high] + 1
        if low != 0:
            least[i], most[i] = min(least[i], least[low]), max(most[i], most[low])
        total += most[i] - least[i] + 1
    return total


@fast
def counts(nodes, least, most, first, table, modulus):  # type: ignore[no-untyped-def]
    """How many sets of each order each family has, modulo `modulus`: table[first[i] + order − least[i]]. Additions alone, so below 2⁶³ they are exact."""
    first[0] = first[1] = 0
    table[0] = 1
    n = 1
    for i in range(2, nodes.shape[0]):
        first[i] = n
        for j in range(most[i] - least[i] + 1):
            table[n + j] = 0
        high, low = nodes[i, HIGH], nodes[i, LOW]
        shift = n + least[high] + 1 - least[i] - first[high]
        for j in range(first[high], first[high] + most[high] - least[high] + 1):
            table[j + shift] += table[j]
        if low != 0:
            shift = n + least[low] - least[i] - first[low]
            for j in range(first[low], first[low] + most[low] - least[low] + 1):
                table[j + shift] += table[j]
                if table[j + shift] >= modulus:
                    table[j + shift] -= modulus
        n += most[i] - least[i] + 1


@fast
def sums(nodes, p, value):  # type: ignore[no-untyped-def]
    """Σ over the sets of each family of the product of p over its members, into `value` float[nodes]."""
    value[0], value[1] = 0.0, 1.0
    for i in range(2, nodes.shape[0]):
        value[i] = p[nodes[i, LEVEL]] * value[nodes[i, HIGH]] + value[nodes[i, LOW]]


@fast
def likeliest(nodes, p, value):  # type: ignore[no-untyped-def]
    """The largest product of p over the members of one set of each family, into `value` float[nodes]."""
    value[0], value[1] = 0.0, 1.0
    for i in range(2, nodes.shape[0]):
        value[i] = max(p[nodes[i, LEVEL]] * value[nodes[i, HIGH]], value[nodes[i, LOW]])


@fast
def memberships(nodes, below, above, with_it):  # type: ignore[no-untyped-def]
    """How many sets of the last family hold each level, into `with_it` float[levels]. `below` from `sums` with p = 1; `above` float[nodes], zeros."""
    above[nodes.shape[0] - 1] = 1.0
    for i in range(nodes.shape[0] - 1, 1, -1):
        above[nodes[i, HIGH]] += above[i]
        above[nodes[i, LOW]] += above[i]
        with_it[nodes[i, LEVEL]] += above[i] * below[nodes[i, HIGH]]


@fast
def leaf(nodes, family):  # type: ignore[no-untyped-def]
    """Write the constants of a table: node 0 of functions, families 0 and 1."""
    for i in range(family + 1):
        nodes[i, LEVEL] = LEAF
        nodes[i, HIGH] = nodes[i, LOW] = i
