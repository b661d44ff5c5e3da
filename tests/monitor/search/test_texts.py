"""What a term finds in texts, against looking at every text letter by letter."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.monitor.search.pinyin import initials, readings
from anlan.monitor.search.texts import NAME, TAG, Text, Texts, folded, terms

PLANT = [
    "液氯储罐",
    "R-101 反应器压力",
    "重沸器",
    "行程开关",
    "长输管线",
    "AT-203",
    "Chlorine tank 2",
    "1号液化气球罐",
    "调节阀CV-7",
]


def finds(text: str, term: str) -> bool:
    """By the words of `texts`' docstring: each character is met by itself, a reading, its initial, or at the end the beginning of a reading."""
    kept = [c for c in folded(text) if c.isalnum()]
    return any(_from(kept[at:], term) for at in range(len(kept)))


def _from(characters: list[str], rest: str) -> bool:
    if not rest:
        return True
    if not characters:
        return False
    first, *others = characters
    whole = {first, *readings(first)}
    short = {piece for reading in readings(first) for piece in initials(reading)}
    met = any(rest.startswith(piece) and _from(others, rest[len(piece) :]) for piece in whole | short)
    return met or any(reading.startswith(rest) for reading in readings(first))


def found(texts: list[str], term: str) -> list[bool]:
    index = Texts((Text(n, text) for n, text in enumerate(texts)), len(texts))
    return [bool(score) for score in index.scores(term)]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("液氯", "液氯储罐"), ("yelv", "液氯储罐"), ("yl", "液氯储罐"), ("ylcg", "液氯储罐"), ("液lv", "液氯储罐"), ("yelvc", "液氯储罐"),
        ("yè lǜ", "液氯储罐"), ("yelü", "液氯储罐"), ("yelyu", "液氯储罐"), ("YELV", "液氯储罐"), ("lvchu", "液氯储罐"),
        ("zhongfei", "重沸器"), ("chongfei", "重沸器"), ("zfq", "重沸器"), ("cfq", "重沸器"), ("chfq", "重沸器"),
        ("xingcheng", "行程开关"), ("hangcheng", "行程开关"), ("changshu", "长输管线"), ("zhangshu", "长输管线"),
        ("at203", "AT-203"), ("AT-203", "AT-203"), ("at 203", "AT-203"), ("203", "AT-203"), ("r101fan", "R-101 反应器压力"),
        ("chlorine", "Chlorine tank 2"), ("chlorinetank", "Chlorine tank 2"), ("1hao", "1号液化气球罐"), ("tjfcv7", "调节阀CV-7"),
    ],
)  # fmt: skip
def test_found(query: str, text: str) -> None:
    assert all(found([text], term)[0] for term in terms(query))


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("yelx", "液氯储罐"),
        ("elv", "液氯储罐"),
        ("yell", "液氯储罐"),
        ("lvye", "液氯储罐"),
        ("at2033", "AT-203"),
        ("qixi", "液化气"),
    ],
)
def test_not_found(term: str, text: str) -> None:
    assert found([text], term) == [False]


def test_nothing_is_found_across_two_texts() -> None:
    assert found(["液", "氯"], "液氯") == [False, False]


def test_a_term_of_signs_alone_is_none() -> None:
    assert terms(" -- / % ") == []


def test_no_text_and_no_owner() -> None:
    assert Texts([], 0).scores("yl").tolist() == []
    assert Texts([Text(0, ""), Text(1, "—")], 2).scores("yl").tolist() == [0, 0]


LETTERS = "yelvchuzhongxia1-2 "
CHINESE = "液氯储罐重沸器行长调量压力压中"


@given(
    st.lists(st.text(LETTERS + CHINESE, min_size=1, max_size=8), min_size=1, max_size=6),
    st.one_of(
        st.text("yelvchuzongxia12", min_size=1, max_size=7),
        st.text(CHINESE + "yelv", min_size=1, max_size=4),
        st.lists(
            st.sampled_from([piece for c in CHINESE for r in readings(c) for piece in (r, r[:1], c)]), min_size=1, max_size=4
        ).map("".join),
    ),
)
@settings(deadline=None, max_examples=300)
def test_the_index_finds_what_looking_finds(texts: list[str], term: str) -> None:
    assert found(texts, term[:40]) == [finds(text, term[:40]) for text in texts]


def test_the_plant_by_every_piece_of_every_name() -> None:
    """Every run of one to four letters of every name's pinyin and of every name."""
    spelled = ["".join((readings(c) or (c,))[-1] for c in folded(text) if c.isalnum()) for text in PLANT]
    asked = {whole[at : at + n] for whole in [*spelled, *map(folded, PLANT)] for at in range(len(whole)) for n in (1, 2, 3, 4)}
    asked = {part for whole in asked for part in terms(whole)}
    index = Texts((Text(n, text) for n, text in enumerate(PLANT)), len(PLANT))
    wrong = [term for term in sorted(asked) if [bool(one) for one in index.scores(term)] != [finds(text, term) for text in PLANT]]
    assert wrong == []


def test_what_fits_better_is_worth_more() -> None:
    texts = [
        Text(0, "AT-203", TAG),  # the whole of an id
        Text(1, "AT-203A", TAG),  # its beginning
        Text(2, "XS AT-203", TAG),  # a word in it
        Text(3, "探测器AT-203状态", NAME),
        Text(4, "VAT-2034", NAME),  # in the middle of a word
    ]
    scores = Texts(texts, 5).scores("at203").tolist()
    assert all(better > worse > 0 for better, worse in pairwise(scores))


def test_the_character_is_worth_more_than_its_reading_and_that_more_than_its_initial() -> None:
    index = Texts([Text(0, "液氯储罐")], 1)
    literal, read, short = (int(index.scores(term)[0]) for term in ("液氯", "yelv", "yl"))
    assert literal > read > short > 0
