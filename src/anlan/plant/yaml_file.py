"""plant.yaml with the line of every key: a tree of plain values beside a map from path to line.

YAML 1.2 by ruamel's composer, so that a duplicated key, a tab or an unknown tag is met with its line, and every one of them at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from anlan.model.not_yaml import not_yaml
from anlan.model.words import Label
from anlan.plant.findings import Findings, Where

Path = tuple[str | int, ...]

LABELS = {"name", "consequence", "corrective_action", "cause", "basis", "meaning"}
"""Keys whose value is a label in two languages and may be written as one text."""

MOST_DEEP = 50
"""Levels inside one another; a plant folder has six."""
MOST_AGAIN = 10_000
"""Values that aliases (`*name`) may repeat, so that a few lines do not become a billion."""

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(slots=True)
class Located:
    """`value`: dicts, lists, str, int, float, bool, None. `lines`: the line of each path; a key's own line for a mapping's entry."""

    file: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    """Nodes that were read; one that is met again was named by an alias."""
    again: int = 0

    def where(self, path: Path) -> Where:
        """The line of `path`, or of the nearest thing above it that was written."""
        while path and path not in self.lines:
            path = path[:-1]
        return Where(self.file, self.lines.get(path, 0))


def read_yaml(text: str, file: str, findings: Findings) -> Located:
    """Parse; what does not parse becomes a mistake in `findings` and the value is None."""
    located = Located(file)
    if not _tabs(text, file, findings):
        root = _compose(text, file, findings)
        try:
            located.value = _plain(root, (), located, findings) if root is not None else None
        except _TooMuch as found:
            findings.mistake("yaml", "{problem}: more than a plant folder holds", Where(file, found.line), problem=found.problem)
    return located


class _TooMuch(Exception):
    def __init__(self, problem: str, line: int) -> None:
        self.problem, self.line = problem, line


def label(text: str) -> Label:
    """One text as a label: Chinese if it has a Chinese character."""
    return Label(zh=text) if re.search(r"[㐀-鿿]", text) else Label(en=text)


def _tabs(text: str, file: str, findings: Findings) -> bool:
    lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(r" *\t", line)]
    for n in lines:
        findings.mistake("tab", "a tab is used to indent", Where(file, n), mend="indent with spaces")
    return bool(lines)


def _compose(text: str, file: str, findings: Findings) -> Node | None:
    reader = YAML(typ="rt")
    try:
        node: Node | None = reader.compose(text)
        return node
    except YAMLError as failure:
        wrong = not_yaml(failure)
        findings.mistake("yaml", wrong.message, Where(file, wrong.line), **wrong.facts)
    except RecursionError:
        findings.mistake("yaml", "{problem}: more than a plant folder holds", Where(file), problem="[[[…")
    return None


def _plain(node: Node, path: Path, located: Located, findings: Findings) -> Any:
    _bounded(node, path, located)
    located.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        return _mapping(node, path, located, findings)
    if isinstance(node, SequenceNode):
        return [_plain(item, (*path, i), located, findings) for i, item in enumerate(node.value)]
    assert isinstance(node, ScalarNode)
    value = _scalar(node)
    return label(value).model_dump() if _is_label(path) and isinstance(value, str) else value


def _bounded(node: Node, path: Path, located: Located) -> None:
    """Raises _TooMuch: aliases repeat what they name, and may name what they stand in."""
    located.again += id(node) in located.seen
    located.seen.add(id(node))
    if len(path) > MOST_DEEP:
        raise _TooMuch(f"{MOST_DEEP}+", node.start_mark.line + 1)
    if located.again > MOST_AGAIN:
        raise _TooMuch(f"*…: {MOST_AGAIN}+", node.start_mark.line + 1)


def _is_label(path: Path) -> bool:
    """Deep inside a source's entry a key called `name` is the driver's own."""
    return bool(path) and path[-1] in LABELS and (path[0] != "sources" or len(path) == 3)


def _mapping(node: MappingNode, path: Path, located: Located, findings: Findings) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in result:
            first = located.lines[(*path, key)]
            findings.mistake(
                "duplicate-key",
                "the key {key} stands here a second time; the first is in line {first}",
                Where(located.file, line),
                key=key,
                first=first,
            )
            continue
        located.lines[(*path, key)] = line
        result[key] = _plain(value_node, (*path, key), located, findings)
    return result


def _scalar(node: ScalarNode) -> Any:
    text: str = node.value
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
