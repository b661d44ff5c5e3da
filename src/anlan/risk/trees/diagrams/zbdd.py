"""Families of sets as zero-suppressed diagrams, compiled: minimal solutions, prime implicants, and products cut off at an order.

Family 0 is empty, family 1 holds the empty set alone; node (level, high, low) is { {level} ∪ s | s ∈ high } ∪ low.
"""

# ruff: noqa: PLR1714 — what is compiled compares numbers; it knows no sets of them
from __future__ import annotations

from anlan.risk.trees.diagrams.bdd import conjunction
from anlan.risk.trees.diagrams.compiled import fast
from anlan.risk.trees.diagrams.tables import HIGH, LEVEL, LOW, REFUSED, STEPS, bucket_of, node_of, part

WITHOUT, UNION, MINUS, PRODUCT = 1, 2, 3, 8


@fast
def family_of(nodes, heads, state, level, high, low):  # type: ignore[no-untyped-def]
    if high == 0:
        return low
    return node_of(nodes, heads, state, level, high, low)


@fast
def without(nodes, heads, answers, state, a, b):  # type: ignore[no-untyped-def]
    """The sets of `a` that contain no set of `b`. Both are antichains."""
    if a == 0 or b == 1 or a == b:
        return 0
    if b == 0 or a == 1:
        return a
    slot = bucket_of(a, b, WITHOUT, answers.shape[0] - 1)
    if answers[slot, 0] == a and answers[slot, 1] == b and answers[slot, 2] == WITHOUT:
        return answers[slot, 3]
    state[STEPS] += 1
    level_a, level_b = part(nodes, a, LEVEL), part(nodes, b, LEVEL)
    if level_a > level_b:
        result = without(nodes, heads, answers, state, a, part(nodes, b, LOW))
    else:
        high, low = part(nodes, a, HIGH), part(nodes, a, LOW)
        if level_a == level_b:
            high = without(nodes, heads, answers, state, high, part(nodes, b, HIGH))
            b0 = part(nodes, b, LOW)
        else:
            b0 = b
        if high < 0:
            return REFUSED
        high = without(nodes, heads, answers, state, high, b0)
        if high < 0:
            return REFUSED
        low = without(nodes, heads, answers, state, low, b0)
        if low < 0:
            return REFUSED
        result = family_of(nodes, heads, state, level_a, high, low)
    if result >= 0:
        answers[slot, 0], answers[slot, 1], answers[slot, 2], answers[slot, 3] = a, b, WITHOUT, result
    return result


@fast
def minus(nodes, heads, answers, state, a, b):  # type: ignore[no-untyped-def]
    """The sets of `a` that are not in `b`."""
    if a == 0 or a == b:
        return 0
    if b == 0:
        return a
    level_a, level_b = part(nodes, a, LEVEL), part(nodes, b, LEVEL)
    if level_a > level_b:
        return minus(nodes, heads, answers, state, a, part(nodes, b, LOW))
    slot = bucket_of(a, b, MINUS, answers.shape[0] - 1)
    if answers[slot, 0] == a and answers[slot, 1] == b and answers[slot, 2] == MINUS:
        return answers[slot, 3]
    state[STEPS] += 1
    high = part(nodes, a, HIGH)
    b0 = b
    if level_a == level_b:
        high = minus(nodes, heads, answers, state, high, part(nodes, b, HIGH))
        b0 = part(nodes, b, LOW)
    if high < 0:
        return REFUSED
    low = minus(nodes, heads, answers, state, part(nodes, a, LOW), b0)
    if low < 0:
        return REFUSED
    result = family_of(nodes, heads, state, level_a, high, low)
    if result >= 0:
        answers[slot, 0], answers[slot, 1], answers[slot, 2], answers[slot, 3] = a, b, MINUS, result
    return result


@fast
def union(nodes, heads, answers, state, a, b):  # type: ignore[no-untyped-def]
    """The minimal sets of a ∪ b. Both are antichains."""
    if a == b or b == 0:
        return a
    if a == 0:
        return b
    if a == 1 or b == 1:
        return 1
    if a > b:
        a, b = b, a
    slot = bucket_of(a, b, UNION, answers.shape[0] - 1)
    if answers[slot, 0] == a and answers[slot, 1] == b and answers[slot, 2] == UNION:
        return answers[slot, 3]
    state[STEPS] += 1
    level_a, level_b = part(nodes, a, LEVEL), part(nodes, b, LEVEL)
    level = min(level_a, level_b)
    a1, a0, b1, b0 = 0, a, 0, b
    if level_a == level:
        a1, a0 = part(nodes, a, HIGH), part(nodes, a, LOW)
    if level_b == level:
        b1, b0 = part(nodes, b, HIGH), part(nodes, b, LOW)
    low = union(nodes, heads, answers, state, a0, b0)
    if low < 0:
        return REFUSED
    high = union(nodes, heads, answers, state, a1, b1)
    if high < 0:
        return REFUSED
    high = without(nodes, heads, answers, state, high, low)
    if high < 0:
        return REFUSED
    result = family_of(nodes, heads, state, level, high, low)
    if result >= 0:
        answers[slot, 0], answers[slot, 1], answers[slot, 2], answers[slot, 3] = a, b, UNION, result
    return result


@fast
def product(nodes, heads, answers, state, a, b, order, shorten):  # type: ignore[no-untyped-def]
    """The minimal sets of { s ∪ t | s ∈ a, t ∈ b } of at most `order` members; both are antichains.

    Larger sets are left out, or with `shorten` = 1 kept by their first `order` members: a function that is true at least as often.
    """
    if a == 0 or b == 0:
        return 0
    if a == 1 and b == 1:
        return 1
    if order == 0:
        return shorten
    if a > b:
        a, b = b, a
    slot = bucket_of(a, b, PRODUCT + order, answers.shape[0] - 1)
    if answers[slot, 0] == a and answers[slot, 1] == b and answers[slot, 2] == PRODUCT + order:
        return answers[slot, 3]
    state[STEPS] += 1
    level_a, level_b = part(nodes, a, LEVEL), part(nodes, b, LEVEL)
    level = min(level_a, level_b)
    a1, a0, b1, b0 = 0, a, 0, b
    if level_a == level:
        a1, a0 = part(nodes, a, HIGH), part(nodes, a, LOW)
    if level_b == level:
        b1, b0 = part(nodes, b, HIGH), part(nodes, b, LOW)
    low = product(nodes, heads, answers, state, a0, b0, order, shorten)
    if low < 0:
        return REFUSED
    if b1 == 0:
        high = product(nodes, heads, answers, state, a1, b0, order - 1, shorten)
    elif a1 == 0:
        high = product(nodes, heads, answers, state, a0, b1, order - 1, shorten)
    else:
        # (a1 ∪ a0)(b1 ∪ b0) without a0·b0, which `low` holds.
        either = union(nodes, heads, answers, state, b1, b0)
        if either < 0:
            return REFUSED
        first = product(nodes, heads, answers, state, a1, either, order - 1, shorten)
        if first < 0:
            return REFUSED
        second = product(nodes, heads, answers, state, a0, b1, order - 1, shorten)
        if second < 0:
            return REFUSED
        high = union(nodes, heads, answers, state, first, second)
    if high < 0:
        return REFUSED
    high = without(nodes, heads, answers, state, high, low)
    if high < 0:
        return REFUSED
    result = family_of(nodes, heads, state, level, high, low)
    if result >= 0:
        answers[slot, 0], answers[slot, 1], answers[slot, 2], answers[slot, 3] = a, b, PRODUCT + order, result
    return result


@fast
def minimal_solutions(bdd, nodes, heads, answers, state, known, f):  # type: ignore[no-untyped-def]
    """Rauzy's minsol: the minimal sets of events whose occurrence alone makes the function of edge `f` true.

    Of a function that is not coherent these are the cuts of its coherent hull. `known` int32[edges]: the family of each edge met, or −1.
    """
    if f == 0:
        return 1
    if f == 1:
        return 0
    if known[f] >= 0:
        return known[f]
    node, c = f >> 1, f & 1
    low = minimal_solutions(bdd, nodes, heads, answers, state, known, part(bdd, node, LOW) ^ c)
    if low < 0:
        return REFUSED
    high = minimal_solutions(bdd, nodes, heads, answers, state, known, part(bdd, node, HIGH) ^ c)
    if high < 0:
        return REFUSED
    high = without(nodes, heads, answers, state, high, low)
    if high < 0:
        return REFUSED
    result = family_of(nodes, heads, state, part(bdd, node, LEVEL), high, low)
    if result >= 0:
        known[f] = result
    return result


@fast
def prime_implicants(bdd, buckets, asked, facts, nodes, heads, answers, state, known, f):  # type: ignore[no-untyped-def]
    """Coudert and Madre's recursion: primes as sets of literals; level 2·v is event v, level 2·v + 1 its absence.

    `bdd`, `buckets`, `asked`, `facts` are the function's own table, which grows by the products of its cofactors.
    """
    if f == 0:
        return 1
    if f == 1:
        return 0
    if known[f] >= 0:
        return known[f]
    node, c = f >> 1, f & 1
    level, high, low = part(bdd, node, LEVEL), part(bdd, node, HIGH) ^ c, part(bdd, node, LOW) ^ c
    both = conjunction(bdd, buckets, asked, facts, high, low)
    if both < 0:
        return REFUSED
    neither = prime_implicants(bdd, buckets, asked, facts, nodes, heads, answers, state, known, both)
    if neither < 0:
        return REFUSED
    with_it = prime_implicants(bdd, buckets, asked, facts, nodes, heads, answers, state, known, high)
    if with_it < 0:
        return REFUSED
    with_it = minus(nodes, heads, answers, state, with_it, neither)
    if with_it < 0:
        return REFUSED
    without_it = prime_implicants(bdd, buckets, asked, facts, nodes, heads, answers, state, known, low)
    if without_it < 0:
        return REFUSED
    without_it = minus(nodes, heads, answers, state, without_it, neither)
    if without_it < 0:
        return REFUSED
    rest = family_of(nodes, heads, state, 2 * level + 1, without_it, neither)
    if rest < 0:
        return REFUSED
    result = family_of(nodes, heads, state, 2 * level, with_it, rest)
    if result >= 0:
        known[f] = result
    return result
