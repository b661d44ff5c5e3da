"""The YAML form of a tree, read into the elements of Open-PSA, so that both forms have the same meaning and the same mistakes.

fault-tree: pump
top: no-flow
gates:
  no-flow: {or: [power, {and: [pump-a, pump-b]}]}
  power: {atleast: 2, of: [bus-1, bus-2, bus-3]}
events:
  pump-a: 0.01
  pump-b: {rate: lambda, test-interval: 720}
  valve: {rate: {failure-data: shutdown-valve undetected}, test-interval: 4380}   # class and mode of the library, with its uncertainty
houses: {standby: true}
parameters:
  lambda: {lognormal-deviate: [1.0e-6, 3, 0.95]}
common-causes:
  buses: {model: beta-factor, members: [bus-1, bus-2, bus-3], probability: 0.001, factors: [0.1]}
event-trees:
  blackout:
    starts: {grid-lost: 0.1}              # initiating event and its frequency, ~ where none is given
    first:
      ask: diesel
      fails-by: no-flow                   # the function fails when this is true: a gate, an event, a formula
      success: cooled                     # a sequence
      failure:
        ask: time-of-day
        paths:                            # more than two ways, or ways that chance decides
          day: {chance: 0.4, then: late}
          night: {chance: 0.6, collect: pump-a, set: {standby: false}, then: melt}
    sequences: {late: {label: Cooled too late}, melt: {tree: release}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from anlan.risk.trees.elements import DEEPEST, Element
from anlan.risk.trees.mistakes import TreeMistake
from anlan.risk.written import Nodes, Place

if TYPE_CHECKING:
    from anlan.risk.failures.rates import Rates

MISSION_TIME = "mission-time"
LIBRARY = "failure-data"
SECTIONS = ("fault-tree", "top", MISSION_TIME, "gates", "events", "houses", "parameters", "common-causes", "event-trees")
RATES = ("rate", "test-interval", "first-test", "repair-rate", "on-demand")


def parse_yaml(body: bytes, file: str) -> Element:
    """An <opsa-mef> of the same content. Raises TreeMistake with file and line."""
    return Form(file).read(body)


class Form(Nodes):
    """`looked_up`: parameters from the library of failure data, each once: what is uncertain about a class is so for all its items alike."""

    mistake = TreeMistake

    def __init__(self, file: str, rates: Rates | None = None) -> None:
        super().__init__(file, rates)
        self.looked_up: dict[str, Element] = {}

    def read(self, body: bytes) -> Element:
        root = self.root(body)
        if root is None:
            raise TreeMistake("this file is empty", Place(self.file))
        return self.made(dict(self.entries(root)), root)

    def made(self, entries: Mapping[str, Node], at: Node | None, name: str = "tree") -> Element:
        """Of the entries of a file that were read already. `name`: of a tree that says none itself; `at`: where the whole begins."""
        place = Place(self.file, 1) if at is None else self.place(at)
        mef = Element("opsa-mef", place)
        tree = Element("define-fault-tree", place, {"name": name})
        data = Element("model-data", place)
        mef.children = [tree, data]
        for key, node in entries.items():
            match key:
                case "fault-tree":
                    tree.attributes["name"] = self.text(node)
                case "top":
                    mef.attributes["top"] = self.text(node)
                case "mission-time":
                    mef.attributes["mission-time"] = self.text(node)
                case "gates":
                    tree.children += self.defined(node, "define-gate", self.formula)
                case "events":
                    data.children += self.defined(node, "define-basic-event", self.chance)
                case "houses":
                    data.children += self.defined(node, "define-house-event", self.truth)
                case "parameters":
                    data.children += self.defined(node, "define-parameter", self.expression)
                case "common-causes":
                    tree.children += [self.group(name, each) for name, each in self.entries(node)]
                case "event-trees":
                    for one, each in self.entries(node):
                        mef.children += EventForm(self).event_tree(one, each)
                case _:
                    raise TreeMistake(
                        "{found} is no part of a tree; one of {expected} was expected",
                        self.place(node),
                        found=key,
                        expected=", ".join(SECTIONS),
                    )
        data.children += self.looked_up.values()
        return mef

    def defined(self, node: Node, tag: str, body: Callable[[Node], Element | None]) -> list[Element]:
        """`{name: body}`, or `{name: {label: …, is: body}}`."""
        found = []
        for name, value in self.entries(node):
            element = Element(tag, self.place(value), {"name": name})
            inner = value
            if isinstance(value, MappingNode) and any(self.text(key) == "label" for key, _ in value.value):
                parts = dict(self.entries(value))
                element.children.append(Element("label", element.place, text=self.text(parts.pop("label"))))
                if set(parts) != {"is"}:
                    raise TreeMistake("label and is were expected", element.place)
                inner = parts["is"]
            made = body(inner)
            if made is not None:
                element.children.append(made)
            found.append(element)
        return found

    def formula(self, node: Node, depth: int = 0) -> Element:
        place = self.place(node)
        if depth > DEEPEST:
            raise TreeMistake("elements are nested deeper than {most}", place, most=DEEPEST)
        if isinstance(node, ScalarNode):
            if node.value in ("true", "false"):
                return Element("constant", place, {"value": node.value})
            return Element("event", place, {"name": self.text(node)})
        parts = dict(self.entries(node))
        attributes = {}
        if set(parts) == {"atleast", "of"}:
            operation, arguments = "atleast", parts["of"]
            attributes["min"] = self.text(parts["atleast"])
        elif len(parts) == 1:
            operation, arguments = next(iter(parts.items()))
        else:
            raise TreeMistake("one operation was expected, as {example}", place, example="{and: [a, b]}")
        inner = [arguments] if operation == "not" and not isinstance(arguments, SequenceNode) else self.items(arguments)
        return Element(operation, place, attributes, [self.formula(each, depth + 1) for each in inner])

    def truth(self, node: Node) -> Element:
        return Element("constant", self.place(node), {"value": self.text(node)})

    def chance(self, node: Node) -> Element | None:
        """An expression; `{rate: …, test-interval: …, first-test: …, repair-rate: …, on-demand: …}`; or nothing, as `~`."""
        if isinstance(node, ScalarNode) and node.value in ("", "~", "null"):
            return None
        if not (isinstance(node, MappingNode) and any(self.text(key) in RATES for key, _ in node.value)):
            return self.expression(node)
        parts = {name: self.expression(each) for name, each in self.entries(node)}
        place, time = self.place(node), Element("system-mission-time", self.place(node))
        unknown = [name for name in parts if name not in RATES]
        if unknown or "rate" not in parts:
            raise TreeMistake(
                "{found} was found; rate and any of {expected} were expected",
                place,
                found=", ".join(unknown) or ", ".join(parts),
                expected=", ".join(RATES[1:]),
            )
        rate, zero = parts["rate"], Element("float", place, {"value": "0"})
        if "test-interval" in parts:
            interval = parts["test-interval"]
            repair = [parts["repair-rate"]] if "repair-rate" in parts else []
            return Element("periodic-test", place, {}, [rate, *repair, interval, parts.get("first-test", interval), time])
        if "repair-rate" in parts or "on-demand" in parts:
            return Element("GLM", place, {}, [parts.get("on-demand", zero), rate, parts.get("repair-rate", zero), time])
        return Element("exponential", place, {}, [rate, time])

    def expression(self, node: Node, depth: int = 0) -> Element:
        place = self.place(node)
        if depth > DEEPEST:
            raise TreeMistake("elements are nested deeper than {most}", place, most=DEEPEST)
        if isinstance(node, ScalarNode):
            text = self.text(node)
            if text == MISSION_TIME:
                return Element("system-mission-time", place)
            try:
                float(text)
            except ValueError:
                return Element("parameter", place, {"name": text})
            return Element("float", place, {"value": text})
        parts = dict(self.entries(node))
        if len(parts) != 1:
            raise TreeMistake("one operation was expected, as {example}", place, example="{exponential: [1e-6, mission-time]}")
        ((operation, arguments),) = parts.items()
        if operation == LIBRARY:
            return self.from_library(arguments)
        return Element(operation, place, {}, [self.expression(each, depth + 1) for each in self.items(arguments)])

    def from_library(self, node: Node) -> Element:
        """A parameter that is the distribution of "class mode" in the library of failure data."""
        from anlan.risk.failures.laws import Gamma
        from anlan.risk.failures.library import library

        place, told = self.place(node), self.text(node)
        found = self.rates.find(told)
        if found is None:
            known = ", ".join(" ".join(key) for key in library())
            raise TreeMistake("no failure data of {found}; there are {known}", place, found=told, known=known)
        name = "-".join(found.key)
        figures = (found.law.a, 1 / found.law.b) if isinstance(found.law, Gamma) else (found.law.a, found.law.b)
        deviate = "gamma-deviate" if isinstance(found.law, Gamma) else "beta-deviate"
        law = Element(deviate, place, {}, [Element("float", place, {"value": repr(one)}) for one in figures])
        self.looked_up.setdefault(name, Element("define-parameter", place, {"name": name}, [law]))
        return Element("parameter", place, {"name": name})

    def group(self, name: str, node: Node) -> Element:
        place = self.place(node)
        parts = dict(self.entries(node))
        if set(parts) != {"model", "members", "probability", "factors"}:
            raise TreeMistake("model, members, probability and factors were expected", place)
        members = Element("members", place)
        members.children = [
            Element("basic-event", self.place(each), {"name": self.text(each)}) for each in self.items(parts["members"])
        ]
        distribution = Element("distribution", place)
        chance = self.chance(parts["probability"])
        distribution.children = [chance] if chance is not None else []
        factors = Element("factors", place)
        for each in self.items(parts["factors"]):
            factors.children.append(Element("factor", self.place(each), {}, [self.expression(each)]))
        return Element(
            "define-CCF-group", place, {"name": name, "model": self.text(parts["model"])}, [members, distribution, factors]
        )


class EventForm:
    """Event trees: forks within forks, down to sequences."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.functions: dict[str, None] = {}
        self.sequences: dict[str, Place] = {}

    def event_tree(self, name: str, node: Node) -> list[Element]:
        """<define-event-tree>, and a <define-initiating-event> for each start."""
        form, place = self.form, self.form.place(node)
        parts = self.parts(node, ("starts", "first", "sequences"), ("first",))
        initial = self.way(parts["first"])
        initial.tag = "initial-state"
        told = {one: each for one, each in form.entries(parts["sequences"])} if "sequences" in parts else {}
        for one, each in told.items():
            if one not in self.sequences:
                raise TreeMistake("no path of event tree {name} ends in {sequence}", form.place(each), name=name, sequence=one)
        ends = [self.sequence(one, at, told.get(one)) for one, at in self.sequences.items()]
        asked = [Element("define-functional-event", place, {"name": one}) for one in self.functions]
        found = [Element("define-event-tree", place, {"name": name}, [*asked, *ends, initial])]
        for one, each in form.entries(parts["starts"]) if "starts" in parts else ():
            chance = form.chance(each)
            start = Element("define-initiating-event", form.place(each), {"name": one, "event-tree": name})
            start.children = [chance] if chance is not None else []
            found.append(start)
        return found

    def sequence(self, name: str, place: Place, told: Node | None) -> Element:
        element = Element("define-sequence", place, {"name": name})
        parts = self.parts(told, ("label", "tree")) if told is not None else {}
        if "label" in parts:
            element.children.append(Element("label", place, text=self.form.text(parts["label"])))
        if "tree" in parts:
            at = self.form.place(parts["tree"])
            element.children.append(Element("event-tree", at, {"name": self.form.text(parts["tree"])}))
        return element

    def way(self, node: Node, depth: int = 0) -> Element:
        """A <path> without its state: to a sequence by its name, or to a fork."""
        form, place = self.form, self.form.place(node)
        if depth > DEEPEST:
            raise TreeMistake("elements are nested deeper than {most}", place, most=DEEPEST)
        if isinstance(node, ScalarNode):
            name = form.text(node)
            self.sequences.setdefault(name, place)
            return Element("path", place, {}, [Element("sequence", place, {"name": name})])
        parts = self.parts(node, ("ask", "fails-by", "success", "failure", "paths"), ("ask",))
        asked = form.text(parts["ask"])
        self.functions.setdefault(asked)
        fork = Element("fork", place, {"functional-event": asked})
        if "paths" in parts:
            self.parts(node, ("ask", "paths"))
            fork.children = [self.path(state, each, depth) for state, each in form.entries(parts["paths"])]
            return Element("path", place, {}, [fork])
        self.parts(node, ("ask", "fails-by", "success", "failure"), ("fails-by", "success", "failure"))
        for state in ("success", "failure"):
            path = self.way(parts[state], depth + 1)
            path.attributes["state"] = state
            failed = form.formula(parts["fails-by"])
            formula = failed if state == "failure" else Element("not", failed.place, {}, [failed])
            path.children.insert(0, Element("collect-formula", failed.place, {}, [formula]))
            fork.children.append(path)
        return Element("path", place, {}, [fork])

    def path(self, state: str, node: Node, depth: int) -> Element:
        form = self.form
        parts = self.parts(node, ("collect", "chance", "set", "then"), ("then",))
        path = self.way(parts["then"], depth + 1)
        path.attributes["state"] = state
        collected = []
        if "collect" in parts:
            collected.append(Element("collect-formula", form.place(parts["collect"]), {}, [form.formula(parts["collect"])]))
        if "chance" in parts:
            collected.append(Element("collect-expression", form.place(parts["chance"]), {}, [form.expression(parts["chance"])]))
        for house, each in form.entries(parts["set"]) if "set" in parts else ():
            collected.append(Element("set-house-event", form.place(each), {"name": house}, [form.truth(each)]))
        path.children = [*collected, *path.children]
        return path

    def parts(self, node: Node, known: tuple[str, ...], needed: tuple[str, ...] = ()) -> dict[str, Node]:
        parts = dict(self.form.entries(node))
        missing = [name for name in needed if name not in parts]
        strange = [name for name in parts if name not in known]
        if missing or strange:
            raise TreeMistake(
                "{found} was found; {expected} were expected",
                self.form.place(parts[strange[0]] if strange else node),
                found=", ".join(strange or parts),
                expected=", ".join(needed if missing else known),
            )
        return parts
