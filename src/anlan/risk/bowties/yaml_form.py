"""The YAML form of a bow-tie. The header of a study (study, kind, name, place, file) may stand before.

study: chlorine-release
hazard: {zh: 液氯储存, en: Liquid chlorine in storage}
top-event: {zh: 氯气泄漏, en: Chlorine escapes}
barriers:
  inspection: {kind: human, pfd: 0.1}
  relief: {kind: active, pfd: 0.01, escalation: [hydrate]}
  detection:
    kind: active
    gate: no-detection                # of the fault tree below, or of the file in the header
    health: {needs: 2, of: [{point: AT-201, when: bad}, {any: [{point: AT-202, when: bad}, {bypass: BP-202}]}, {point: AT-203, when: bad}]}
    degraded-pfd: 0.05                # while an item is lost that can be spared
  scrubber: {kind: active, effectiveness: 0.9}
escalation:
  hydrate: {chance: 0.05, barriers: [tracing]}
conditions:
  towards-people: 0.3
threats:
  corrosion: {frequency: 1.0e-3, barriers: [inspection]}           # a year
  overpressure: {frequency: 0.1, barriers: [relief], live: {alarm: PI-201.H, then: 1.0}}
consequences:
  cloud: {severity: 5, barriers: [detection, scrubber], if: [towards-people]}
  smell: {severity: 2, works: [detection]}
gates: {no-detection: {atleast: 2, of: [at-201, at-202, at-203]}}
events: {at-201: 0.02, at-202: 0.02, at-203: 0.02}
live: {at-203: {point: AT-203, when: bad}}                         # of the tree's events, as in a fault tree's study

`tree: study` instead of gates, events …: gates are those of another study, a fault tree, which moves this one with what it binds to the plant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml.nodes import Node

from anlan.model.words import Label
from anlan.risk.bowties.mistakes import BowTieMistake
from anlan.risk.bowties.model import (
    Barrier,
    BarrierSort,
    BowTie,
    Condition,
    Consequence,
    Escalation,
    Item,
    Live,
    Threat,
    Watch,
)
from anlan.risk.studies.drafts import IDENTIFIER, Draft, Library, Written, is_file_beside, read_draft
from anlan.risk.studies.facts import SORTS, read_binding
from anlan.risk.trees.checks import no_circle
from anlan.risk.trees.elements import read_bytes
from anlan.risk.trees.mistakes import TreeMistake
from anlan.risk.trees.model import FaultTree
from anlan.risk.written import Place
from anlan.risk.yaml_reading import YamlReading

if TYPE_CHECKING:
    from anlan.risk.studies.of_trees import LiveEvent

HEADER = ("study", "kind", "name", "place", "file")
TREE = ("gates", "events", "houses", "parameters", "common-causes", "mission-time")
SECTIONS = ("tree", "hazard", "top-event", "threats", "barriers", "consequences", "escalation", "conditions", "live", "source",
            "validity")  # fmt: skip
MOST = 500
"""Of each: threats, barriers, consequences."""


def read_bow_tie(file: Path | str) -> BowTie:
    """With the tree that its header names beside it. Raises Mistake with file and line."""
    path = Path(file)
    try:
        body = read_bytes(path)
    except TreeMistake as failure:
        raise BowTieMistake(failure.message, Place(str(file)), **failure.facts) from failure
    return bow_tie_of(body, str(file), path.parent)


def bow_tie_of(text: str | bytes, file: str = "bow-tie.yaml", folder: Path | None = None) -> BowTie:
    """`folder`: where the file of a fault tree is looked for. Raises Mistake with file and line."""
    reading = BowTieReading(file)
    root = reading.whole_file(text)
    parts = reading.parts(root, (*HEADER, *SECTIONS, *TREE))
    beside = reading.text(parts["file"]) if "file" in parts else ""
    if beside and not is_file_beside(beside):
        reading.fail("{found} is no name of a file beside the study", parts["file"], found=beside)
    attached = {beside: _text(folder / beside)} if beside and folder is not None else {}
    draft = Draft(
        id=reading.text(parts["study"]) if "study" in parts else Path(file).stem,
        kind="bow-tie",
        name=reading.label(parts["name"]) if "name" in parts else Label(),
        place="",
        file=beside,
        nodes=reading,
        body={name: node for name, node in parts.items() if name not in HEADER},
        attached=attached,
        place_at=reading.place(root),
        library=None if folder is None else _beside(folder),
    )
    return reading.bow_tie(draft)


def _beside(folder: Path) -> Library:
    """Other studies as files of the same folder."""

    def found(study: str) -> Written | None:
        file = folder / f"{study}.yaml"
        if not IDENTIFIER.fullmatch(study) or not file.is_file():
            return None
        return Written(_text(file), str(file))

    return found


def _text(file: Path) -> str:
    try:
        return read_bytes(file).decode()
    except UnicodeDecodeError as failure:
        raise BowTieMistake("this is not text in UTF-8: {problem}", Place(str(file)), problem=str(failure)) from failure


class BowTieReading(YamlReading):
    mistake = BowTieMistake

    def bow_tie(self, draft: Draft) -> BowTie:
        """Raises Mistake."""
        body = draft.body
        self.known(body, (*SECTIONS, *TREE))
        self.no_deeper(body.values())
        for needed in ("top-event", "threats", "consequences"):
            if needed not in body:
                self.fail("{part} is missing", draft.place_at, part=needed)
        tree, live = self._tree(draft)
        barriers = {name: self._barrier(name, node, tree) for name, node in self._named("barriers", body)}
        escalation = {name: self._escalation(name, node) for name, node in self._named("escalation", body)}
        conditions = {name: self._condition(name, node) for name, node in self._named("conditions", body)}
        threats = {name: self._threat(name, node, tree) for name, node in self._named("threats", body)}
        consequences = {name: self._consequence(name, node) for name, node in self._named("consequences", body)}
        for found, part in ((threats, "threats"), (consequences, "consequences")):
            if not found:
                self.fail("{part} is missing", body[part], part=part)
        standing: list[Threat | Escalation | Consequence] = [*threats.values(), *escalation.values(), *consequences.values()]
        for one in standing:
            self._there(one.barriers, barriers, one.place)
        for consequence in consequences.values():
            self._there(consequence.works, barriers, consequence.place)
            self._there((*consequence.given, *consequence.unless), conditions, consequence.place)
        for barrier in barriers.values():
            self._there(barrier.escalation, escalation, barrier.place)
        below = {
            name: [each for factor in one.escalation for each in escalation[factor].barriers] for name, one in barriers.items()
        }
        try:
            no_circle(below, lambda name: barriers[name].place)
        except TreeMistake as failure:
            raise BowTieMistake(failure.message, Place(failure.file, failure.line), **failure.facts) from failure
        return BowTie(
            draft.id, draft.name, self.label(body["hazard"]) if "hazard" in body else Label(), self.label(body["top-event"]), threats,
            barriers, consequences, tree, escalation, conditions, live, self._said("tree", body), self._said("source", body),
            self._said("validity", body),
        )  # fmt: skip

    def _tree(self, draft: Draft) -> tuple[FaultTree, tuple[LiveEvent, ...]]:
        """Written here, in the Open-PSA file of the header, or another study: then with what that study binds to the plant."""
        holding = self._linked(draft) if "tree" in draft.body else draft
        if holding is draft and not draft.file and not any(name in draft.body for name in TREE):
            return FaultTree(draft.id, {}, {}), ()
        from anlan.risk.studies.of_trees import model_of, read_live, read_tree_of

        if holding is draft:
            held = {name: node for name, node in draft.body.items() if name in (*TREE, "live")}
            holding = replace(draft, body=held)
        tree = read_tree_of(holding)
        live = read_live(holding, tree)
        return (model_of(tree, live).whole if live else tree), live

    def _linked(self, draft: Draft) -> Draft:
        node = draft.body["tree"]
        for name in draft.body:
            if name in (*TREE, "live") or draft.file:
                self.fail("the fault tree of {name} is another study: {part} does not belong here", node, name=draft.id,
                          part=name if not draft.file else "file")  # fmt: skip
        name = self.text(node)
        written = draft.library(name) if draft.library is not None and name != draft.id else None
        if written is None:
            self.fail("there is no fault tree {name} among the studies", node, name=name)
        other = read_draft(written, draft.library, draft.nodes.rates)
        if other.kind != "fault-tree":
            self.fail("{name} is of kind {found}; a fault tree was expected", node, name=name, found=other.kind)
        return other

    def _named(self, part: str, body: Mapping[str, Node]) -> list[tuple[str, Node]]:
        found = list(self.entries(body[part])) if part in body else []
        if len(found) > MOST:
            self.fail(
                "there are {found} {part}; at most {most} were expected", body[part], found=len(found), part=part, most=MOST
            )
        return found

    def _there(self, names: tuple[str, ...], known: Mapping[str, object], place: Place) -> None:
        for name in names:
            if name not in known:
                self.fail("{name} is used but nowhere defined", place, name=name)

    def _said(self, part: str, parts: Mapping[str, Node]) -> str:
        return self.text(parts[part]) if part in parts else ""

    def _label(self, parts: Mapping[str, Node]) -> Label:
        return self.label(parts["label"]) if "label" in parts else Label()

    def _several(self, part: str, parts: Mapping[str, Node]) -> tuple[str, ...]:
        found = self.texts(parts[part]) if part in parts else ()
        if len(set(found)) < len(found):
            self.fail("{part} names one of them twice", parts[part], part=part)
        return found

    def _gate(self, parts: Mapping[str, Node], tree: FaultTree) -> str:
        if "gate" not in parts:
            return ""
        name = self.text(parts["gate"])
        if name not in tree.gates:
            self.fail("there is no gate {name} in the fault tree of this bow-tie", parts["gate"], name=name)
        return name

    def _live(self, parts: Mapping[str, Node], base: float, most: float) -> Live | None:
        if "live" not in parts:
            return None
        bound, more = read_binding(self, parts["live"], "then")
        if "then" not in more and most > 1:
            self.fail("{part} is missing", parts["live"], part="then")
        return Live(bound, self.number(more["then"], base, most) if "then" in more else 1.0)

    def _barrier(self, name: str, node: Node, tree: FaultTree) -> Barrier:
        parts = self.parts(
            node, ("label", "kind", "pfd", "effectiveness", "gate", "health", "degraded-pfd", "escalation", "source")
        )
        said = [each for each in ("pfd", "effectiveness", "gate") if each in parts]
        if len(said) != 1:
            self.fail("{name} has {found}; one of {expected} was expected", node, name=name, found=" + ".join(said) or "–",
                      expected="pfd, effectiveness, gate")  # fmt: skip
        pfd = None
        if said[0] != "gate":
            value = self.fraction(parts[said[0]], name)
            pfd = value if said[0] == "pfd" else 1 - value
        sorts = [each.value for each in BarrierSort]
        if "kind" not in parts or self.text(parts["kind"]) not in sorts:
            self.fail("the kind of {name} is {found}; one of {expected} was expected", parts.get("kind", node), name=name,
                      found=self.text(parts["kind"]) if "kind" in parts else "–", expected=", ".join(sorts))  # fmt: skip
        watch = self._watch(parts["health"]) if "health" in parts else None
        degraded = self.number(parts["degraded-pfd"], pfd or 0.0, 1.0) if "degraded-pfd" in parts else None
        if watch is not None and watch.needs < len(watch.items) and degraded is None:
            self.fail("{name} can be degraded: {part} is missing", node, name=name, part="degraded-pfd")
        return Barrier(
            name, BarrierSort(self.text(parts["kind"])), pfd, self._gate(parts, tree), degraded, watch,
            self._several("escalation", parts), self._label(parts), self._said("source", parts), self.place(node),
        )  # fmt: skip

    def _watch(self, node: Node) -> Watch:
        """`{needs: k, of: [item, …]}`, or one item alone."""
        if not (self.is_map(node) and "of" in dict(self.entries(node))):
            return Watch(1, (self._item(node),))
        parts = self.parts(node, ("needs", "of"))
        items = tuple(self._item(each) for each in self.items(parts["of"]))
        if not items:
            self.fail("a list [ … ] was expected", parts["of"])
        return Watch(self.whole(parts["needs"], 1, len(items)) if "needs" in parts else len(items), items)

    def _item(self, node: Node) -> Item:
        """A fact, or `{any: [fact, …]}`; each may have a label."""
        parts = dict(self.entries(node))
        if "any" in parts:
            self.known(parts, ("any", "label"))
            bounds = tuple(read_binding(self, each)[0] for each in self.items(parts["any"]))
            if not bounds:
                self.fail(
                    "one of {expected} was expected, as {example}", node, expected=", ".join(SORTS), example="{bypass: BP-07}"
                )
            return Item(self._label(parts), bounds)
        bound, more = read_binding(self, node, "label")
        return Item(self._label(more), (bound,))

    def _escalation(self, name: str, node: Node) -> Escalation:
        if self.is_text(node):
            return Escalation(name, self.fraction(node, name), place=self.place(node))
        parts = self.parts(node, ("label", "chance", "barriers", "live"))
        chance = self._needed_fraction("chance", parts, node, name)
        return Escalation(name, chance, self._several("barriers", parts), self._live(parts, chance, 1.0), self._label(parts),
                          self.place(node))  # fmt: skip

    def _condition(self, name: str, node: Node) -> Condition:
        if self.is_text(node):
            return Condition(name, self.fraction(node, name), place=self.place(node))
        parts = self.parts(node, ("label", "chance", "live"))
        chance = self._needed_fraction("chance", parts, node, name)
        return Condition(name, chance, self._live(parts, chance, 1.0), self._label(parts), self.place(node))

    def _needed_fraction(self, part: str, parts: Mapping[str, Node], node: Node, name: str) -> float:
        if part not in parts:
            self.fail("{part} is missing", node, part=part)
        return self.fraction(parts[part], name)

    def _threat(self, name: str, node: Node, tree: FaultTree) -> Threat:
        parts = self.parts(node, ("label", "frequency", "barriers", "gate", "live", "source"))
        if "frequency" not in parts:
            self.fail("{part} is missing", node, part="frequency")
        frequency = self.number(parts["frequency"], 0.0, 1e6)
        return Threat(
            name, frequency, self._several("barriers", parts), self._gate(parts, tree), self._live(parts, frequency, 1e6),
            self._label(parts), self._said("source", parts), self.place(node),
        )  # fmt: skip

    def _consequence(self, name: str, node: Node) -> Consequence:
        parts = self.parts(node, ("label", "severity", "barriers", "works", "if", "unless"))
        if "severity" not in parts:
            self.fail("{part} is missing", node, part="severity")
        found = {part: self._several(part, parts) for part in ("barriers", "works", "if", "unless")}
        both = (set(found["barriers"]) & set(found["works"])) | (set(found["if"]) & set(found["unless"]))
        if both:
            self.fail("{name} asks {both} to be so and not so", node, name=name, both=", ".join(sorted(both)))
        return Consequence(
            name, self.whole(parts["severity"], 1, 5), found["barriers"], found["works"], found["if"], found["unless"],
            self._label(parts), self.place(node),
        )  # fmt: skip
