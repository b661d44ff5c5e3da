"""What people write, in YAML, read with the line of each value: every mistake is named by file and line.

nodes = Nodes("studies/leak.yaml")
for name, node in nodes.entries(nodes.root(body)):
    nodes.number(node)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from anlan.model.errors import ConfigError
from anlan.model.not_yaml import not_yaml
from anlan.model.words import Label

if TYPE_CHECKING:
    from anlan.risk.failures.rates import Rates


class Place(NamedTuple):
    """Where something was written; line 0: nowhere in particular."""

    file: str = ""
    line: int = 0


NOWHERE = Place()


class Mistake(ConfigError):
    """A mistake in what a person wrote about risk, with file and line. Each form of model has its own kind, with a code of its own."""

    code: ClassVar[str] = "study"

    def __init__(self, message: str, place: Place, *, mend: str = "", **facts: Any) -> None:
        super().__init__(message, file=place.file, line=place.line, mend=mend, **facts)


class Nodes:
    """Reads nodes of one file; what is not as expected is raised as `mistake`. `rates`: in place of the published failure data."""

    mistake: type[Mistake] = Mistake

    def __init__(self, file: str, rates: Rates | None = None) -> None:
        self.file = file
        self._rates = rates

    @property
    def rates(self) -> Rates:
        """Where it asks for failure data."""
        if self._rates is None:
            from anlan.risk.failures.rates import Rates

            self._rates = Rates()
        return self._rates

    def root(self, body: bytes) -> Node | None:
        """The whole file; None when it is empty."""
        try:
            found: Node | None = YAML(typ="rt").compose(body.decode())
        except (YAMLError, UnicodeDecodeError) as failure:
            wrong = not_yaml(failure)
            raise self.mistake(wrong.message, Place(self.file, wrong.line), **wrong.facts) from failure
        except RecursionError as failure:
            raise self.mistake("this is not YAML: {problem}", Place(self.file), problem="[[[…") from failure
        if found is not None:
            self._written_out(found)
        return found

    def _written_out(self, root: Node) -> None:
        """A few aliases within aliases stand for more than a machine can hold: each thing is written where it belongs."""
        seen, waiting = set[int](), [root]
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                raise self.mistake("an alias (*) stands for this; write it out in both places", self.place(node))
            seen.add(id(node))
            if isinstance(node, MappingNode):
                waiting += [part for pair in node.value for part in pair]
            elif isinstance(node, SequenceNode):
                waiting += node.value

    def place(self, node: Node) -> Place:
        return Place(self.file, node.start_mark.line + 1)

    def entries(self, node: Node) -> Iterator[tuple[str, Node]]:
        if not isinstance(node, MappingNode):
            raise self.mistake("names with values were expected", self.place(node))
        seen = set()
        for key, value in node.value:
            name = self.text(key)
            if name in seen:
                raise self.mistake("{name} is given twice", self.place(key), name=name)
            seen.add(name)
            # What is wrong with an entry is told at its name.
            value.start_mark.line = key.start_mark.line if isinstance(value, ScalarNode) else value.start_mark.line
            yield name, value

    def text(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            raise self.mistake("one value was expected", self.place(node))
        return str(node.value)

    def items(self, node: Node) -> list[Node]:
        if not isinstance(node, SequenceNode):
            raise self.mistake("a list [ … ] was expected", self.place(node))
        return list(node.value)

    def number(self, node: Node, least: float = -math.inf, most: float = math.inf) -> float:
        """A finite number in the range."""
        text = self.text(node)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and least <= value <= most):
            expected = f"{least:g} … {most:g}"
            raise self.mistake(
                "{found} was found; a number within {expected} was expected", self.place(node), found=text, expected=expected
            )
        return value

    def label(self, node: Node) -> Label:
        """`{zh: …, en: …}`, or one text for both."""
        if isinstance(node, ScalarNode):
            return Label(zh=self.text(node))
        parts = {name: self.text(value) for name, value in self.entries(node)}
        if not parts or not set(parts) <= {"zh", "en"}:
            raise self.mistake("a name was expected, as {example}", self.place(node), example="{zh: 泄漏, en: leak}")
        return Label(**parts)

    def unknown(self, name: str, node: Node, expected: str) -> Mistake:
        """For an entry that nothing reads."""
        return self.mistake(
            "{found} is not known here; one of {expected} was expected", self.place(node), found=name, expected=expected
        )
