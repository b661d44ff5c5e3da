"""MQTT addresses: the key and what its words and numbers mean."""

from __future__ import annotations

import pytest

from anlan.model.errors import InputError
from anlan.sense.mqtt.address import Address, parse


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("T-101.level", Address("T-101.level")),
        ("wind speed | *3.6", Address("wind speed", 3.6)),
        ("gate | open=1 SHUT=0 +1", Address("gate", offset=1.0, words={"open": 1, "shut": 0})),
    ],
)
def test_what_an_address_says(text: str, address: Address) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "expected a key"), (" a", "expected a key"), ("a | *x", "'*x' has no number"), ("a | b", "'b' is not understood")],
)
def test_a_wrong_address_says_what_was_found(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(text)
    assert said in str(refused.value)


def test_words_numbers_and_what_is_neither() -> None:
    address = parse("gate | *2 ajar=5", {0: {"zh": "关", "en": "closed"}})
    assert [address.valued(held) for held in (1.5, "1.5", "Ajar", "关")] == [3.0, 3.0, 5.0, 0.0]
    with pytest.raises(ValueError, match="broken"):
        address.valued("broken")
