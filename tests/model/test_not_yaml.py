"""What a person reads where a text is not YAML: met by the parser itself, so that a new release of it that says things otherwise shows here."""

from __future__ import annotations

import re

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from anlan.model.errors import ConfigError
from anlan.model.languages import translate
from anlan.model.not_yaml import TOLD, not_yaml

CASES = [
    ("a: 1\nb: [1, 2\nc: 3\n", 2, "the bracket [ of this line is not closed"),
    ("a: 1\nb: [\n", 3, "a bracket [ or { is still open at the end"),
    ("a: 1\nb: {or: [c}}\n", 2, "the bracket [ of this line is not closed"),
    ("a: {x: 1\nb: 2\n", 1, "the bracket { of this line is not closed"),
    ("a: 'x\nb: 2\nc: 3\n", 1, "the quote of this line is not closed"),
    ('a: "x\n---\nb: 2\n', 1, "the quote of this line is not closed"),
    ("a: }\n", 1, "a value is missing before }"),
    ("a: {\n", 2, "a bracket [ or { is still open at the end"),
    ("a: b: c\n", 1, "a colon too many"),
    ("a: b\n  c: d\n", 2, "a colon too many"),
    ("a:\n  b: 1\n c: 2\n", 3, "this line begins at another depth"),
    ("- a\nb: 1\n", 2, "this line begins at another depth"),
    ("a: 1\nb\n", 2, "a colon is missing"),
    ("a: - b\n", 1, "write it on a line of its own"),
    ("a: @x\n", 1, "a text that begins with @ goes in quotes"),
    ("a: %x\n", 1, "a text that begins with % goes in quotes"),
    ("a: 1\nb: *y\n", 2, "*y names nothing"),
    ('a: "C:\\q"\n', 1, "within double quotes \\ begins an escape: write \\\\"),
    ('a: "\\xqq"\n', 1, "within double quotes"),
    ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
    ("a: |x\n  y\n", 1, "after | or > the text begins on the next line"),
    ("a: 1\na: 2\n", 2, "the key a stands twice"),
    ("a: \x01\n", 0, "the character U+0001"),
]


@pytest.mark.parametrize(("text", "line", "expected"), CASES)
def test_the_line_and_what_to_do(text: str, line: int, expected: str) -> None:
    with pytest.raises(YAMLError) as raised:
        YAML(typ="rt").load(text)
    wrong = not_yaml(raised.value)
    said = ConfigError(wrong.message, file="plant.yaml", line=wrong.line, **wrong.facts).text("en")
    assert expected in said
    assert wrong.line == line
    assert not re.search(r"scalar|token|block|stream|mapping|sequence", said)


def test_bytes_of_another_encoding_are_named_with_their_line() -> None:
    with pytest.raises(UnicodeDecodeError) as raised:
        "a: 1\nb: 氯\n".encode("gb18030").decode()
    assert not_yaml(raised.value) == ("this is no UTF-8: byte {found}", {"found": "0xC2"}, 2)


@pytest.mark.parametrize("told", TOLD, ids=lambda told: told.message)
def test_it_is_said_in_chinese(told: object) -> None:
    assert re.search(r"[㐀-鿿]", translate(told.message, "zh"))  # type: ignore[attr-defined]
