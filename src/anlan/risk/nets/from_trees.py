"""A fault tree as a net: each gate and each basic event a node of two states, shared where the tree shares it. Exact."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from anlan.model.words import Label
from anlan.risk.nets.mistakes import NetQuestion
from anlan.risk.nets.model import BINARY, NO, YES, Gate, GateKind, Literal, Net, NetNode, Ref, Table
from anlan.risk.trees.ccf import with_common_causes
from anlan.risk.trees.model import Connective, Constant, FaultTree, Formula, Logic, Named, names_in
from anlan.risk.trees.solving import chances

NEGATED = {Connective.NAND: GateKind.AND, Connective.NOR: GateKind.OR, Connective.IFF: GateKind.XOR}


def from_tree(tree: FaultTree, top: str = "") -> Net:
    """All that lies below the top gate. Raises NetQuestion where there is no such gate, or a probability is not given."""
    top = top or tree.top
    if top not in tree.gates:
        raise NetQuestion("there is no gate {name} in this model; its top gates are {tops}", name=top or "–",
                          tops=", ".join(tree.tops[:20]) or "–")  # fmt: skip
    tree = with_common_causes(tree)
    making = Making(tree, chances(tree))
    waiting, met = [top], {top}
    while waiting:
        name = waiting.pop()
        if name in tree.gates:
            making.gate(name)
            below = list(dict.fromkeys(names_in(tree.gates[name].formula)))
            waiting += [each for each in below if each not in met]
            met.update(below)
        else:
            making.event(name)
    return Net(tree.name, making.nodes, query=(top,))


@dataclass(slots=True)
class Making:
    tree: FaultTree
    p: dict[str, float]
    nodes: dict[str, NetNode] = field(default_factory=dict)

    def event(self, name: str) -> None:
        house = self.tree.houses.get(name)
        chance = float(house.state) if house is not None else self.p[name]
        if math.isnan(chance):
            raise NetQuestion("the probability of {name} is not given", name=name)
        text = house.label if house is not None else self.tree.events[name].label
        self.nodes[name] = NetNode(name, BINARY, Table((), ((1 - chance, chance),)), label=Label(zh=text, en=text))

    def gate(self, name: str) -> None:
        gate = self.tree.gates[name]
        rule, positive = self._rule(name, gate.formula)
        if not positive:
            rule = Gate(GateKind.OR, (Literal(self._hidden(name, rule), (NO,)),))
        self.nodes[name] = NetNode(name, BINARY, rule, label=Label(zh=gate.label, en=gate.label), place=gate.place)

    def _rule(self, name: str, formula: Logic) -> tuple[Gate, bool]:
        """The rule, and whether it stands as it is (False: negated)."""
        match formula:
            case Formula(Connective.NOT, (one,)):
                return Gate(GateKind.OR, (self._literal(name, one),)), False
            case Formula(Connective.IMPLY, (first, then)):
                return Gate(GateKind.OR, (self._negated(self._literal(name, first)), self._literal(name, then))), True
            case Formula(connective, arguments, least):
                literals = tuple(self._literal(name, one) for one in arguments)
                if connective in NEGATED:
                    return Gate(NEGATED[connective], literals), False
                return Gate(GateKind(connective.value), literals, least), True
            case _:
                return Gate(GateKind.OR, (self._literal(name, formula),)), True

    def _literal(self, name: str, formula: Logic) -> Literal:
        match formula:
            case Named(other):
                return Literal(Ref(other), (YES,))
            case Constant(value):
                hidden = f"{name}·{'true' if value else 'false'}"
                self.nodes[hidden] = NetNode(hidden, BINARY, Table((), ((1.0 - value, float(value)),)))
                return Literal(Ref(hidden), (YES,))
            case Formula(Connective.NOT, (one,)):
                return self._negated(self._literal(name, one))
            case _:
                rule, positive = self._rule(name, formula)
                return Literal(self._hidden(name, rule), (YES if positive else NO,))

    def _negated(self, one: Literal) -> Literal:
        return Literal(one.ref, (NO,) if one.states == (YES,) else (YES,))

    def _hidden(self, name: str, rule: Gate) -> Ref:
        """A formula within a gate's formula has no name of its own."""
        hidden = f"{name}·{len(self.nodes) + 1}"
        self.nodes[hidden] = NetNode(hidden, BINARY, rule)
        return Ref(hidden)
