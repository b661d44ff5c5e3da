"""Where the nodes of a net stand in its picture: parents above children, as few crossings as a few sweeps find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SWEEPS = 6


def layers(parents: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Rows of names, from the roots down; each node stands one row below its lowest parent."""
    depth: dict[str, int] = {}
    waiting = list(parents)
    while waiting:
        name = waiting[-1]
        above = [each for each in parents[name] if each not in depth]
        if name in depth or not above:
            depth.setdefault(name, max((depth[each] + 1 for each in parents[name]), default=0))
            waiting.pop()
        else:
            waiting += above
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    children: dict[str, list[str]] = {name: [] for name in parents}
    for name in parents:
        rows[depth[name]].append(name)
        for each in parents[name]:
            children[each].append(name)
    # A root stands right above its first child rather than at the very top.
    for name in list(rows[0]) if rows else []:
        first = min((depth[each] for each in children[name]), default=0)
        if first > 1:
            rows[0].remove(name)
            rows[first - 1].append(name)
    rows = [row for row in rows if row]
    for sweep in range(SWEEPS):
        near, order = (parents, rows) if sweep % 2 == 0 else (children, rows[::-1])
        at = {name: (n + 0.5) / len(row) for row in rows for n, name in enumerate(row)}
        for row in order:
            row.sort(key=lambda name: _middle([at[each] for each in near[name]], at[name]))
            at |= {name: (n + 0.5) / len(row) for n, name in enumerate(row)}
    return rows


def _middle(places: Sequence[float], own: float) -> float:
    return sum(places) / len(places) if places else own
