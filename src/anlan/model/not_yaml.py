"""What is wrong with a text that is not YAML, in the words of whoever writes a plant folder, and the line to look at.

A parser tells where it gave up and in which of its own states ("expected <block end>, but found '?'"); what helps is the bracket that was
opened three lines above.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError


class NotYaml(NamedTuple):
    message: str
    """An English msgid, filled with `facts`."""
    facts: dict[str, Any]
    line: int
    """From 1; 0 where the parser tells none."""


class _Told(NamedTuple):
    seen: str
    """A pattern of the parser's context and problem; its named groups become facts."""
    message: str
    opened: bool = False
    """The line to look at is where it began, not where the parser gave up."""


TOLD = (
    _Told(
        r"flow sequence.*(expected|stream end)", "the bracket [ of this line is not closed, or a comma is missing after it", True
    ),
    _Told(
        r"flow mapping.*(expected|stream end)", "the bracket {{ of this line is not closed, or a comma is missing after it", True
    ),
    _Told(r"quoted scalar.*(end of stream|separator)", "the quote of this line is not closed", True),
    _Told(r"node content, but found '<stream end>'", "a bracket [ or {{ is still open at the end of the file"),
    _Told(
        r"flow node.*content, but found '(?P<found>.*)'", "a value is missing before {found}, or a bracket above is still open"
    ),
    _Told(r"node content, but found '(?P<found>.*)'", "a value is missing before {found}"),
    _Told(
        r"mapping values are not allowed",
        "a colon too many: put a value that holds “: ” in quotes, or begin the key as deep as its neighbours",
    ),
    _Told(r"<block end>", "this line begins at another depth than the lines it belongs to"),
    _Told(r"could not find expected ':'", "a colon is missing after the key", opened=True),
    _Told(
        r"(sequence entries|mapping keys) are not allowed", "this begins in the middle of a line: write it on a line of its own"
    ),
    _Told(r"character '(?P<found>.*)' that cannot start", "a text that begins with {found} goes in quotes"),
    _Told(r"undefined alias '(?P<found>.*)'", "*{found} names nothing; a text that begins with * goes in quotes"),
    _Told(
        r"double-quoted scalar.*(escape|hexdec)",
        "within double quotes \\ begins an escape: write \\\\, or put the text in single quotes",
    ),
    _Told(r"found another document", "a second document begins here with ---; a file holds one"),
    _Told(r"scanning a block scalar", "after | or > the text begins on the next line"),
    _Told(r"duplicate key \"?(?P<found>[^\"]*)", "the key {found} stands twice"),
)


def not_yaml(failure: YAMLError | UnicodeDecodeError) -> NotYaml:
    """For people, from what ruamel.yaml raised."""
    if isinstance(failure, ReaderError):
        return NotYaml("the character {found} does not belong into a text", {"found": f"U+{_code(failure.character):04X}"}, 0)
    if isinstance(failure, UnicodeDecodeError):
        line = failure.object[: failure.start].count(b"\n") + 1
        return NotYaml("this is no UTF-8: byte {found}", {"found": f"0x{failure.object[failure.start]:02X}"}, line)
    if not isinstance(failure, MarkedYAMLError):
        return NotYaml("this is not YAML: {problem}", {"problem": str(failure).splitlines()[0]}, 0)
    said = f"{failure.context or ''} {failure.problem or ''}"
    for told in TOLD:
        if found := re.search(told.seen, said):
            return NotYaml(told.message, found.groupdict(), _line(failure, opened=told.opened))
    return NotYaml("this is not YAML: {problem}", {"problem": said.strip()}, _line(failure))


def _line(failure: MarkedYAMLError, *, opened: bool = False) -> int:
    marks = failure.problem_mark, failure.context_mark
    mark = next((one for one in (reversed(marks) if opened else marks) if one is not None), None)
    return mark.line + 1 if mark is not None else 0


def _code(character: int | str | bytes) -> int:
    return character if isinstance(character, int) else ord(character)
