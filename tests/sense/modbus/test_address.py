"""Addresses: the grammar, and the arithmetic against pymodbus' own conversions."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import ModbusTcpClient

from anlan.model.errors import InputError
from anlan.sense.modbus.address import ORDERS, TYPES, Address, Ne43, decode, encode, parse

CONVERT = ModbusTcpClient.convert_from_registers
DATATYPE = ModbusTcpClient.DATATYPE
NUMERIC = [t for t in TYPES if t != "bit"]
WORDS = st.integers(0, 0xFFFF)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hr:100 float32 CDAB *0.1 +5", Address("hr", 100, "float32", "CDAB", gain=0.1, offset=5.0)),
        ("di:7", Address("di", 7, "bit")),
        ("3/co:0", Address("co", 0, "bit", unit=3)),
        ("hr:12.3", Address("hr", 12, bit=3, bits=1)),
        ("hr:12.4-6", Address("hr", 12, bit=4, bits=3)),
        ("ir:3 int16 *0.001 ne43(0,250)", Address("ir", 3, "int16", gain=0.001, ne43=Ne43(0, 250))),
        ("ir:3 ne43", Address("ir", 3, ne43=Ne43())),
        ("ir:3 -40 *1e-3", Address("ir", 3, gain=0.001, offset=-40.0)),
        ("hr:65532 uint64", Address("hr", 65532, "uint64")),
    ],
)
def test_what_an_address_says(text: str, address: Address) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is not understood; expected [unit/]co|di|hr|ir:address"),
        ("40001", "'40001' is not understood"),
        ("hr:1 float33", "'float33' is not understood"),
        ("hr:1 float32 int16", "'int16' says type twice"),
        ("di:3 int16", "di is a table of single bits, which takes no type"),
        ("hr:4.16", "bit 16 lies outside 0 … 15"),
        ("hr:4.6-3", "bit 3 lies outside 6 … 15"),
        ("hr:65535 float32", "address 65536 lies outside 0 … 65535"),
        ("256/hr:1", "unit 256 lies outside 0 … 255"),
        ("hr:1 *x", "'*x' has no number"),
        ("hr:1 *nan", "'*nan' has no number"),
        ("hr:1 *0", "a gain of 0"),
        ("hr:4.1 float32", "bits are taken from one uint16 register"),
        ("hr:4 ne43(1)", "'ne43(1)' is not understood"),
    ],
)
def test_a_wrong_address_says_what_was_found_and_expected(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(text)
    assert said in str(refused.value)
    assert repr(text) in str(refused.value)


def refusal(text: str) -> str:
    """What `parse` says of `text`; the text itself if it takes it."""
    try:
        parse(text)
    except InputError as refused:
        return str(refused)
    return repr(text)


@given(st.text() | st.from_regex(r"[a-z]{2}:[0-9]{1,6}( [a-zA-Z0-9*+()., -]{1,12})?", fullmatch=True))
def test_any_text_is_an_address_or_an_input_error(text: str) -> None:
    assert repr(text) in refusal(text)


@pytest.mark.parametrize("kind", NUMERIC)
@given(data=st.data())
def test_big_and_little_word_orders_agree_with_pymodbus(kind: str, data: st.DataObject) -> None:
    raw = data.draw(st.lists(WORDS, min_size=TYPES[kind][0], max_size=TYPES[kind][0]))
    for order, word_order in (("ABCD", "big"), ("CDAB", "little")):
        theirs = CONVERT(raw, DATATYPE[kind.upper()], word_order)  # type: ignore[arg-type]
        assert repr(decode(Address("hr", 0, kind, order), raw)) == repr(float(theirs))  # type: ignore[arg-type]


@given(WORDS, WORDS)
def test_byte_swaps_agree_with_struct(high: int, low: int) -> None:
    data = struct.pack(">HH", high, low)
    assert decode(Address("hr", 0, "uint32", "DCBA"), [high, low]) == struct.unpack("<I", data)[0]
    swapped = bytes([data[1], data[0], data[3], data[2]])
    assert decode(Address("hr", 0, "uint32", "BADC"), [high, low]) == struct.unpack(">I", swapped)[0]


VALUES = {
    "int16": st.integers(-(2**15), 2**15 - 1),
    "uint16": st.integers(0, 2**16 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "int64": st.integers(-(2**53), 2**53),
    "uint64": st.integers(0, 2**53),
    "float32": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
}
"""What a float64 holds exactly."""


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", NUMERIC)
@given(data=st.data())
def test_decode_undoes_encode(kind: str, order: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[kind])
    address = Address("hr", 0, kind, order)
    assert decode(address, encode(address, value, [0] * address.width)) == value


@given(register=WORDS, first=st.integers(0, 15), data=st.data())
def test_a_bit_field_is_what_its_binary_digits_say(register: int, first: int, data: st.DataObject) -> None:
    last = data.draw(st.integers(first, 15))
    address = parse(f"hr:9.{first}-{last}")
    digits = f"{register:016b}"[::-1][first : last + 1][::-1]
    assert decode(address, [register]) == int(digits, 2)
    (again,) = encode(address, decode(address, [register]), [register])
    assert again == register


def test_scaling_is_gain_then_offset() -> None:
    assert decode(parse("hr:0 int16 *0.5 -40"), [0xFFFE]) == -41.0
