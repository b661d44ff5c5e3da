"""Every mistake: what is said, at which column, over how many characters; and that random text is only ever refused, never a crash."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from expressions.plant import POINTS, understood
from hypothesis import given, settings
from hypothesis import strategies as st

import anlan.monitor.expressions as package
from anlan.model.languages import translate
from anlan.monitor.expressions import ExpressionError, PointFacts, parse
from anlan.monitor.expressions.measures import _FLOW, _PRESSURE
from anlan.monitor.expressions.parser import FUNCTIONS

DEEP = "(" * 33 + "QI-101" + ")" * 33
WIDE = "vote(1 of " + ", ".join(["QI-101 > 1"] * 33) + ")"
STACKED = "vote(1 of " + ", ".join(["QI-101 > 1"] * 31) + ", vote(1 of " + ", ".join(["QI-101 > 1"] * 31) + "))"

MISTAKES = [
    # (text, what is marked, where it begins, the sentence)
    ("", 0, 1, "the expression is empty; a condition or a number was expected, for example TI-101 > 80 Cel"),
    ("x" * 2001, 2000, 1, "the expression has 2001 characters; at most 2000 are taken"),
    (DEEP, 32, 1, "more than 32 brackets, functions or signs stand inside one another; make a calculated point of the inner part"),
    (STACKED, 0, len(STACKED), "63 values wait for one another here; at most 39 may: make a calculated point of a part"),
    # characters
    ("TI-101 > 5 # hot", 11, 1, "# can't stand here"),
    ("温度 > 5", 0, 1, "温 can't stand here"),
    ("QI-101 > 1 \x00", 11, 1, "U+0000 can't stand here"),
    ("QI-101 > 1 & QI-102 > 1", 11, 1, "found &; write and"),
    ("QI-101 > 1 || QI-102 > 1", 11, 1, "found |; write or"),
    ("!good(QI-101)", 0, 1, "found !; write not"),
    ('XV-101 = "关', 9, 1, 'the quotation that begins here doesn\'t end; " was expected'),
    ('XV-101 = " "', 9, 3, "nothing stands between these quotes"),
    ("QI-101 > 1e999", 9, 5, "the number 1e999 is too large"),
    ("TI-101 > 80 Celsius", 12, 7, "Celsius is no unit that is known; did you mean Cel?"),
    # grammar
    ("TI-101 >", 8, 1, "the expression ends here; a number, a point or a function was expected"),
    ("(TI-101 > 5", 11, 1, "the expression ends here; an operator or ) was expected"),
    ("TI-101 TI-102", 7, 6, "found TI-102; an operator was expected"),
    ("QI-101 > 1.2.3", 12, 2, "found .3; an operator was expected"),
    ("1 < QI-101 < 5", 11, 1, "comparisons don't chain; write a < b and b < c"),
    ("XV-101 in 1", 10, 1, "found 1; { and states was expected"),
    ("XV-101 in {QI-101}", 11, 6, "found QI-101; a state: a number or a name in quotes was expected"),
    ("XV-101 in {1; 2}", 12, 1, "found ;; , or } was expected"),
    ("maximum(QI-101, 5)", 0, 7, "maximum is no function; did you mean max?"),
    ("zzzzzz(QI-101)", 0, 6, "zzzzzz is no function; these are: " + ", ".join(FUNCTIONS)),
    ("min(QI-101)", 0, 11, "min takes 2 … 99; it was given 1"),
    ("abs(QI-101, 5)", 0, 14, "abs takes 1; it was given 2"),
    ("avg(QI-101)", 10, 1, "found ); over and a time, for example over 10 min was expected"),
    ("hold(QI-101 > 5)", 15, 1, "found ); for and a time, for example for 10 s was expected"),
    ("hold(QI-101 > 5 over 10 s)", 16, 4, "hold is not followed by over and a time; avg, min, max, spread, delta, rate, count are"),
    ("avg(QI-101 over 10)", 16, 2, "found 10; a time with its unit, for example 10 min was expected"),
    ("avg(QI-101 over 10 kPa)", 16, 6, "10 kPa is no time that can be looked back over; 0.1 s … 31 d can"),
    ("avg(QI-101 over 32 d)", 16, 4, "32 d is no time that can be looked back over; 0.1 s … 31 d can"),
    ("hold(QI-101 > 1 for 10 ms)", 20, 5, "10 ms is no time that can be looked back over; 0.1 s … 31 d can"),
    # votes
    ("vote(QI-101 > 1)", 5, 6, "found QI-101; how many members must alarm, for example 2 of A > 5, B > 5, C > 5 was expected"),
    ("vote(2, QI-101 > 1)", 6, 1, "found ,; of and the members was expected"),
    ("vote(3 of QI-101 > 1, QI-102 > 1)", 5, 1, "3 of 2 members can't be asked for; 1 … 2 can"),
    ("vote(0 of QI-101 > 1)", 5, 1, "0 of 1 members can't be asked for; 1 … 1 can"),
    (WIDE, 0, len(WIDE), "the vote has 33 members; at most 32 are taken"),
    ("vote(1 of QI-101 > 1; faults leaves)", 22, 6, "found faults; fault or calibration, each once was expected"),
    ("vote(1 of QI-101 > 1; fault votes)", 28, 5, "found votes; alarms or leaves was expected"),
    ("vote(1 of QI-101 > 1; fault leaves; fault leaves)", 36, 5, "found fault; fault or calibration, each once was expected"),
    # points and states
    ("5 > 3", 0, 5, "the expression names no point, so it would never change"),
    ("TI-105 > 5", 0, 6, "there is no point TI-105; did you mean TI-104?"),
    ("qqqqqqqqqqqq > 5", 0, 12, "there is no point qqqqqqqqqqqq"),
    ("TI-101-TI-102 > 5", 0, 13, "TI-101-TI-102 is read as one id, because ids may hold a minus; to subtract, write spaces around it: TI-101 - TI-102"),
    ("QI-101-5 > 0", 0, 8, "QI-101-5 is read as one id, because ids may hold a minus; to subtract, write spaces around it: QI-101 - 5"),
    ('"关" = QI-101', 0, 3, "a state's name stands only beside its point, for example XV-101 = \"关\""),
    ("XV-101 = 5", 9, 1, "XV-101 has no state 5; it has 0 关/Closed, 1 开/Open, 2 故障/Fault"),
    ('XV-101 in {1, "半开"}', 14, 4, 'XV-101 has no state "半开"; it has 0 关/Closed, 1 开/Open, 2 故障/Fault'),
    ("XV-101 > 0", 0, 10, "XV-101 has states: it is compared by =, != or in"),
    ("XV-101 + 1 > 0", 0, 6, "XV-101 has states: it is compared by =, != or in, not computed with"),
    ("XV-101 = QI-101", 9, 6, "XV-101 has states: it compares with a state or with another point that has states"),
    ("QI-101 in {1, 2}", 0, 6, "in asks for the state of a discrete point; QI-101 has no states"),
    ("calibrating(QI-101 + 1)", 12, 10, "calibrating asks about a point; its id was expected"),
    # conditions and numbers
    ("not QI-101", 4, 6, "this is a number; a condition was expected: compare it with something, for example QI-101 > 5"),
    ("QI-101 > 5 and 3", 15, 1, "this is a number; a condition was expected: compare it with something, for example x > 5"),
    ("(QI-101 > 5) + 1 > 0", 1, 10, "this is a condition; a number was expected: if(condition, 1, 0) makes one"),
    ("avg(QI-101 > 5 over 1 min)", 4, 10, "this is a condition; a number was expected: if(condition, 1, 0) makes one"),
    ("if(QI-101 > 5, QI-102, QI-102 > 5)", 23, 10, "this is a condition; a number was expected: if(condition, 1, 0) makes one"),
    ("above(QI-101, 5, QI-102)", 17, 6, "the dead-band is a fixed number, 0 or more"),
    ("above(QI-101, 5, -1)", 17, 2, "the dead-band is a fixed number, 0 or more"),
    ("QI-101 > 1 / 0", 9, 5, "this has no finite value"),
    # units
    ("TI-101 > 5 kPa", 9, 5, "kPa doesn't fit Cel; both sides must measure the same"),
    ("QI-101 > 5 %", 9, 3, "one side is in %, the other has no unit"),
    ("AT-101 > 25 ppm", 9, 6, "%LEL 甲烷 and ppm never become one another here: that needs the gas, its temperature and pressure; write both in one unit"),
    ("AT-301 > 5000 ppm", 9, 8, "%VOL 氧 and ppm never become one another here: that needs the gas, its temperature and pressure; write both in one unit"),
    ("AT-201 > AT-202", 9, 6, "ppm 氯 and mg/m3 氯 never become one another here: that needs the gas, its temperature and pressure; write both in one unit"),
    ("AT-101 + AT-103 > 25 %LEL", 9, 6, "readings of different gases don't mix: 甲烷 and 丙烷"),
    ("max(AT-101, AT-104) > 5", 12, 6, "these detectors of 甲烷 are calibrated with different gases, so their readings don't mix: 甲烷 and 丙烷"),
    ("PI-102 > PI-103", 9, 6, "gauge, absolute and unstated pressure don't mix: kPa(G) and kPa(A)"),
    ("PI-102 > 5 kPaA", 9, 6, "gauge, absolute and unstated pressure don't mix: kPa(G) and kPa(A)"),
    ("PI-104 > 5 kPaG", 9, 6, "gauge, absolute and unstated pressure don't mix: kPa and kPa(G)"),
    ("FI-101 - FI-102 > 5", 9, 6, "normal, actual and unstated flow don't mix: m3/h(N) and m3/h(act)"),
    ("FI-101 * PI-101 > 5", 9, 6, "m3/h(N) times MPa(G) has no unit that is known here; divide one by a literal of its unit first, for example / 1 MPa"),
    ("FI-101 / PI-101 > 5", 9, 6, "m3/h(N) divided by MPa(G) has no unit that is known here; divide by a literal of the unit first, for example / 1 MPa"),
    ("1 / FI-101 > 5", 4, 6, "1 divided by m3/h(N) has no unit that is known here; divide by a literal of the unit first, for example / 1 m3/h"),
    ("sqrt(PDI-101) > 5", 5, 7, "sqrt takes numbers without unit, this is kPa; divide it by a literal of its unit first, for example / 1 kPa"),
    ("FI-101 ^ 2 > 5", 0, 6, "^ takes numbers without unit, this is m3/h(N); divide it by a literal of its unit first, for example / 1 m3/h"),
    ("TI-101 + TI-102 > 5", 0, 15, "temperatures are added up here, which has no meaning; divide their sum by their number, or subtract one"),
    ("TI-101 > TI-101 - TI-102", 9, 15, "a temperature and a difference of temperatures don't compare"),
    ("TI-101 / TI-102 > 1", 9, 6, "the ratio of two temperatures depends on their scale; divide each by a literal first, for example / 1 K"),
    ("TI-101 - 100 > 9 degF", 15, 6, "it isn't known whether this is a temperature or a difference, so degF doesn't become Cel; give each number its unit"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "position", "length", "sentence"), MISTAKES, ids=[text[:40] for text, *_ in MISTAKES])
def test_a_mistake_is_named_at_its_place(text: str, position: int, length: int, sentence: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        understood(text)
    error = refused.value
    assert (error.sentence(), error.position, error.length) == (sentence, position, length)
    chinese = error.sentence("zh")
    assert chinese != sentence
    assert re.search(r"[\u4e00-\u9fff]", chinese)


def test_the_caret_stands_under_the_character() -> None:
    with pytest.raises(ExpressionError) as refused:
        understood('XV-101 = "关" and TI-101 > 5 kPa')
    # 关 takes two columns on a screen.
    assert refused.value.text().splitlines()[1:] == ['  XV-101 = "关" and TI-101 > 5 kPa', " " * 29 + "^^^^^"]


def test_a_long_line_is_cut_around_the_mistake() -> None:
    with pytest.raises(ExpressionError) as refused:
        understood("QI-101 > 1 and " * 20 + "QI-101 > 5 kPa" + " and QI-101 > 1" * 20)
    line, carets = refused.value.text().splitlines()[1:]
    assert line.startswith("  …")
    assert line.endswith("…")
    assert line[carets.index("^") :].startswith("5 kPa")
    assert len(line) < 110


def test_the_facts_are_for_programs() -> None:
    with pytest.raises(ExpressionError) as refused:
        understood("TI-105 > 5")
    assert (refused.value.code, refused.value.status) == ("expression", 422)
    assert refused.value.facts == {"position": 0, "length": 6, "id": "TI-105", "hint": "TI-104"}


def test_a_result_that_has_no_value_in_the_wanted_unit() -> None:
    for text, unit, sentence in (
        ("TI-101 > 5", "kPa", "this is a condition; it has no value in kPa"),
        ("TI-101 - TI-102", "smoot", "smoot is no unit that is known"),
        ("TI-101 - TI-102", "kPa", "kPa doesn't fit Cel; both sides must measure the same"),
    ):
        with pytest.raises(ExpressionError) as refused:
            understood(text, unit=unit)
        assert refused.value.sentence() == sentence


def test_a_point_with_a_unit_that_nobody_knows() -> None:
    with pytest.raises(ExpressionError, match=r"the unit smoot of P is not known"):
        parse("P > 1", {"P": PointFacts(1, "smoot")}.get)


def test_every_expected_thing_has_its_chinese() -> None:
    source = ast.parse((Path(package.__file__).parent / "parser.py").read_text("utf-8"))
    said = {
        node.value
        for call in ast.walk(source)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in ("_unexpected", "_expect", "_expect_word")
        for node in ast.walk(call.args[-1])
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > 1 and " " in node.value
    }
    assert len(said) > 12
    assert [text for text in [*said, _PRESSURE, _FLOW] if translate(text, "zh") == text] == []


WORDS = [*POINTS, *FUNCTIONS, *"+-*/^()<>=,;{}", "<=", "!=", "≥", "and", "or", "not", "in", "over", "for", "of", "10 min", "5", "3 Cel/min",
         "80 ℃", "25 %LEL", '"关"', "vote(2 of", "fault leaves", "1e5", "（", "，", "avg(", "`", "'", "TI-"]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)))
def test_random_text_is_understood_or_refused(text: str) -> None:
    refused = refusal(text)
    if refused is not None:
        assert 0 <= refused.position <= len(text)
        assert refused.text("zh")
        assert refused.text("en")


def refusal(text: str) -> ExpressionError | None:
    try:
        understood(text)
    except ExpressionError as error:
        return error
    return None


@pytest.mark.parametrize("piece", ["(", "-", "not ", "abs(", "2^", "if(QI-101>1,1,", "QI-101 and ", "min(1,", "good("])
def test_endless_nesting_is_refused_in_words(piece: str) -> None:
    for text in (piece * (2000 // len(piece)), piece * (1900 // len(piece)) + "QI-101"):
        with pytest.raises(ExpressionError):
            understood(text)
