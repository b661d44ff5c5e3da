"""S, R and level by GB 18218-2018: worked examples, borders, and a second way of counting."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.risk.hazards.config import HazardUnit, Residents, cas_holds
from anlan.risk.hazards.identification import Identification, identify
from anlan.risk.hazards.standard import gb18218


def unit(*contents: dict[str, Any]) -> HazardUnit:
    entries = [{"id": f"V-{n}", **content} for n, content in enumerate(contents)]
    return HazardUnit.model_validate(
        {"id": "MH-1", "name": {"zh": "罐区"}, "kind": "storage", "places": ["U200"], "contents": entries}
    )


def residents(people: int) -> Residents:
    return Residents.model_validate({"people": people, "counted_on": "2026-03-01", "source": {"zh": "村委会登记"}})


def found(*contents: dict[str, Any], people: int = 0) -> Identification:
    return identify(unit(*contents), residents(people))


EXAMPLES = [
    ([{"cas": "7664-41-7", "tonnes": 50}, {"cas": "7782-50-5", "tonnes": 10}], 120, "7", "36", 3),
    ([{"cas": "7782-50-5", "tonnes": 65}], 120, "13", "104", 1),
    ([{"cas": "67-56-1", "tonnes": 5000, "classes": ["W5.3"]}], 0, "10", "5", 4),
    ([{"cas": "7664-41-7", "tonnes": 50}], 29, "5", "10", 3),
    ([{"cas": "7664-41-7", "tonnes": "49.9999999999999999999"}], 29, "4.99999999999999999999", "9.99999999999999999998", 4),
    ([{"cas": "630-08-0", "substance": "一氧化碳", "classes": ["W2"], "tonnes": 5}], 1, "0.5", "1", 0),
    ([{"cas": "7782-50-5", "tonnes": 5}], 0, "1", "2", 4),
    ([{"cas": "7782-50-5", "tonnes": "4.9999"}], 0, "0.99998", "1.99996", 0),
    ([{"cas": "7782-50-5", "capacity": 50, "filling": 0.8, "density": 1250}], 50, "10", "60", 2),
    # Named rows go before classes; a mixture of another class by its own class alone; several classes: the lowest Q.
    ([{"cas": "7782-50-5", "classes": ["J5"], "tonnes": 5}], 0, "1", "2", 4),
    ([{"cas": "7782-50-5", "classes": ["J5"], "mixture": "other", "tonnes": 5}], 0, "0.01", "0.005", 0),
    ([{"cas": "7782-50-5", "mixture": "same", "tonnes": 5}], 0, "1", "2", 4),
    ([{"substance": "配制品 A", "classes": ["W5.3", "J1", "W5.4"], "tonnes": 5}], 0, "1", "2", 4),
    ([{"substance": "水", "classes": ["none"], "tonnes": 5000}, {"cas": "7782-50-5", "tonnes": 5}], 0, "1", "2", 4),
    # "No class of table 2" takes nothing out of table 1; only a mixture of another class leaves it.
    ([{"cas": "7782-50-5", "classes": ["none"], "tonnes": 65}], 120, "13", "104", 1),
    ([{"cas": "7647-01-0", "classes": ["none"], "mixture": "other", "tonnes": 65}], 120, "0", "0", 0),
    # A name of table 1 counts though its CAS number is not printed there, and without what stands in brackets.
    ([{"substance": "烷基铝", "cas": "97-93-8", "classes": ["W8"], "tonnes": 5}], 0, "5", "2.5", 4),
    ([{"substance": "汽油", "classes": ["W5.3"], "tonnes": 200}], 0, "1", "0.5", 4),
    ([{"substance": "天然气", "classes": ["W2"], "tonnes": 50}], 0, "1", "0.75", 4),
]  # fmt: skip


@pytest.mark.parametrize(("contents", "people", "s", "r", "level"), EXAMPLES)
def test_examples(contents: list[dict[str, Any]], people: int, s: str, r: str, level: int) -> None:
    one = found(*contents, people=people)
    assert (one.s, one.r, one.level, one.complete) == (Fraction(s), Fraction(r), level, True)


def test_tables_are_whole() -> None:
    tables = gb18218()
    assert (len(tables.substances), len(tables.classes), len(tables.betas)) == (85, 24, 28)
    assert [tables.alpha(people) for people in (0, 1, 29, 30, 49, 50, 99, 100)] == [
        Fraction(text) for text in ("1/2", "1", "1", "6/5", "6/5", "3/2", "3/2", "2")
    ]
    assert [tables.level(Fraction(r)) for r in ("9.999", "10", "49.999", "50", "99.999", "100")] == [4, 3, 3, 2, 2, 1]
    assert all(cas_holds(cas) for one in tables.substances for cas in one.cas)


def test_unknown_is_carried_and_never_lowers() -> None:
    strange = found({"cas": "7782-50-5", "tonnes": 30}, {"substance": "中间体 X", "tonnes": 100}, people=100)
    assert (strange.s, strange.s_complete, strange.major, strange.level, strange.level_at_least) == (
        Fraction(6),
        False,
        True,
        None,
        3,
    )
    assert strange.r is None
    assert "中间体 X" in strange.missing[0].text("zh")
    unseen = identify(unit({"cas": "7782-50-5", "tonnes": 30}), None)
    assert (unseen.r_low, unseen.r_high, unseen.level_at_least, unseen.level) == (Fraction(12), Fraction(48), 3, 3)
    assert not unseen.complete
    nothing = found({"substance": "中间体 X", "tonnes": 1})
    assert (nothing.major, nothing.level) == (None, None)
    several = found({"cas": "9004-70-0", "tonnes": 10})
    assert several.lines[0].threshold == 1
    assert "41 " in several.missing[0].text("en")
    assert found({"cas": "9004-70-0", "row": 41, "classes": ["W10"], "tonnes": 50}).complete
    torn = found({"substance": "苯", "cas": "7782-50-5", "classes": ["W5.2"], "tonnes": 10})
    assert (torn.s, torn.complete, "12 氯" in torn.missing[0].text("zh"), "57 苯" in torn.missing[0].text("zh")) == (
        2,
        False,
        True,
        True,
    )


def test_a_class_from_memory_is_shown_and_cannot_be_signed() -> None:
    one = found({"cas": "67-56-1", "tonnes": 5000})
    assert (one.level, one.provisional, one.complete) == (4, True, False)
    assert "未核对原文" in one.lines[0].steps[-1].text("zh")


def test_people_count_within_500_m() -> None:
    groups = [{"name": {"zh": f"村{n}"}, "people": 60, "distance": d} for n, d in enumerate((120, 500, 500.5))]
    listed = Residents.model_validate({"groups": groups, "counted_on": "2026-03-01", "source": {"zh": "登记"}})
    assert listed.within == 120
    assert "另有 1 处" in identify(unit({"cas": "7782-50-5", "tonnes": 5}), listed).steps[1].text("zh")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"cas": "7782-50-6", "tonnes": 1}, "check digit"),
        ({"cas": "7782-50-5", "tonnes": -1}, "greater than or equal to 0"),
        ({"tonnes": 1}, "cas or substance"),
        ({"cas": "7782-50-5", "tonnes": 1, "capacity": 2}, "not both"),
        ({"cas": "7782-50-5", "capacity": 2}, "belong together"),
        ({"substance": "x", "classes": ["W99"], "tonnes": 1}, "W5.3"),
        ({"substance": "x", "row": 86, "tonnes": 1}, "1 to 85"),
    ],
)
def test_what_makes_no_sense_is_told(content: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        unit(content)


NAMED = [(one, beta) for one in gb18218().substances if (beta := gb18218().beta(*one.cas)) is not None]
ANY = st.one_of(
    st.tuples(
        st.sampled_from(NAMED).map(lambda one: ({"cas": one[0].cas[0]}, one[0].threshold, one[1])),
        st.decimals(0, 10**4, places=3),
    ),
    st.tuples(
        st.sampled_from(list(gb18218().classes.values())).map(
            lambda one: ({"substance": "配制品", "classes": [one.symbol]}, one.threshold, one.beta)
        ),
        st.decimals(0, 10**4, places=3),
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ANY, min_size=1, max_size=6), st.integers(0, 300))
def test_it_counts_as_pencil_and_paper_do(
    parts: list[tuple[tuple[dict[str, Any], Fraction, Fraction], Decimal]], people: int
) -> None:
    one = found(*({**what, "tonnes": q} for (what, _, _), q in parts), people=people)
    s = sum(Fraction(q) / threshold for (_, threshold, _), q in parts)
    alpha = (
        Fraction(1, 2)
        if people == 0
        else 1
        if people < 30
        else Fraction(6, 5)
        if people < 50
        else Fraction(3, 2)
        if people < 100
        else 2
    )
    r = alpha * sum(beta * Fraction(q) / threshold for (_, threshold, beta), q in parts)
    level = 0 if s < 1 else 1 if r >= 100 else 2 if r >= 50 else 3 if r >= 10 else 4
    assert (one.s, one.r, one.level) == (s, r, level)
    more = found(*({**what, "tonnes": q + 1} for (what, _, _), q in parts), people=people + 60)
    assert more.s > one.s
    assert (more.level or 5) <= (one.level or 5)


def test_a_class_is_told_in_the_reader_s_language() -> None:
    one = found({"substance": "中间体", "classes": ["W5.3"], "tonnes": 10})
    told = " ".join(step.text("en") for line in one.lines for step in line.steps)
    assert "table 2, W5.3 flammable liquids, category 2 outside of W5.1 and W5.2" in told
    assert all(row.hazard.en and row.category.en and row.hazard.en.isascii() for row in gb18218().classes.values())
    assert "表2 W5.3 易燃液体" in " ".join(step.text("zh") for line in one.lines for step in line.steps)
