"""Open-PSA Model Exchange Format into values: names resolved, each mistake with its file and line.

A name is looked for in the fault tree and components it is written in, from the inside out, then among public names, then as a full
path `Tree.component.name`. Where no spelling fits, one that differs only in capital letters is taken if there is just one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

from anlan.risk.trees.checks import check, tops_of
from anlan.risk.trees.elements import Element, parse_xml, read_bytes
from anlan.risk.trees.expressions import DEVIATES, FUNCTIONS, PERIODIC, Apply, Expression, MissionTime, Number, Use
from anlan.risk.trees.mistakes import TreeMistake
from anlan.risk.trees.model import (
    HOURS_PER_YEAR,
    BasicEvent,
    Branch,
    CcfGroup,
    CcfModel,
    CollectExpression,
    CollectFormula,
    Connective,
    Constant,
    EventTree,
    FaultTree,
    Fork,
    Formula,
    Gate,
    HouseEvent,
    InitiatingEvent,
    Instruction,
    Logic,
    Named,
    Parameter,
    Path,
    Sequence,
    SetHouse,
)

CONTAINERS = ("define-fault-tree", "define-component")
IGNORED = {"label", "attributes"}
EVENT_KINDS = {"gate": "define-gate", "basic-event": "define-basic-event", "house-event": "define-house-event"}
DEFINITIONS = {
    *EVENT_KINDS.values(), "define-parameter", "define-CCF-group", "define-event-tree", "define-initiating-event",
}  # fmt: skip
EXPRESSION_TAGS = {
    *FUNCTIONS, *DEVIATES, "periodic-test", "float", "int", "bool", "parameter", "system-mission-time", "pi", "exponential",
}  # fmt: skip


def read_tree(*files: FilePath | str, top: str = "", mission_time: float = HOURS_PER_YEAR) -> FaultTree:
    """One model out of one or several files, .xml or .yaml. Raises TreeMistake with file and line, TreeQuestion for an unknown `top`."""
    from anlan.risk.trees.yaml_form import parse_yaml

    roots = []
    for file in files:
        path = FilePath(file)
        body = read_bytes(path)
        roots.append(parse_yaml(body, str(file)) if path.suffix.lower() in {".yaml", ".yml"} else parse_xml(body, str(file)))
    return tree_of(roots, top=top, mission_time=mission_time)


def tree_of(roots: Iterable[Element], *, top: str = "", mission_time: float = HOURS_PER_YEAR) -> FaultTree:
    reading = Reading(mission_time=mission_time)
    for root in roots:
        if root.tag != "opsa-mef":
            raise TreeMistake("the outermost element is <{found}>; <opsa-mef> was expected", root.place, found=root.tag)
        reading.top = reading.top or root.attributes.get("top", "")
        if "mission-time" in root.attributes:
            reading.mission_time = number_of(root, root.attributes["mission-time"])
        reading.collect(root, (), "public")
    tree = reading.tree()
    check(tree)
    return tops_of(tree, top or reading.top)


@dataclass(frozen=True, slots=True)
class Definition:
    element: Element
    scope: tuple[str, ...]
    name: str
    """The full name: short for what is public, with its path for what is private."""


@dataclass(slots=True)
class Scope:
    """The names of one kind of thing."""

    by_path: dict[str, Definition] = field(default_factory=dict)
    public: dict[str, Definition] = field(default_factory=dict)
    folded: dict[str, set[str]] = field(default_factory=dict)

    def add(self, definition: Definition, public: bool) -> None:
        element = definition.element
        short = element.get("name")
        path = ".".join((*definition.scope, short))
        earlier = self.by_path.get(path) or (self.public.get(short) if public else None)
        if earlier is not None:
            raise TreeMistake(
                "{name} is defined twice; first at {first}",
                element.place,
                name=short,
                first=f"{earlier.element.place.file}:{earlier.element.place.line}",
            )
        self.by_path[path] = definition
        if public:
            self.public[short] = definition
        for name in {path, short if public else path}:
            self.folded.setdefault(name.casefold(), set()).add(definition.name)

    def find(self, name: str, scope: tuple[str, ...]) -> Definition | None:
        for depth in range(len(scope), 0, -1):
            found = self.by_path.get(".".join((*scope[:depth], name)))
            if found is not None:
                return found
        return self.public.get(name) or self.by_path.get(name) or self._alike(name, scope)

    def _alike(self, name: str, scope: tuple[str, ...]) -> Definition | None:
        for depth in range(len(scope), -1, -1):
            names = self.folded.get(".".join((*scope[:depth], name)).casefold(), set())
            if len(names) == 1:
                (only,) = names
                return self.public.get(only) or self.by_path.get(only)
        return None


@dataclass(slots=True)
class Reading:
    mission_time: float
    top: str = ""
    name: str = ""
    events: Scope = field(default_factory=Scope)
    parameters: Scope = field(default_factory=Scope)
    groups: list[Definition] = field(default_factory=list)
    trees: dict[str, Definition] = field(default_factory=dict)
    initiating: dict[str, Definition] = field(default_factory=dict)
    members: dict[str, BasicEvent] = field(default_factory=dict)

    def collect(self, parent: Element, scope: tuple[str, ...], role: str) -> None:
        for element in parent.children:
            tag = element.tag
            own_role = element.attributes.get("role", role)
            if tag in CONTAINERS:
                name = element.get("name")
                self.name = self.name or name
                self.collect(element, (*scope, name), own_role)
            elif tag == "model-data":
                self.collect(element, scope, own_role)
            elif tag in DEFINITIONS:
                self._define(element, scope, own_role != "private" or not scope)
            elif tag not in IGNORED:
                raise TreeMistake("<{tag}> is not understood here", element.place, tag=tag)

    def _define(self, element: Element, scope: tuple[str, ...], public: bool) -> None:
        short = element.get("name")
        definition = Definition(element, scope, short if public else ".".join((*scope, short)))
        match element.tag:
            case "define-parameter":
                self.parameters.add(definition, public)
            case "define-CCF-group":
                self.groups.append(definition)
            case "define-event-tree" | "define-initiating-event":
                table = self.trees if element.tag == "define-event-tree" else self.initiating
                if short in table:
                    first = table[short].element.place
                    raise TreeMistake(
                        "{name} is defined twice; first at {first}", element.place, name=short, first=f"{first.file}:{first.line}"
                    )
                table[short] = definition
            case _:
                self.events.add(definition, public)

    def tree(self) -> FaultTree:
        groups = tuple(self._group(one) for one in self.groups)
        gates: dict[str, Gate] = {}
        events: dict[str, BasicEvent] = {}
        houses: dict[str, HouseEvent] = {}
        for one in self.events.by_path.values():
            element, label = one.element, one.element.label()
            match element.tag:
                case "define-gate":
                    gates[one.name] = Gate(one.name, self._body(element, one.scope), label, element.place)
                case "define-house-event":
                    constant = _only(element, [c for c in element.children if c.tag not in IGNORED])
                    houses[one.name] = HouseEvent(one.name, _truth(constant), label, element.place)
                case _:
                    events[one.name] = BasicEvent(one.name, self._probability(element, one.scope), label, element.place)
        for name, member in self.members.items():
            events.setdefault(name, member)
        return FaultTree(
            name=self.name,
            gates=gates,
            events=events,
            houses=houses,
            parameters={
                one.name: Parameter(
                    one.name,
                    self._expression(_only(one.element, _expressions(one.element)), one.scope),
                    one.element.attributes.get("unit", ""),
                    one.element.label(),
                    one.element.place,
                )
                for one in self.parameters.by_path.values()
            },
            groups=groups,
            event_trees={name: self._event_tree(one) for name, one in self.trees.items()},
            initiating_events={name: self._initiating(one) for name, one in self.initiating.items()},
            mission_time=self.mission_time,
        )

    # formulas

    def _body(self, element: Element, scope: tuple[str, ...]) -> Logic:
        return self._formula(_only(element, [child for child in element.children if child.tag not in IGNORED]), scope)

    def _formula(self, element: Element, scope: tuple[str, ...]) -> Logic:
        tag = element.tag
        if tag in EVENT_KINDS or tag == "event":
            return Named(self._event(element, scope).name)
        if tag == "constant":
            return Constant(_truth(element))
        if tag != "cardinality" and tag not in Connective._value2member_map_:
            raise TreeMistake("<{tag}> is not a logical operation or event", element.place, tag=tag)
        arguments = tuple(self._formula(child, scope) for child in element.children if child.tag not in IGNORED)
        if tag == "cardinality":
            return _cardinality(element, arguments)
        connective = Connective(tag)
        expected = {Connective.NOT: 1, Connective.IFF: 2, Connective.IMPLY: 2}.get(connective)
        fewest = expected or (2 if connective in (Connective.XOR, Connective.ATLEAST) else 1)
        if len(arguments) < fewest or (expected is not None and len(arguments) > expected):
            raise TreeMistake(
                "<{tag}> has {found} arguments; {expected} were expected",
                element.place,
                tag=tag,
                found=len(arguments),
                expected=str(expected) if expected else f"≥ {fewest}",
            )
        least = 0
        if connective is Connective.ATLEAST:
            least = _count(element, "min")
            if not 1 <= least <= len(arguments):
                raise TreeMistake(
                    "k of k-of-n is {found}; a number from 1 to {most} was expected",
                    element.place,
                    found=least,
                    most=len(arguments),
                )
        return Formula(connective, arguments, least)

    def _event(self, element: Element, scope: tuple[str, ...]) -> Definition:
        name = element.get("name")
        found = self.events.find(name, scope)
        wanted = EVENT_KINDS.get(element.attributes.get("type", "") if element.tag == "event" else element.tag)
        if found is None:
            if name in self.members and wanted in (None, "define-basic-event"):
                return Definition(element, scope, name)
            raise TreeMistake(
                "{name} is used but nowhere defined",
                element.place,
                name=name,
                mend="define it, or name the file that does as well",
            )
        if wanted is not None and found.element.tag != wanted:
            raise TreeMistake(
                "{name} is used as <{found}> but is defined by <{expected}> at {first}",
                element.place,
                name=name,
                found=element.attributes.get("type", element.tag),
                expected=found.element.tag,
                first=f"{found.element.place.file}:{found.element.place.line}",
            )
        return found

    # numbers

    def _probability(self, element: Element, scope: tuple[str, ...]) -> Expression | None:
        found = _expressions(element)
        return self._expression(_only(element, found), scope) if found else None

    def _expression(self, element: Element, scope: tuple[str, ...]) -> Expression:
        tag = element.tag
        match tag:
            case "float" | "int":
                return Number(number_of(element, element.get("value")))
            case "bool":
                return Number(float(_truth(element)))
            case "pi":
                return Number(math.pi)
            case "system-mission-time":
                return MissionTime()
            case "parameter":
                found = self.parameters.find(element.get("name"), scope)
                if found is None:
                    raise TreeMistake("parameter {name} is used but nowhere defined", element.place, name=element.get("name"))
                return Use(found.name)
        if tag not in EXPRESSION_TAGS:
            raise TreeMistake("<{tag}> is not an expression that is understood here", element.place, tag=tag)
        arguments = tuple(self._expression(child, scope) for child in element.children)
        if tag == "periodic-test":
            expected = " / ".join(str(n) for n in PERIODIC)
            fits = len(arguments) in PERIODIC
        else:
            fewest, most = DEVIATES[tag] if tag in DEVIATES else FUNCTIONS[tag][:2]
            expected = str(fewest) if fewest == most else f"≥ {fewest}" if tag in FUNCTIONS else f"{fewest} … {most}"
            fits = fewest <= len(arguments) <= most
        if not fits:
            raise TreeMistake(
                "<{tag}> has {found} arguments; {expected} were expected",
                element.place,
                tag=tag,
                found=len(arguments),
                expected=expected,
            )
        return Apply(tag, arguments)

    def _group(self, one: Definition) -> CcfGroup:
        element = one.element
        try:
            model = CcfModel(element.get("model"))
        except ValueError:
            raise TreeMistake(
                "the common-cause model is {found}; one of {expected} was expected",
                element.place,
                found=element.get("model"),
                expected=", ".join(CcfModel),
            ) from None
        distribution = _only(element, list(element.of("distribution")))
        expression = self._expression(_only(distribution, _expressions(distribution)), one.scope)
        members = tuple(
            self._member(child, one, expression) for each in element.of("members") for child in each.of("basic-event")
        )
        factors = [child for each in element.of("factors") for child in each.of("factor")] or list(element.of("factor"))
        first = 1 if model in (CcfModel.ALPHA, CcfModel.PHI) else 2
        for n, factor in enumerate(factors):
            level = _count(factor, "level") if "level" in factor.attributes else n + first
            if level != n + first and not (model is CcfModel.BETA and level == len(members)):
                raise TreeMistake(
                    "the factor's level is {found}; {expected} was expected", factor.place, found=level, expected=n + first
                )
        return CcfGroup(
            one.name,
            model,
            members,
            expression,
            tuple(self._expression(_only(factor, _expressions(factor)), one.scope) for factor in factors),
            element.place,
        )

    def _member(self, child: Element, group: Definition, distribution: Expression) -> str:
        found = self.events.find(child.get("name"), group.scope)
        if found is not None:
            return found.name
        name = child.get("name")
        self.members[name] = BasicEvent(name, distribution, "", child.place)
        return name

    # event trees

    def _initiating(self, one: Definition) -> InitiatingEvent:
        element = one.element
        tree = element.attributes.get("event-tree", "")
        if tree and tree not in self.trees:
            raise TreeMistake("event tree {name} is used but nowhere defined", element.place, name=tree)
        found = _expressions(element)
        frequency = self._expression(_only(element, found), one.scope) if found else None
        return InitiatingEvent(one.name, tree, frequency, element.place)

    def _event_tree(self, one: Definition) -> EventTree:
        element = one.element
        functional = tuple(child.get("name") for child in element.of("define-functional-event"))
        initial = _only(element, list(element.of("initial-state")))
        sequences = {}
        for child in element.of("define-sequence"):
            links = [link.get("name") for link in child.of("event-tree")]
            if links and links[0] not in self.trees:
                raise TreeMistake("event tree {name} is used but nowhere defined", child.place, name=links[0])
            sequences[child.get("name")] = Sequence(
                child.get("name"), links[0] if links else "", tuple(self._instructions(child, one.scope)), child.label()
            )
        branches = {child.get("name"): child for child in element.of("define-branch")}
        names = Names(set(functional), set(sequences), set(branches))
        return EventTree(
            one.name,
            self._branch(initial, one.scope, names),
            sequences,
            {name: self._branch(child, one.scope, names) for name, child in branches.items()},
            functional,
            element.place,
        )

    def _branch(self, element: Element, scope: tuple[str, ...], names: Names) -> Branch:
        ends = [child for child in element.children if child.tag in ("fork", "sequence", "branch")]
        end = _only(element, ends)
        instructions = tuple(self._instructions(element, scope))
        if end.tag == "fork":
            paths = tuple(Path(path.get("state"), self._branch(path, scope, names)) for path in end.of("path"))
            asked = end.get("functional-event")
            if asked not in names.functional:
                raise TreeMistake("functional event {name} is used but nowhere defined", end.place, name=asked)
            if not paths:
                raise TreeMistake("<{tag}> is empty", end.place, tag="fork")
            return Branch(instructions, fork=Fork(asked, paths))
        name = end.get("name")
        if name not in (names.sequences if end.tag == "sequence" else names.branches):
            raise TreeMistake("{name} is used but nowhere defined", end.place, name=name)
        return Branch(instructions, sequence=name) if end.tag == "sequence" else Branch(instructions, branch=name)

    def _instructions(self, element: Element, scope: tuple[str, ...]) -> Iterator[Instruction]:
        for child in element.children:
            match child.tag:
                case "collect-formula":
                    yield CollectFormula(self._body(child, scope))
                case "collect-expression":
                    yield CollectExpression(self._expression(_only(child, _expressions(child)), scope))
                case "set-house-event":
                    found = self.events.find(child.get("name"), scope)
                    if found is None or found.element.tag != "define-house-event":
                        raise TreeMistake("{name} is used but nowhere defined", child.place, name=child.get("name"))
                    yield SetHouse(found.name, _truth(_only(child, list(child.of("constant")))))
                case "fork" | "sequence" | "branch" | "event-tree":
                    pass
                case tag if tag not in IGNORED:
                    raise TreeMistake("<{tag}> is not understood here", child.place, tag=tag)


@dataclass(frozen=True, slots=True)
class Names:
    functional: set[str]
    sequences: set[str]
    branches: set[str]


def _cardinality(element: Element, arguments: tuple[Logic, ...]) -> Logic:
    """Between min and max of the arguments."""
    low, high = _count(element, "min"), _count(element, "max")
    if not 0 <= low <= high <= len(arguments):
        raise TreeMistake(
            "min and max are {found}; 0 ≤ min ≤ max ≤ {most} was expected",
            element.place,
            found=f"{low}, {high}",
            most=len(arguments),
        )
    parts: list[Logic] = []
    if low > 0:
        parts.append(Formula(Connective.ATLEAST, arguments, low))
    if high < len(arguments):
        parts.append(Formula(Connective.NOT, (Formula(Connective.ATLEAST, arguments, high + 1),)))
    return Formula(Connective.AND, tuple(parts)) if parts else Constant(True)


def _expressions(element: Element) -> list[Element]:
    return [
        child for child in element.children if child.tag not in IGNORED and not child.tag.startswith(("define-", "event-tree"))
    ]


def _only(element: Element, found: list[Element]) -> Element:
    if not found:
        raise TreeMistake("<{tag}> is empty", element.place, tag=element.tag)
    if len(found) > 1:
        raise TreeMistake("<{tag}> holds {found} elements; one was expected", found[1].place, tag=element.tag, found=len(found))
    return found[0]


def number_of(element: Element, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TreeMistake("a number was expected; {found} was found", element.place, found=repr(text))
    return value


def _count(element: Element, attribute: str) -> int:
    text = element.get(attribute)
    if not (text.isascii() and text.isdigit()):
        raise TreeMistake("a whole number was expected; {found} was found", element.place, found=repr(text))
    return int(text)


def _truth(element: Element) -> bool:
    text = element.get("value")
    if text not in ("true", "false"):
        raise TreeMistake("true or false was expected; {found} was found", element.place, found=repr(text))
    return text == "true"


def with_top(tree: FaultTree, top: str) -> FaultTree:
    """The same model, another question. Raises TreeQuestion for an unknown gate."""
    return tops_of(replace(tree, top=""), top)
