"""Binary decision diagrams with complemented edges, compiled.

An edge is 2·node + c; c = 1 negates. Node 0 is the constant, so edge 0 is true and edge 1 is false. The high edge of a node is never
complemented, which makes equal functions equal edges. `and` and `xor` are all that is needed: `or` is an `and` of negations.
"""

# ruff: noqa: PLR1714 — what is compiled compares numbers; it knows no sets of them
from __future__ import annotations

from anlan.risk.trees.diagrams.compiled import fast
from anlan.risk.trees.diagrams.tables import (
    DONE,
    FULL,
    HIGH,
    LEVEL,
    LOW,
    REFUSED,
    STEPS,
    USED,
    bucket_of,
    fill_buckets,
    node_of,
    part,
)

AND, XOR = 1, 2
LEAF = 0x7FFFFFFF
"""The level of the constant: below every event."""
GATE_AND, GATE_OR, GATE_XOR, GATE_ATLEAST = 0, 1, 2, 3


@fast
def edge_of(nodes, heads, state, level, high, low):  # type: ignore[no-untyped-def]
    if high == low:
        return high
    c = high & 1
    made = node_of(nodes, heads, state, level, high ^ c, low ^ c)
    if made < 0:
        return REFUSED
    return 2 * made + c


@fast
def conjunction(nodes, heads, answers, state, f, g):  # type: ignore[no-untyped-def]
    if f == g or g == 0:
        return f
    if f == 0:
        return g
    if f == 1 or g == 1 or f ^ g == 1:
        return 1
    if f > g:
        f, g = g, f
    slot = bucket_of(f, g, AND, answers.shape[0] - 1)
    if answers[slot, 0] == f and answers[slot, 1] == g and answers[slot, 2] == AND:
        return answers[slot, 3]
    state[STEPS] += 1
    a, b, c, d = f >> 1, g >> 1, f & 1, g & 1
    level_f, level_g = nodes[a, LEVEL], nodes[b, LEVEL]
    level = min(level_f, level_g)
    f1, f0, g1, g0 = f, f, g, g
    if level_f == level:
        f1, f0 = nodes[a, HIGH] ^ c, nodes[a, LOW] ^ c
    if level_g == level:
        g1, g0 = nodes[b, HIGH] ^ d, nodes[b, LOW] ^ d
    high = conjunction(nodes, heads, answers, state, f1, g1)
    if high < 0:
        return REFUSED
    low = conjunction(nodes, heads, answers, state, f0, g0)
    if low < 0:
        return REFUSED
    result = edge_of(nodes, heads, state, level, high, low)
    if result >= 0:
        answers[slot, 0], answers[slot, 1], answers[slot, 2], answers[slot, 3] = f, g, AND, result
    return result


@fast
def exclusive(nodes, heads, answers, state, f, g):  # type: ignore[no-untyped-def]
    sign = (f ^ g) & 1
    f, g = f & -2, g & -2
    if f == g:
        return 1 ^ sign
    if f == 0:
        return g ^ 1 ^ sign
    if g == 0:
        return f ^ 1 ^ sign
    if f > g:
        f, g = g, f
    slot = bucket_of(f, g, XOR, answers.shape[0] - 1)
    if answers[slot, 0] == f and answers[slot, 1] == g and answers[slot, 2] == XOR:
        return answers[slot, 3] ^ sign
    state[STEPS] += 1
    a, b = f >> 1, g >> 1
    level_f, level_g = nodes[a, LEVEL], nodes[b, LEVEL]
    level = min(level_f, level_g)
    f1, f0, g1, g0 = f, f, g, g
    if level_f == level:
        f1, f0 = part(nodes, a, HIGH), part(nodes, a, LOW)
    if level_g == level:
        g1, g0 = part(nodes, b, HIGH), part(nodes, b, LOW)
    high = exclusive(nodes, heads, answers, state, f1, g1)
    if high < 0:
        return REFUSED
    low = exclusive(nodes, heads, answers, state, f0, g0)
    if low < 0:
        return REFUSED
    result = edge_of(nodes, heads, state, level, high, low)
    if result < 0:
        return REFUSED
    answers[slot, 0], answers[slot, 1], answers[slot, 2], answers[slot, 3] = f, g, XOR, result
    return result ^ sign


@fast
def choice(nodes, heads, answers, state, f, g, h):  # type: ignore[no-untyped-def]
    """if f then g else h."""
    then = conjunction(nodes, heads, answers, state, f, g)
    if then < 0:
        return REFUSED
    other = conjunction(nodes, heads, answers, state, f ^ 1, h)
    if other < 0:
        return REFUSED
    neither = conjunction(nodes, heads, answers, state, then ^ 1, other ^ 1)
    if neither < 0:
        return REFUSED
    return neither ^ 1


@fast
def gate_of(nodes, heads, answers, state, kind, k, first, end, arguments, values, row):  # type: ignore[no-untyped-def]
    """One gate over the literals arguments[first:end]; `values` holds the edge of each event and gate. `row` int64: room for k + 1 edges."""
    if kind == GATE_ATLEAST:
        row[0] = 0
        for j in range(1, k + 1):
            row[j] = 1
        for i in range(end - 1, first - 1, -1):
            x = values[arguments[i] >> 1] ^ (arguments[i] & 1)
            for j in range(min(k, end - i), 0, -1):
                row[j] = choice(nodes, heads, answers, state, x, row[j - 1], row[j])
                if row[j] < 0:
                    return REFUSED
        return row[k]
    negation = 1 if kind == GATE_OR else 0
    result = values[arguments[end - 1] >> 1] ^ (arguments[end - 1] & 1) ^ negation
    for i in range(end - 2, first - 1, -1):
        x = values[arguments[i] >> 1] ^ (arguments[i] & 1) ^ negation
        if kind == GATE_XOR:
            result = exclusive(nodes, heads, answers, state, result, x)
        else:
            result = conjunction(nodes, heads, answers, state, result, x)
        if result < 0:
            return REFUSED
    return result ^ negation


@fast
def build(nodes, heads, answers, state, kinds, least, starts, arguments, events, values, row):  # type: ignore[no-untyped-def]
    """Build gates in their order from state[DONE] on. Returns 1 when all are done, 0 when the table is full or the work too much."""
    for gate in range(state[DONE], kinds.shape[0]):
        result = gate_of(
            nodes, heads, answers, state, kinds[gate], least[gate], starts[gate], starts[gate + 1], arguments, values, row
        )
        if result < 0:
            return 0
        values[events + gate] = result
        state[DONE] = gate + 1
    return 1


@fast
def collect(nodes, heads, state, values, kept, marks, moved):  # type: ignore[no-untyped-def]
    """Keep only the nodes below the edges values[i] with kept[i]; numbers move down, the edges follow. `marks`, `moved` int32[USED]."""
    used = state[USED]
    for i in range(used):
        marks[i] = 0
    marks[0] = 1
    for i in range(values.shape[0]):
        if kept[i] and values[i] >= 0:
            marks[values[i] >> 1] = 1
    for i in range(used - 1, 0, -1):
        if marks[i]:
            marks[nodes[i, HIGH] >> 1] = 1
            marks[nodes[i, LOW] >> 1] = 1
    n = 0
    for i in range(used):
        if marks[i]:
            moved[i] = n
            nodes[n, LEVEL] = nodes[i, LEVEL]
            nodes[n, HIGH] = 2 * moved[nodes[i, HIGH] >> 1] + (nodes[i, HIGH] & 1)
            nodes[n, LOW] = 2 * moved[nodes[i, LOW] >> 1] + (nodes[i, LOW] & 1)
            n += 1
    for i in range(values.shape[0]):
        if kept[i] and values[i] >= 0:
            values[i] = 2 * moved[values[i] >> 1] + (values[i] & 1)
    state[USED] = n
    state[FULL] = 0
    heads[:] = 0
    fill_buckets(nodes, heads, 1, n)
