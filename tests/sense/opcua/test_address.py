"""OPC UA addresses and the numbers in what nodes hold."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.model.errors import InputError
from anlan.model.quality import GOOD
from anlan.sense.opcua.address import NOT_A_NUMBER, WRONG_TYPE, Address, parse, valued


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ns=2;s=Plant/Reactor/XMEAS1", Address("s=Plant/Reactor/XMEAS1", 2)),
        ("i=2258", Address("i=2258")),
        ("nsu=urn:works:plc;s=R101.T", Address("s=R101.T", "urn:works:plc")),
        ("ns=3;s=a;b=c", Address("s=a;b=c", 3)),
        ("ns=2;i=1042 | *0.001 +20", Address("i=1042", 2, 0.001, 20.0)),
        ("ns=2;s=Levels | [3] -1", Address("s=Levels", 2, offset=-1.0, index=3)),
        ("ns=2;s=Valve | closed=0 Open=1", Address("s=Valve", 2, words={"closed": 0, "open": 1})),
    ],
)
def test_what_an_address_says(text: str, address: Address) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("R101", "'R101' is not a node; expected ns=N;s=NAME"),
        ("ns=x;s=a", "'ns=x;s=a' is not a node"),
        ("ns=2;i=abc", "is not a node"),
        ("ns=2;s=a | *x", "'*x' has no number"),
        ("ns=2;s=a | shut=x", "'shut=x' has no number"),
        ("ns=2;s=a | bits", "'bits' is not understood"),
    ],
)
def test_a_wrong_address_says_what_was_found_and_expected(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(text)
    assert said in str(refused.value)


def test_states_of_the_point_are_words_too() -> None:
    assert parse("ns=2;s=V | ajar=2", {0: {"zh": "关", "en": "closed"}}).words == {"关": 0, "closed": 0, "ajar": 2}


@pytest.mark.parametrize(
    ("text", "held", "expected"),
    [
        ("i=1", 2, (2.0, GOOD)),
        ("i=1", True, (1.0, GOOD)),
        ("i=1 | *2 +1", 2.5, (6.0, GOOD)),
        ("i=1 | [1]", [1, 5], (5.0, GOOD)),
        ("i=1 | open=1", " Open ", (1.0, GOOD)),
        ("i=1 | *2", "2.5", (5.0, GOOD)),
        ("i=1", math.inf, (math.inf, GOOD)),
    ],
)
def test_a_held_value_becomes_a_number(text: str, held: Any, expected: tuple[float, int]) -> None:
    assert valued(parse(text), held) == expected


@pytest.mark.parametrize(
    ("text", "held", "word"),
    [
        ("i=1", "ajar", WRONG_TYPE),
        ("i=1 | [2]", [1], WRONG_TYPE),
        ("i=1", [1], WRONG_TYPE),
        ("i=1", b"x", WRONG_TYPE),
        ("i=1", math.nan, NOT_A_NUMBER),
    ],
)
def test_what_is_no_number_is_bad(text: str, held: Any, word: int) -> None:
    value, found = valued(parse(text), held)
    assert math.isnan(value)
    assert found == word


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text(), st.binary(), st.lists(st.integers())
    )
)
def test_anything_held_is_survived(held: Any) -> None:
    assert len(valued(parse("ns=2;s=a | *2 [0]"), held)) == 2
    assert len(valued(parse("ns=2;s=a"), held)) == 2
