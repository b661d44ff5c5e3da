"""How a text is read: precedence, ids, writings; and that printing a tree and reading it again gives the same tree."""

from __future__ import annotations

import pytest
from expressions.plant import POINTS
from expressions.stories import expressions
from hypothesis import HealthCheck, given, settings

from anlan.monitor.expressions import print_text
from anlan.monitor.expressions.parser import parse_text
from anlan.monitor.expressions.syntax import Node, Number


def read(text: str) -> Node:
    return parse_text(text, lambda name: name in POINTS)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(expressions)
def test_printed_and_read_again(tree: Node) -> None:
    assert read(print_text(tree)) == tree


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a or b and not c=d", "a or b and not c = d"),
        ("(a or b) and c", "(a or b) and c"),
        ("not (a > 1 and b > 1)", "not (a > 1 and b > 1)"),
        ("not not a > 1", "not not a > 1"),
        ("1+2*3-4/5", "1 + 2 * 3 - 4 / 5"),
        ("(1+2)*3", "(1 + 2) * 3"),
        ("1-(2-3)", "1 - (2 - 3)"),
        ("(1-2)-3", "(1 - 2) - 3"),
        ("2^3^4", "2 ^ 3 ^ 4"),
        ("(2^3)^4", "(2 ^ 3) ^ 4"),
        ("-a^2", "-a ^ 2"),
        ("(-2)^2", "(-2) ^ 2"),
        ("- 5", "-5"),
        ("--5", "5"),
        ("-(a + b)", "-(a + b)"),
        ("a - -5 Cel", "a - -5 Cel"),
        ("a ＞＝ 5 and （b ≤ 3）", "a >= 5 and b <= 3"),
        ("a×b÷c−d", "a * b / c - d"),
        ("a <> 5 or b == 3 or c ≠ 2", "a != 5 or b = 3 or c != 2"),
        ("MAX(a，b) > 5 AND b>1", "max(a, b) > 5 and b > 1"),
        ("a>5min", "a > 5 min"),
        ("a>1e-3", "a > 0.001"),
        ("a>.5", "a > 0.5"),
        ("TI-101-5", "TI-101-5"),
        ("TI-101 -5", "TI-101 - 5"),
        ("1-PI > 5", "`1-PI` > 5"),
        ("1-PX > 5", "1 - PX > 5"),
        ("`over` + min", "`over` + min"),
        ("a.b_c-1.X", "a.b_c-1.X"),
        ("a in {1,“开”,-2}", 'a in {1, "开", -2}'),
        ("a = 'he said \"x\"'", "a = 'he said \"x\"'"),
        ("avg(a over 10min)>hold", "avg(a over 10 min) > hold"),
        ("hold(a > 5 for 10 秒)", "hold(a > 5 for 10 s)"),
        ("min(a over 1 h) < min(a, b)", "min(a over 1 h) < min(a, b)"),
        ("vote(2 of a>1,b>1;calibration alarms;fault leaves)", "vote(2 of a > 1, b > 1; fault leaves; calibration alarms)"),
        ("vote(1 of a>1; fault alarms; calibration leaves)", "vote(1 of a > 1)"),
        ("a > 3 ℃/min", "a > 3 Cel/min"),
        ("a > 0.5 MPa(表)", "a > 0.5 MPaG"),
        ("a\n  > 5\n", "a > 5"),
    ],
)
def test_how_it_is_read(text: str, printed: str) -> None:
    tree = read(text)
    assert print_text(tree) == printed
    assert read(printed) == tree


def test_a_sign_belongs_to_its_literal() -> None:
    tree = read("-5 Cel")
    assert isinstance(tree, Number)
    assert tree.value == -5.0


def test_every_node_knows_where_it_stands() -> None:
    text = "not  (TI-101 + 5)*2 >= avg(  b over 10 min)"
    spans: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, Node):
            spans.add(text[node.at.start : node.at.end])
            for name in getattr(node, "__dataclass_fields__", {}):
                walk(getattr(node, name))
        elif isinstance(node, tuple):
            for one in node:
                walk(one)

    walk(read(text))
    assert spans == {
        text, "(TI-101 + 5)*2 >= avg(  b over 10 min)", "(TI-101 + 5)*2", "TI-101 + 5", "TI-101", "5", "2", "avg(  b over 10 min)", "b", "10 min",
    }  # fmt: skip
