"""More ways to read what people write than `written.Nodes` has: entries of which only some names are known, shares, whole numbers.

Every value stays the text that was written, so that `no` is a state's name and `1e-3` is a number only where one is expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from anlan.risk.written import Nodes, Place

DEEPEST = 60


class YamlReading(Nodes):
    """`mistake` of the class says what kind of description is wrong."""

    def fail(self, message: str, place: Place | Node, **facts: Any) -> NoReturn:
        raise self.mistake(message, place if isinstance(place, Place) else self.place(place), **facts)

    def whole_file(self, text: str | bytes) -> Node:
        """Raises a mistake for what is empty, no YAML, or nested deeper than DEEPEST."""
        root = self.root(text if isinstance(text, bytes) else text.encode())
        if root is None:
            self.fail("this file is empty", Place(self.file))
        self.no_deeper([root])
        return root

    def no_deeper(self, roots: Iterable[Node]) -> None:
        waiting: list[tuple[Node, int]] = [(root, 0) for root in roots]
        while waiting:
            node, depth = waiting.pop()
            if depth > DEEPEST:
                self.fail("elements are nested deeper than {most}", node, most=DEEPEST)
            if isinstance(node, MappingNode):
                waiting += [(part, depth + 1) for pair in node.value for part in pair]
            elif isinstance(node, SequenceNode):
                waiting += [(part, depth + 1) for part in node.value]

    def parts(self, node: Node, known: tuple[str, ...] = ()) -> dict[str, Node]:
        """Names with values. With `known`, any other name is a mistake."""
        found = dict(self.entries(node))
        self.known(found, known or tuple(found))
        return found

    def known(self, parts: Mapping[str, Node], known: tuple[str, ...]) -> None:
        """The same check of entries that were read before."""
        for name, value in parts.items():
            if name not in known:
                raise self.unknown(name, value, ", ".join(known))

    def is_map(self, node: Node) -> bool:
        return isinstance(node, MappingNode)

    def is_list(self, node: Node) -> bool:
        return isinstance(node, SequenceNode)

    def is_text(self, node: Node) -> bool:
        return isinstance(node, ScalarNode)

    def texts(self, node: Node) -> tuple[str, ...]:
        return tuple(self.text(each) for each in self.items(node))

    def truth(self, node: Node) -> bool:
        text = self.text(node)
        if text not in ("true", "false"):
            self.fail("true or false was expected; {found} was found", node, found=repr(text))
        return text == "true"

    def whole(self, node: Node, lowest: int, highest: int) -> int:
        value = self.number(node, lowest, highest)
        if value != int(value):
            self.fail("a whole number from {lowest} to {highest} was expected; {found} was found", node, lowest=lowest,
                      highest=highest, found=self.text(node))  # fmt: skip
        return int(value)

    def fraction(self, node: Node, name: str) -> float:
        value = self.number(node)
        if not 0 <= value <= 1:
            self.fail("the probability of {name} is {found}; a number from 0 to 1 was expected", node, name=name, found=value)
        return value
