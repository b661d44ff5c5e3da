"""Worksheets: every combination of every edition against the printed tables, borders, forms, lines that are refused cell by cell."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal

import pytest

from anlan.model.errors import InputError
from anlan.risk.worksheets.forms import deviations, forms
from anlan.risk.worksheets.methods import COLOURS, method, methods
from anlan.risk.worksheets.sheet import SheetMistakes, assessed, counted, read_sheet

Table = list[tuple[str, str, Callable[[Decimal], bool]]]

# As the guides print them (shared reference of this project): level, colour, its own condition, no band leaning on another.
PRINTED: dict[str, Table] = {
    "ls-a": [("1", "red", lambda r: r in range(20, 26)), ("2", "orange", lambda r: r in range(10, 17)), ("3", "yellow", lambda r: r in range(4, 10)), ("4", "blue", lambda r: r in range(1, 4))],
    "ls-b": [("1", "red", lambda r: r in range(20, 26)), ("2", "orange", lambda r: r in range(9, 17)), ("3", "yellow", lambda r: r in range(4, 9)), ("4", "blue", lambda r: r in range(1, 4))],
    "ls-c": [("1", "red", lambda r: r in range(20, 26)), ("2", "orange", lambda r: r in range(15, 17)), ("3", "yellow", lambda r: r in range(9, 13)), ("4", "blue", lambda r: r in range(4, 9)), ("5", "blue", lambda r: r in range(1, 4))],
    "lec-upper": [("1", "red", lambda d: d > 320), ("2", "orange", lambda d: 160 < d <= 320), ("3", "yellow", lambda d: 70 < d <= 160), ("4", "blue", lambda d: 20 < d <= 70), ("5", "blue", lambda d: d <= 20)],
    "lec-lower": [("1", "red", lambda d: d > 320), ("2", "orange", lambda d: 160 <= d <= 320), ("3", "yellow", lambda d: 70 <= d < 160), ("4", "blue", lambda d: 20 <= d < 70), ("5", "blue", lambda d: d < 20)],
    "mes": [("1", "red", lambda r: r >= 180), ("2", "orange", lambda r: 90 <= r <= 150), ("3", "yellow", lambda r: 50 <= r <= 80), ("4", "blue", lambda r: 20 <= r <= 48), ("5", "blue", lambda r: r <= 18)],
}  # fmt: skip
SCALES = {
    "LS": {"L": "1 2 3 4 5", "S": "1 2 3 4 5"},
    "LEC": {"L": "0.1 0.2 0.5 1 3 6 10", "E": "0.5 1 2 3 6 10", "C": "1 3 7 15 40 100"},
    "MES": {"M": "1 3 5", "E": "0.5 1 2 3 6 10", "S": "1 2 4 8 10"},
}


def test_every_edition_is_held_against_a_printed_table() -> None:
    assert set(PRINTED) == set(methods())


@pytest.mark.parametrize("edition", PRINTED)
def test_every_combination_is_scored_as_printed(edition: str) -> None:
    scoring = method(edition)
    scales = SCALES[scoring.family]
    wrong = []
    for values in itertools.product(*(scale.split() for scale in scales.values())):
        product = Decimal(1)
        for value in values:
            product *= Decimal(value)
        expected = [(level, colour) for level, colour, holds in PRINTED[edition] if holds(product)]
        score = scoring.score(dict(zip(scales, values, strict=True)))
        assert score is not None
        if expected != [(score.level, score.colour)] or Decimal(score.product) != product:
            wrong.append((values, str(product), expected, score))
    assert wrong == []


@pytest.mark.parametrize("edition", PRINTED)
def test_more_of_one_factor_is_never_less_grave(edition: str) -> None:
    scoring = method(edition)
    grave = list(COLOURS)
    worse = []
    for values in itertools.product(*([v.value for v in factor.values] for factor in scoring.factors)):
        given = {factor.name: value for factor, value in zip(scoring.factors, values, strict=True)}
        score = scoring.score(given)
        assert score is not None
        for factor in scoring.factors:
            above = [v.value for v in factor.values if Decimal(v.value) > Decimal(given[factor.name])]
            raised = [scoring.score({**given, factor.name: value}) for value in above]
            worse += [given for one in raised if one is not None and grave.index(one.colour) > grave.index(score.colour)]
    assert worse == []


@pytest.mark.parametrize(
    ("edition", "values", "colour", "rule"),
    [
        ("lec-upper", {"L": "1", "E": "10", "C": "7"}, "blue", "20 < D ≤ 70"),
        ("lec-lower", {"L": "1", "E": "10", "C": "7"}, "yellow", "70 ≤ D < 160"),
        ("lec-upper", {"L": "10", "E": "0.5", "C": "40"}, "orange", "160 < D ≤ 320"),
        ("ls-a", {"L": "3", "S": "3"}, "yellow", "4 ≤ R < 10"),
        ("ls-b", {"L": "3", "S": "3"}, "orange", "9 ≤ R < 20"),
    ],
)
def test_who_owns_a_border_is_the_editions_own(edition: str, values: dict[str, str], colour: str, rule: str) -> None:
    score = method(edition).score(values)
    assert score is not None
    assert (score.colour, score.rule) == (colour, rule)


def test_a_line_without_a_factor_has_no_colour() -> None:
    assert method("ls-a").score({"L": "1"}) is None


@pytest.mark.parametrize("value", ["0", "6", "2.5", "nan", "-1"])
def test_a_value_between_two_steps_is_refused(value: str) -> None:
    with pytest.raises(InputError, match=r"L is '.*'; one of 5, 4, 3, 2, 1 was expected"):
        method("ls-a").score({"L": value, "S": "1"})


def test_a_node_gets_the_deviations_that_mean_something() -> None:
    found = {(one.parameter, one.guide_word) for one in deviations(["flow", "level"])}
    assert ("flow", "REVERSE") in found
    assert ("level", "REVERSE") not in found
    known = {c.name: {x.id for x in c.choices} for c in forms()["hazop"].before}
    assert all(one.parameter in known["parameter"] and one.guide_word in known["guide_word"] for one in deviations())


JHA = {"form": "jha", "method": "ls-a", "title": "液氯卸车", "place": "hualan/U200", "day": "2026-11-20"}


def test_lines_are_kept_as_ids_and_scored() -> None:
    cells = {"step": "连接  鹤管", "hazard": "泄漏\r\n中毒", "consequence": "中毒", "L": "3 措施部分起作用;曾经发生", "S": "５", "kinds": "管理措施;engineering", "factor": "220201", "links": "point:AT-203; place:hualan/U200"}  # fmt: skip
    sheet = read_sheet(
        {**JHA, "lines": [{"cells": {**cells, "colour": "made up"}}, {"id": "r9", "cells": {"step": "启泵", "L": "5"}}]}
    )
    first, second = assessed(sheet)
    assert first.line.cells == {"step": "连接 鹤管", "hazard": "泄漏\n中毒", "consequence": "中毒", "L": "3", "S": "5", "kinds": "engineering; management", "factor": "220201", "links": "point:AT-203; place:hualan/U200"}  # fmt: skip
    assert first.score is not None
    assert (first.score.product, first.score.colour, first.missing) == ("15", "orange", ())
    assert (second.score, second.missing) == (None, ("hazard", "consequence", "S"))
    assert counted(sheet) == {"red": 0, "orange": 1, "yellow": 0, "blue": 0, "unassessed": 1}
    assert read_sheet(sheet.as_json()).digest == sheet.digest


@pytest.mark.parametrize(
    ("cells", "column", "words"),
    [
        ({"L": "6"}, "L", "'6' is none of 5, 4, 3, 2, 1"),
        ({"tier": "省级"}, "tier", "'省级' is none of company"),
        ({"kinds": "engineering; magic"}, "kinds", "'magic' is none of"),
        ({"links": "AT-203"}, "links", "'AT-203' is no link; one such as point:AT-203"),
        ({"step": "x" * 301}, "step", "301 characters; at most 300"),
        ({"nonsense": "1"}, "nonsense", "there is no column 'nonsense'"),
    ],
)
def test_a_wrong_cell_is_named(cells: dict[str, str], column: str, words: str) -> None:
    with pytest.raises(SheetMistakes) as raised:
        read_sheet({**JHA, "lines": [{"cells": {"step": "x"}}, {"cells": cells}]})
    (mistake,) = raised.value.mistakes
    assert (mistake.line, mistake.column) == (2, column)
    assert words in mistake.text("en")


@pytest.mark.parametrize("frequency", ["0", "-1", "inf", "1e", "每年"])
def test_a_frequency_is_a_number_above_nought(frequency: str) -> None:
    with pytest.raises(SheetMistakes, match="a number above 0 was expected"):
        read_sheet({**JHA, "form": "lopa", "lines": [{"cells": {"frequency": frequency}}]})


def test_a_head_without_title_or_with_a_wrong_day_is_refused() -> None:
    with pytest.raises(SheetMistakes) as raised:
        read_sheet({**JHA, "title": " ", "day": "2026-02-30"})
    assert [(m.line, m.column) for m in raised.value.mistakes] == [(0, "title"), (0, "day")]


def test_no_two_columns_of_a_sheet_share_a_heading() -> None:
    heads = [[c.words.zh for c in form.columns(scoring)] for form in forms().values() for scoring in methods().values()]
    assert [one for one in heads if len(set(one)) < len(one)] == []


def test_the_room_offers_it_without_a_node() -> None:
    from anlan import risk

    sheet = risk.read_sheet(
        {"form": "jha", "method": "lec-upper", "title": "pump", "lines": [{"cells": {"L": "3", "E": "6", "C": "15"}}]}
    )
    (line,) = risk.assessed(sheet)
    assert line.score is not None
    assert line.score.rule == "160 < D ≤ 320"


def test_a_link_is_found_gone_or_unknown() -> None:
    from anlan.model.words import Label
    from anlan.risk.worksheets.links import Elements
    from anlan.web.context import PlantView

    tie, tree = ("bow-tie", Label(zh="蝶形图")), ("fault-tree", Label(zh="树"))
    elements = Elements(PlantView(version=1, id="x", name=Label(zh="厂")), {"tie": tie, "mute": tie, "tree": tree}, {"tie": {"sif": Label(zh="联锁")}})  # fmt: skip
    asked = [("barrier", "tie/sif"), ("barrier", "tie/none"), ("barrier", "mute/sif"), ("barrier", "tree/sif"), ("barrier", "none/sif"), ("study", "tree"), ("study", "none"), ("point", "AT-1")]  # fmt: skip
    assert [elements.look(kind, id).found for kind, id in asked] == [True, False, None, False, False, True, False, False]
    assert elements.look("barrier", "tie/sif").name.zh == "联锁"
    assert Elements(PlantView(version=1, id="x", name=Label(zh="厂")), None).look("study", "tree").found is None
