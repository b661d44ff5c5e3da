"""docs/expressions.md: every example is understood, as what the page says; its mistake, functions and grammar are the program's."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from anlan.model.kinds import kinds
from anlan.model.units import Form, read_unit
from anlan.model.words import Label
from anlan.monitor.config import KIND_OF_SUFFIX
from anlan.monitor.expressions import ExpressionError, PointFacts, parse
from anlan.monitor.expressions import parser as grammar

PAGE = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def points() -> dict[str, PointFacts]:
    found = {}
    for number, row in enumerate(csv.DictReader(blocks("csv")[0].splitlines())):
        assert row["kind"] in kinds()
        form = read_unit(row["unit"]) if row["unit"] else Form("")
        states = {int(n): Label(zh=zh, en=en) for n, zh, en in re.findall(r"(\d)=([^/]+)/(\w+)", row["states"])}
        found[row["id"]] = PointFacts(number, form.unit, row["gas"], "", form.pressure_basis, form.flow_basis, False, states)
    return found


POINTS = points()
EXAMPLES = [line for block in blocks("expression") for line in block.splitlines()]
SHORT_FORMS = [text for text in re.findall(r"`([^`]+)`", PAGE.partition("## Alarm kinds as expressions")[2]) if "…" not in text]


def test_there_is_an_example_of_every_kind() -> None:
    assert len(EXAMPLES) >= 20
    for word in ("rate(", "TIC-101.SP", "spread(", "vote(", "!=", "count("):
        assert any(word in line for line in EXAMPLES), word


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_is_what_the_page_says(line: str) -> None:
    text, _, said = line.partition("#")
    expression = parse(text, POINTS.get)
    unit = re.match(r" → ([^\s:]+)", said)
    assert (expression.kind, expression.unit) == (("number", unit[1]) if unit else ("truth", ""))


@pytest.mark.parametrize("text", SHORT_FORMS)
def test_a_short_form_is_understood(text: str) -> None:
    expression = parse(text, POINTS.get)
    assert expression.points
    assert expression.program.code


def test_the_kinds_of_the_table_exist() -> None:
    rows = re.findall(r"^\| ([A-Z]{2,3}) \|", PAGE, re.MULTILINE)
    assert len(rows) == 7
    assert set(rows) <= set(KIND_OF_SUFFIX)


def test_every_inline_piece_that_looks_whole_is_understood() -> None:
    prose = re.sub(r"^```.*?^```", "", PAGE.partition("## Alarm kinds")[0], flags=re.MULTILINE | re.DOTALL)
    whole = [text for text in re.findall(r"`([^`]+)`", prose) if re.match(r"[A-Z]{1,3}-\d{3} ", text)]
    assert len(whole) >= 6
    for text in whole:
        parse(text, POINTS.get)


def test_the_mistake_is_shown_as_the_program_shows_it() -> None:
    shown = blocks("text")[0]
    with pytest.raises(ExpressionError) as refused:
        parse("rate(TI-101 over 5 min) > 3 kPa", POINTS.get)
    assert shown == f"anlan: {refused.value.text()}\n"


def test_the_grammar_is_the_parsers() -> None:
    rules = re.findall(r"^\w+ +=.*$", grammar.__doc__ or "", re.MULTILINE)
    assert len(rules) == 9
    assert blocks("text")[1].splitlines() == rules


def test_every_function_stands_in_the_table() -> None:
    table = PAGE.partition("## Functions")[2].partition("## Conditions")[0]
    assert set(grammar.FUNCTIONS) <= set(re.findall(r"`(\w+)\(", table))


def test_the_pages_numbers_are_the_programs() -> None:
    for number in (f"{grammar.LENGTH:,} characters", f"{grammar.DEPTH} brackets", f"At most {grammar.MEMBERS} members"):
        assert number in PAGE
