"""The YAML form of an analysis of layers.

consequence: {zh: 反应器超压破裂, en: reactor ruptures}
target: {per-year: 3.0e-5, source: "…"}
causes:
  cooling-lost: {name: …, sort: equipment, per-year: 0.1, source: "…", uses: {final: P-101}, enabling: {summer: 0.5}}
modifiers:
  ignition: 0.3
  people: {name: {zh: 有人在场, en: people present}, probability: 0.7, source: "…", present: {permit: hot-work}}
layers:
  psv: {name: …, sort: relief, pfd: 0.01, source: "…", uses: {final: PSV-101}}
  response: {sort: alarm, pfd: 0.1, minutes: 15, uses: {sensor: TI-101, person: 内操}}
  sif-07: {sort: sif, function: {sensor: […], logic: […], final: […]}, lost: {bypass: BP-07}}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from anlan.model.words import Label
from anlan.risk.lopa.analysis import CAUSES, LAYERS, Analysis, Cause, Chance, Layer, Uses
from anlan.risk.lopa.form import Form, LopaMistake, LopaNodes, compose
from anlan.risk.lopa.functions import SUBSYSTEMS, parse_function, read_bytes
from anlan.risk.studies.drafts import HEADER
from anlan.risk.studies.facts import Bound, read_binding
from anlan.risk.written import Nodes, Place

BODY = ("consequence", "target", "causes", "modifiers", "layers")
HOURS_PER_YEAR = 8760.0
MOST = 16
"""Layers of one analysis, and causes."""


def read_analysis(source: Path | str) -> Analysis:
    """The analysis in a YAML file, with the header of a study or without. Raises LopaMistake with file and line."""
    path = Path(source)
    nodes, root = compose(read_bytes(path), str(path))
    form = Form(nodes, root, (*HEADER, *BODY))
    return parse_analysis(nodes, {name: node for name, node in form.entries.items() if name in BODY}, nodes.place(root))


def parse_analysis(nodes: Nodes, body: Mapping[str, Node], at: Place) -> Analysis:
    """From the entries of a study that are its own."""
    own = LopaNodes(nodes.file, nodes.rates)
    for name, node in body.items():
        if name not in BODY:
            raise own.unknown(name, node, ", ".join(BODY))
    for name in ("target", "causes", "layers"):
        if name not in body:
            raise LopaMistake("{name} is missing", at, name=name)
    target = Form(own, body["target"], ("per-year", "source"), ("per-year",))
    causes = tuple(_cause(own, name, node) for name, node in own.entries(body["causes"]))
    modifiers = tuple(_chance(own, name, node) for name, node in own.entries(body["modifiers"])) if "modifiers" in body else ()
    layers = tuple(_layer(own, name, node, [one.id for one in causes]) for name, node in own.entries(body["layers"]))
    for name, found in (("causes", causes), ("layers", layers)):
        if len(found) > MOST:
            raise LopaMistake("{name} has {found} entries; at most {most} were expected", own.place(body[name]), name=name, found=len(found), most=MOST)  # fmt: skip
    if not causes:
        raise LopaMistake("{name} is missing", own.place(body["causes"]), name="causes")
    consequence = own.label(body["consequence"]) if "consequence" in body else Label()
    return Analysis(consequence, _above_zero(target, "per-year"), target.text("source"), causes, modifiers, layers)


def _above_zero(form: Form, name: str) -> float:
    value = form.needed(name)
    if value == 0:
        raise form.wrong("{name} is {found}; a number above 0 was expected", form.entries[name], name=name, found=value)
    return value


def _cause(nodes: Nodes, name: str, node: Node) -> Cause:
    form = Form(nodes, node, ("name", "sort", "per-year", "source", "uses", "enabling"), ("per-year",))
    enabling = form.entries.get("enabling")
    frequency, library = form.sourced("per-year", "hour", HOURS_PER_YEAR)
    assert frequency is not None
    return Cause(
        id=name,
        name=form.label("name", name),
        sort=form.word("sort", CAUSES, "equipment"),
        frequency=frequency,
        source=form.text("source") or library,
        uses=_uses(form),
        enabling=() if enabling is None else tuple(_chance(nodes, each, value) for each, value in nodes.entries(enabling)),
    )


def _chance(nodes: Nodes, name: str, node: Node) -> Chance:
    """A probability alone, or with its name, source and the facts that make it certain."""
    if not isinstance(node, MappingNode):
        return Chance(name, Label(zh=name), nodes.number(node, 0, 1))
    form = Form(nodes, node, ("name", "probability", "source", "present"), ("probability",))
    return Chance(name, form.label("name", name), form.needed("probability", 0, 1), form.text("source"), _facts(form, "present"))


def _layer(nodes: Nodes, name: str, node: Node, causes: list[str]) -> Layer:
    allowed = ("name", "sort", "pfd", "function", "source", "uses", "causes", "minutes", "by", "accepted", "lost")
    form = Form(nodes, node, allowed, ("sort",))
    sort = form.word("sort", LAYERS, "other")
    function = None
    if "function" in form:
        if "pfd" in form:
            raise form.wrong("a layer has either pfd or function", form.entries["pfd"])
        function = parse_function(nodes, _with_name(form.entries["function"], name))
    pfd, library = form.sourced("pfd", "demand", high=1.0) if function is None else (function.pfd, "")
    if pfd is None and sort != "sif":
        raise form.wrong("{name} is missing", name="pfd")
    if pfd == 0:
        raise form.wrong("{name} is {found}; a number above 0 was expected", form.entries.get("pfd"), name="pfd", found=0)
    for each in form.words("causes"):
        if each not in causes:
            raise form.wrong("{found} is not known here; one of {expected} was expected", form.entries["causes"], found=each, expected=", ".join(causes))  # fmt: skip
    return Layer(
        id=name,
        name=form.label("name", name),
        sort=sort,
        pfd=pfd if pfd is None else min(pfd, 1.0),
        source=form.text("source") or library,
        uses=_uses(form),
        causes=form.words("causes"),
        minutes=form.number("minutes"),
        anlan=form.word("by", ("", "anlan"), "") == "anlan",
        accepted=form.text("accepted"),
        function=function,
        lost=_facts(form, "lost"),
    )


def _with_name(node: Node, name: str) -> Node:
    """A function that is written in a layer has the layer's name unless it gives its own."""
    if isinstance(node, MappingNode) and "sif" not in (keys := {key.value for key, _ in node.value}) and keys & set(SUBSYSTEMS):
        marks = {"start_mark": node.start_mark, "end_mark": node.end_mark}
        key, value = (ScalarNode("tag:yaml.org,2002:str", each, **marks) for each in ("sif", name))
        node.value.insert(0, (key, value))
    return node


def _uses(form: Form) -> Uses:
    node = form.entries.get("uses")
    if node is None:
        return Uses()
    found: dict[str, str] = {}
    for role, value in form.nodes.entries(node):
        for each in [value] if isinstance(value, ScalarNode) else form.nodes.items(value):
            found[form.nodes.text(each)] = role
    return Uses(found)


def _facts(form: Form, name: str) -> tuple[Bound, ...]:
    node = form.entries.get(name)
    if node is None:
        return ()
    return tuple(read_binding(form.nodes, each)[0] for each in (node.value if isinstance(node, SequenceNode) else [node]))
