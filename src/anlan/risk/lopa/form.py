"""One part of a file of layers: its values by name, each with the bounds it must keep; mistakes are told by line."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, ClassVar

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from anlan.model.words import Label
from anlan.risk.written import Mistake, Nodes, Place


class LopaMistake(Mistake):
    """A mistake in a file of layers or of a safety function."""

    code: ClassVar[str] = "lopa"


class LopaNodes(Nodes):
    mistake = LopaMistake


class Form:
    """The entries of a mapping. A name that is not `allowed`, or a `required` one that is missing, is a mistake."""

    def __init__(self, nodes: Nodes, node: Node, allowed: Collection[str], required: Collection[str] = ()) -> None:
        self.nodes, self.node = nodes, node
        self.entries = dict(nodes.entries(node))
        for key, _ in node.value:
            if key.value not in allowed:
                raise nodes.unknown(key.value, key, ", ".join(allowed))
        for name in required:
            if name not in self.entries:
                raise self.wrong("{name} is missing", name=name)

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def wrong(self, message: str, node: Node | None = None, **facts: Any) -> Mistake:
        return self.nodes.mistake(message, self.nodes.place(self.node if node is None else node), **facts)

    def text(self, name: str, default: str = "") -> str:
        return self.nodes.text(self.entries[name]) if name in self.entries else default

    def word(self, name: str, known: Collection[str], default: str) -> str:
        found = self.text(name, default)
        if found not in known:
            raise self.wrong(
                "{name} is {found}; one of {expected} was expected",
                self.entries.get(name), name=name, found=found, expected=", ".join(known),
            )  # fmt: skip
        return found

    def label(self, name: str, default: str = "") -> Label:
        return self.nodes.label(self.entries[name]) if name in self.entries else Label(en=default)

    def number(self, name: str, low: float = 0.0, high: float = math.inf) -> float | None:
        """None when it is not given."""
        return self.nodes.number(self.entries[name], low, high) if name in self.entries else None

    def needed(self, name: str, low: float = 0.0, high: float = math.inf) -> float:
        """A number that is among the required names."""
        return self.nodes.number(self.entries[name], low, high)

    def sourced(self, name: str, per: str, times: float = 1.0, high: float = math.inf) -> tuple[float | None, str]:
        """A number, or `{failure-data: class mode}`: the library's mean per hour or demand, `times` what the name counts, and its source."""
        node = self.entries.get(name)
        if not isinstance(node, MappingNode):
            return self.number(name, 0.0, high), ""
        from anlan.risk.failures.library import library

        told = Form(self.nodes, node, ("failure-data",), ("failure-data",)).text("failure-data")
        found = self.nodes.rates.find(told)
        known = ", ".join(" ".join(key) for key, one in library().items() if one.per == per)
        if found is None or found.per != per:
            raise self.wrong("no failure data of {found}; there are {known}", node, found=told, known=known)
        source = found.source if found.checked else f"{found.source} (未核对原文)"
        return found.law.mean * times, f"{told}: {source}"

    def truth(self, name: str) -> bool:
        return self.word(name, ("true", "false"), "false") == "true"

    def words(self, name: str) -> tuple[str, ...]:
        """One word or a list of words."""
        node = self.entries.get(name)
        if isinstance(node, ScalarNode):
            return (self.nodes.text(node),)
        return tuple(self.nodes.text(each) for each in self.items(name))

    def items(self, name: str) -> list[Node]:
        node = self.entries.get(name)
        if node is not None and not isinstance(node, SequenceNode):
            raise self.wrong("{name} must be a list", node, name=name)
        return [] if node is None else list(node.value)


def compose(body: bytes, file: str) -> tuple[LopaNodes, Node]:
    """The nodes of a YAML text. Raises LopaMistake."""
    nodes = LopaNodes(file)
    root = nodes.root(body)
    if root is None:
        raise LopaMistake("this file is empty", Place(file))
    return nodes, root
