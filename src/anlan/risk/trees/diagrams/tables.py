"""What both kinds of diagram stand on: a table of nodes that holds each node once, and a memory of answers that may forget.

`nodes`  int32[capacity, 4]: level, high, low, next node in the same bucket. A node's children stand before it, so a loop over the table
         is a walk from the leaves to the root.
`heads`  int32[power of two]: the first node of each bucket, 0 for none.
`answers` int32[power of two, 4]: left operand, right operand, operation, result. An entry is overwritten by the next that falls on it.
`state`  int64[5]: USED nodes, FULL once a node did not fit, DONE gates, STEPS of work in all, MOST steps allowed.
"""

from __future__ import annotations

import numpy as np

from anlan.risk.trees.diagrams.compiled import fast

LEVEL, HIGH, LOW, NEXT = 0, 1, 2, 3
USED, FULL, DONE, STEPS, MOST = 0, 1, 2, 3, 4
REFUSED = -1
"""In place of an edge: the table is full, or the work has become too much."""


@fast
def part(nodes, i, column):  # type: ignore[no-untyped-def]
    """A field of a node, as wide as everything else is: a function that is compiled for two widths of number calls itself in both."""
    return np.int64(nodes[i, column])


@fast
def bucket_of(a, b, c, mask):  # type: ignore[no-untyped-def]
    """A multiplicative hash of three numbers."""
    h = a * 0x2545F4914F6CDD1D + b * 0x1B873593CC9E2D51 + c * 0x27D4EB2F165667C5
    h ^= h >> 29
    h *= 0x165667B19E3779F9
    h ^= h >> 32
    return h & mask


@fast
def node_of(nodes, heads, state, level, high, low):  # type: ignore[no-untyped-def]
    """The number of the node (level, high, low), made if there is none yet."""
    bucket = bucket_of(level, high, low, heads.shape[0] - 1)
    found = heads[bucket]
    while found != 0:
        if nodes[found, LOW] == low and nodes[found, HIGH] == high and nodes[found, LEVEL] == level:
            return found
        found = nodes[found, NEXT]
    made = state[USED]
    if made >= nodes.shape[0] or state[STEPS] > state[MOST]:
        state[FULL] = 1
        return REFUSED
    state[USED] = made + 1
    nodes[made, LEVEL] = level
    nodes[made, HIGH] = high
    nodes[made, LOW] = low
    nodes[made, NEXT] = heads[bucket]
    heads[bucket] = made
    return made


@fast
def fill_buckets(nodes, heads, first, used):  # type: ignore[no-untyped-def]
    """Put the nodes from `first` on into empty buckets."""
    mask = heads.shape[0] - 1
    for i in range(first, used):
        bucket = bucket_of(nodes[i, LEVEL], nodes[i, HIGH], nodes[i, LOW], mask)
        nodes[i, NEXT] = heads[bucket]
        heads[bucket] = i
