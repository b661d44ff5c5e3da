"""A dynamic net as a static one: each node once a step, `unit@0`, `unit@1` …; what holds for all steps (`once`) stands once.

A unit that fails at λ and is repaired at μ goes over a step of h hours by the exact chances of the two-state chain,
P(failed after | worked) = λ/(λ+μ)·(1 − e^{−(λ+μ)h}), P(works after | failed) = μ/(λ+μ)·(1 − e^{−(λ+μ)h}).
"""

from __future__ import annotations

import math
from dataclasses import replace

from anlan.risk.nets.model import Gate, Literal, Net, NetNode, Noisy, Ref, Repairable, Rule, Table


def unrolled(net: Net) -> Net:
    """Static nets come back as they are."""
    if not net.steps:
        return net
    nodes: dict[str, NetNode] = {}
    for step in range(net.steps + 1):
        for node in net.nodes.values():
            if node.once:
                nodes.setdefault(node.name, replace(node, rule=_at(net, node.rule, 0)))
                continue
            rule = node.start if step == 0 and node.start is not None else node.rule
            if isinstance(rule, Repairable):
                rule = _repaired(node, rule, net.step_hours, step)
            name = f"{node.name}@{step}"
            nodes[name] = replace(node, name=name, rule=_at(net, rule, step), start=None)
    query = [name if net.nodes[name].once else f"{name}@{net.steps}" for name in net.query]
    return replace(net, nodes=nodes, steps=0, query=tuple(query))


def _repaired(node: NetNode, rule: Repairable, hours: float, step: int) -> Table:
    if step == 0:
        return Table((), ((1.0, 0.0),))
    both = rule.rate + rule.repair_rate
    moved = -math.expm1(-both * hours)
    fails, mended = (rule.rate / both * moved, rule.repair_rate / both * moved) if both else (0.0, 0.0)
    return Table((Ref(node.name, before=True),), ((1 - fails, fails), (mended, 1 - mended)))


def _at(net: Net, rule: Rule, step: int) -> Rule:
    def there(ref: Ref) -> Ref:
        return ref if net.nodes[ref.name].once else Ref(f"{ref.name}@{step - ref.before}")

    def literal(one: Literal) -> Literal:
        return Literal(there(one.ref), one.states)

    match rule:
        case Table(parents, rows):
            return Table(tuple(there(ref) for ref in parents), rows)
        case Gate(kind, literals, least):
            return Gate(kind, tuple(literal(one) for one in literals), least)
        case Noisy(kind, links, leak):
            return Noisy(kind, tuple((literal(one), chance) for one, chance in links), leak)
        case _:
            return rule
