"""The YAML form of a net. The header of a study (study, kind, name, place) may stand before.

study: chlorine-leak
query: [release]
nodes:
  corrosion: {states: [none, slight, heavy], chances: [0.90, 0.08, 0.02]}
  flange-leaks: {parents: [corrosion], rows: {none: 0.001, slight: 0.01, heavy: 0.2}}
  valve-fails: 0.02                      # the chance of yes; states [no, yes]
  isolated: {and: [{not: valve-fails}, {not: power-lost}]}
  power-lost: 0.005
  alarm: {noisy-or: {flange-leaks: 0.95, "corrosion=heavy": 0.1}, leak: 0.001}
  release: {and: [flange-leaks, {not: isolated}]}

A literal is a name (of a node of two states: its state `yes`, else its last), `name=state`, `name=state|state`, or `{not: …}` of these.
Rules: `chances`, `parents` with `rows`, `and`, `or`, `xor`, `atleast` with `of`, `not`, `noisy-or`, `noisy-and`, each of the last two with `leak`,
and `repairable: {rate, repair-rate}`. A dynamic net has `steps` and `step-hours`; `name@before` is a parent one step earlier, `start` the rule of step 0,
`once: true` a node that all steps share. `live: {point: AT-203, when: "> 5", then: yes, else: no}` in a node binds it to the plant: `then` is what is found while
the fact is true (default: as the node's name alone), `else` while it is known to be false (default: nothing is found).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

from ruamel.yaml.nodes import Node

from anlan.model.words import Label
from anlan.risk.nets.mistakes import NetMistake
from anlan.risk.nets.model import (
    BEFORE,
    BINARY,
    Finding,
    Gate,
    GateKind,
    Literal,
    LiveFinding,
    Net,
    NetNode,
    Noisy,
    Ref,
    Repairable,
    Rule,
    Table,
    refs_of,
)
from anlan.risk.studies.facts import read_binding
from anlan.risk.trees.checks import no_circle
from anlan.risk.trees.elements import read_bytes
from anlan.risk.trees.mistakes import TreeMistake
from anlan.risk.written import Place
from anlan.risk.yaml_reading import YamlReading

SECTIONS = ("query", "steps", "step-hours", "nodes", "source", "validity")
HEADER = ("study", "kind", "name", "place")
RULES = ("chances", "rows", "and", "or", "xor", "atleast", "not", "noisy-or", "noisy-and", "repairable")
PARTS = (*RULES, "parents", "of", "leak", "states", "label", "start", "once", "live")
MOST_ROWS, MOST_STATES, MOST_NODES, MOST_STEPS = 4096, 50, 2_000, 500
CLOSE = 1e-6
"""How far from 1 a row may add up to; it is then made to add up exactly."""
SIGNS = set("@=|⋯,{}[]")


def read_net(file: Path | str) -> Net:
    """Raises NetMistake with file and line."""
    try:
        body = read_bytes(Path(file))
    except TreeMistake as failure:
        raise NetMistake(failure.message, Place(str(file)), **failure.facts) from failure
    return net_of(body, str(file))


def net_of(text: str | bytes, file: str = "net.yaml") -> Net:
    """The net of a text. Raises NetMistake with `file` and line."""
    reading = NetReading(file)
    root = reading.whole_file(text)
    parts = reading.parts(root, (*HEADER, *SECTIONS))
    name = reading.text(parts["study"]) if "study" in parts else Path(file).stem
    label = reading.label(parts["name"]) if "name" in parts else Label()
    return reading.net({key: node for key, node in parts.items() if key not in HEADER}, reading.place(root), name, label)


class NetReading(YamlReading):
    mistake = NetMistake
    states: dict[str, tuple[str, ...]]
    raw: dict[str, Node]
    steps: int

    def net(self, parts: Mapping[str, Node], place: Place, name: str, label: Label) -> Net:
        """Of the entries below the header."""
        self.known(parts, SECTIONS)
        self.no_deeper(parts.values())
        if "nodes" not in parts:
            self.fail("{part} is missing", place, part="nodes")
        self.raw = self.parts(parts["nodes"])
        if not self.raw:
            self.fail("a net has no nodes", parts["nodes"])
        self.steps = self.whole(parts["steps"], 1, MOST_STEPS) if "steps" in parts else 0
        if len(self.raw) * (self.steps + 1) > MOST_NODES:
            self.fail("the net has {found} nodes; at most {most} were expected", parts["nodes"],
                      found=len(self.raw) * (self.steps + 1), most=MOST_NODES)  # fmt: skip
        self.states = {name: self._states(name, node) for name, node in self.raw.items()}
        nodes = {name: self._node(name, node) for name, node in self.raw.items()}
        self._checked(nodes)
        query = self.texts(parts["query"]) if "query" in parts else ()
        for asked in query:
            self._defined(asked, parts["query"])
        hours = self.number(parts["step-hours"], 1e-9) if "step-hours" in parts else 1.0
        return Net(
            name,
            nodes,
            label,
            self.steps,
            hours,
            query,
            tuple(self._live(nodes)),
            self.text(parts["source"]) if "source" in parts else "",
            self.text(parts["validity"]) if "validity" in parts else "",
            place,
        )

    def _states(self, name: str, node: Node) -> tuple[str, ...]:
        if SIGNS & set(name) or not name:
            self.fail("{name} cannot be a node's name: {signs} have a meaning", node, name=name or "–", signs="@ = | ,")
        if not self.is_map(node):
            return BINARY
        parts = self.parts(node, PARTS)
        if "repairable" in parts and "states" not in parts:
            return ("works", "failed")
        if "states" not in parts:
            return BINARY
        states = self.texts(parts["states"])
        if not 2 <= len(states) <= MOST_STATES or len(set(states)) < len(states) or any(SIGNS & set(one) for one in states):
            self.fail("the states of {name} are {found}; from 2 to {most} different names were expected", parts["states"], name=name,
                      found=", ".join(states), most=MOST_STATES)  # fmt: skip
        return states

    def _node(self, name: str, node: Node) -> NetNode:
        if not self.is_map(node):
            return NetNode(name, BINARY, self._root_chance(name, node), place=self.place(node))
        parts = self.parts(node)
        start = None
        if "start" in parts:
            inner = parts["start"]
            start = self._rule(name, inner, self.parts(inner, PARTS)) if self.is_map(inner) else (
                self._table(name, (), inner) if self.is_list(inner) else self._root_chance(name, inner)
            )  # fmt: skip
        once = "once" in parts and self.truth(parts["once"])
        label = self.label(parts["label"]) if "label" in parts else Label()
        return NetNode(name, self.states[name], self._rule(name, node, parts), start, once, label, self.place(node))

    def _root_chance(self, name: str, node: Node) -> Table:
        return Table((), (self._row(name, node),))

    def _rule(self, name: str, node: Node, parts: Mapping[str, Node]) -> Rule:
        said = [one for one in RULES if one in parts]
        if len(said) != 1:
            self.fail("{name} has {found}; one of {expected} was expected", node, name=name, found=" + ".join(said) or "–",
                      expected=", ".join(RULES))  # fmt: skip
        kind, body = said[0], parts[said[0]]
        if kind not in ("chances", "rows", "repairable") and len(self.states[name]) != 2:
            self.fail("{name} has {found} states; a gate has two", node, name=name, found=len(self.states[name]))
        match kind:
            case "chances":
                return self._table(name, (), body)
            case "rows":
                if "parents" not in parts:
                    self.fail("{part} is missing", node, part="parents")
                parents = tuple(self._ref(text, parts["parents"]) for text in self.texts(parts["parents"]))
                if len(set(parents)) < len(parents):
                    self.fail("{name} has a parent twice", parts["parents"], name=name)
                return self._table(name, parents, body)
            case "not":
                return Gate(GateKind.OR, (self._negated(self._literal(body)),))
            case "and" | "or" | "xor":
                return Gate(GateKind(kind), self._literals(body))
            case "atleast":
                if "of" not in parts:
                    self.fail("{part} is missing", node, part="of")
                literals = self._literals(parts["of"])
                return Gate(GateKind.ATLEAST, literals, self.whole(body, 1, len(literals)))
            case "repairable":
                rates = self.parts(body, ("rate", "repair-rate"))
                if len(rates) != 2 or len(self.states[name]) != 2:
                    self.fail("rate and repair-rate of a node of two states were expected", body)
                values = {part: self.number(each, 0) for part, each in rates.items()}
                if not self.steps:
                    self.fail("{name} looks one step before, but the net has no steps", body, name=name)
                return Repairable(values["rate"], values["repair-rate"])
            case _:
                links = tuple((self._named(text, each), self.fraction(each, text)) for text, each in self.entries(body))
                if not links:
                    self.fail("{name} has no parents", body, name=name)
                leak = self.fraction(parts["leak"], "leak") if "leak" in parts else 0.0
                return Noisy(GateKind.OR if kind == "noisy-or" else GateKind.AND, links, leak)

    def _table(self, name: str, parents: tuple[Ref, ...], body: Node) -> Table:
        """`rows: {"state, state": row}` by the parents' states in their order; without parents one row."""
        if not parents:
            return Table((), (self._row(name, body),))
        combinations = [", ".join(each) for each in product(*(self.states[ref.name] for ref in parents))]
        if len(combinations) > MOST_ROWS:
            self.fail("{name} needs {found} rows; at most {most} were expected", body, name=name, found=len(combinations),
                      most=MOST_ROWS)  # fmt: skip
        known, found = set(combinations), dict[str, tuple[float, ...]]()
        for written, row in self.entries(body):
            key = ", ".join(part.strip() for part in written.split(","))
            if key not in known:
                self.fail("{name} has a row {found}; states of {parents} were expected, as {example}", row, name=name, found=repr(key),
                          parents=", ".join(map(str, parents)), example=combinations[0])  # fmt: skip
            found[key] = self._row(name, row)
        missing = [each for each in combinations if each not in found]
        if missing:
            self.fail("{name} has no row for {missing}", body, name=name, missing=" / ".join(missing[:3]))
        return Table(parents, tuple(found[each] for each in combinations))

    def _row(self, name: str, node: Node) -> tuple[float, ...]:
        """One number: of `yes`, else of the last state. A list in the order of the states, or `{state: chance}`."""
        states = self.states[name]
        if self.is_text(node):
            chance = self.fraction(node, name)
            if len(states) != 2:
                self.fail("{name} has {found} states; a chance for each was expected", node, name=name, found=len(states))
            return (chance, 1 - chance) if states[0] == "yes" else (1 - chance, chance)
        if self.is_map(node):
            given = {state: self.fraction(each, name) for state, each in self.parts(node, states).items()}
            row = [given.get(state, 0.0) for state in states]
        else:
            row = [self.fraction(each, name) for each in self.items(node)]
        if len(row) != len(states):
            self.fail("a row of {name} has {found} chances; {expected} were expected", node, name=name, found=len(row),
                      expected=len(states))  # fmt: skip
        total = sum(row)
        if abs(total - 1) > CLOSE:
            self.fail("a row of {name} adds up to {found}; 1 was expected", node, name=name, found=float(f"{total:.9g}"))
        return tuple(chance / total for chance in row)

    def _literals(self, node: Node) -> tuple[Literal, ...]:
        literals = tuple(self._literal(each) for each in self.items(node))
        if not literals:
            self.fail("a list [ … ] was expected", node)
        return literals

    def _literal(self, node: Node) -> Literal:
        if self.is_map(node):
            parts = self.parts(node, ("not",))
            return self._negated(self._literal(parts["not"]))
        return self._named(self.text(node), node)

    def _named(self, text: str, node: Node) -> Literal:
        name, equals, wanted = (part.strip() for part in text.partition("="))
        ref = self._ref(name, node)
        states = self.states[ref.name]
        if not equals:
            if len(states) != 2:
                self.fail("{name} has the states {states}; {name}=state was expected", node, name=name, states=", ".join(states))
            return Literal(ref, ("yes" if "yes" in states else states[-1],))
        chosen = tuple(part.strip() for part in wanted.split("|"))
        for one in chosen:
            if one not in states:
                self.fail("{name} has no state {found}; one of {states} was expected", node, name=ref.name, found=one,
                          states=", ".join(states))  # fmt: skip
        return Literal(ref, chosen)

    def _negated(self, one: Literal) -> Literal:
        return Literal(one.ref, tuple(state for state in self.states[one.ref.name] if state not in one.states))

    def _ref(self, text: str, node: Node) -> Ref:
        ref = Ref(text.removesuffix(BEFORE), text.endswith(BEFORE))
        self._defined(ref.name, node)
        if ref.before and not self.steps:
            self.fail("{name} looks one step before, but the net has no steps", node, name=text)
        return ref

    def _defined(self, name: str, node: Node) -> None:
        if name not in self.raw:
            self.fail("{name} is used but nowhere defined", node, name=name)

    def _live(self, nodes: Mapping[str, NetNode]) -> Iterator[LiveFinding]:
        """`live: {point: …, when: …, then: state, else: state}` of a node, or a list of such."""
        for name, node in self.raw.items():
            parts = dict(self.entries(node)) if self.is_map(node) else {}
            if "live" not in parts:
                continue
            for each in self.items(parts["live"]) if self.is_list(parts["live"]) else [parts["live"]]:
                bound, more = read_binding(self, each, "then", "else")
                then = self._finding(name, more["then"]) if "then" in more else nodes[name].yes
                yield LiveFinding(name, bound, then, self._finding(name, more["else"]) if "else" in more else None)

    def _finding(self, name: str, node: Node) -> Finding:
        """A state, or `{state: likelihood}`."""
        states = self.states[name]
        if self.is_map(node):
            found = {state: self.fraction(each, name) for state, each in self.parts(node, states).items()}
            if not any(found.values()):
                self.fail("the finding of {name} rules out each of its states", node, name=name)
            return found
        state = self.text(node)
        if state not in states:
            self.fail("{name} has no state {found}; one of {states} was expected", node, name=name, found=state,
                      states=", ".join(states))  # fmt: skip
        return state

    def _checked(self, nodes: Mapping[str, NetNode]) -> None:
        for node in nodes.values():
            before = isinstance(node.rule, Repairable) or any(ref.before for ref in refs_of(node.rule))
            if before and node.start is None and not isinstance(node.rule, Repairable):
                raise NetMistake("{name} looks one step before and has no start", node.place, name=node.name)
            if any(ref.before for ref in refs_of(node.start)) or (isinstance(node.start, Repairable)):
                raise NetMistake("the start of {name} looks one step before", node.place, name=node.name)
            if node.once and (before or any(not nodes[ref.name].once for ref in refs_of(node.rule))):
                raise NetMistake("{name} stands once, but depends on what changes from step to step", node.place, name=node.name)
        for rules in ("rule", "start"):
            below = {n: [ref.name for ref in refs_of(getattr(one, rules)) if not ref.before] for n, one in nodes.items()}
            try:
                no_circle(below, lambda name: nodes[name].place)
            except TreeMistake as failure:
                raise NetMistake(failure.message, Place(failure.file, failure.line), **failure.facts) from failure
