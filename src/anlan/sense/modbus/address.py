"""The address of one Modbus point, and the arithmetic between its registers and its value. Pure: no socket, no clock.

    [UNIT/]TABLE:ADDRESS[.BIT[-BIT]] [TYPE] [ORDER] [*GAIN] [+OFFSET] [ne43[(LOW,HIGH)]]

    di:7                               discrete input 7
    hr:100 float32 CDAB *0.1 +5        two holding registers, low word first, value = raw × 0.1 + 5
    hr:12.3        hr:12.4-6           one bit, and a field of three bits, of a register (bit 0 is the lowest)
    2/ir:3 int16 *0.001 ne43(0,250)    device 2 behind a gateway; raw is µA, the current spans 0 … 250 of the point's unit

ADDRESS is the number on the wire, 0 … 65535 (40001 in old manuals is hr:0). Words and options may come in any order.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from anlan.model.errors import InputError
from anlan.sense import options

TABLES = {"co": 1, "di": 2, "hr": 3, "ir": 4}
"""Table → the function that reads it (Modbus Application Protocol V1.1b3, 6.1–6.4)."""

TYPES = {
    "bit": (1, ""),
    "int16": (1, ">h"),
    "uint16": (1, ">H"),
    "int32": (2, ">i"),
    "uint32": (2, ">I"),
    "int64": (4, ">q"),
    "uint64": (4, ">Q"),
    "float32": (2, ">f"),
    "float64": (4, ">d"),
}
"""Type → (registers, struct code)."""

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
EXPECTED = "[unit/]co|di|hr|ir:address[.bit[-bit]] [type] [order] [*gain] [+offset] [ne43[(low,high)]]"

_HEAD = re.compile(r"(?:(?P<unit>\d+)/)?(?P<table>[a-z]+):(?P<start>\d+)(?:\.(?P<bit>\d+)(?:-(?P<last>\d+))?)?$")
_NE43 = re.compile(r"ne43(?:\((?P<low>[^,()]+),(?P<high>[^,()]+)\))?$")


@dataclass(frozen=True, slots=True)
class Ne43:
    """A 4–20 mA loop: `low` and `high` are the values at 4 and at 20 mA; both None leaves the value in mA."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Address:
    table: str
    start: int
    type: str = "uint16"
    order: str = "ABCD"
    bit: int | None = None
    bits: int = 1
    gain: float = 1.0
    offset: float = 0.0
    ne43: Ne43 | None = None
    unit: int | None = None

    @property
    def width(self) -> int:
        """Registers, or bits in a bit table."""
        return TYPES[self.type][0]

    @property
    def function(self) -> int:
        return TABLES[self.table]


@lru_cache(maxsize=65_536)
def parse(text: str) -> Address:
    """The address written as `text`; InputError names the piece that is wrong and what was expected."""
    words = text.split()
    if not words:
        raise _wrong(text, text)
    found = _head(text, words[0])
    for word in words[1:]:
        name, value = _option(text, word)
        if name in found:
            raise InputError("Modbus address {address!r}: {found!r} says {name} twice", address=text, found=word, name=name)
        found[name] = value
    return _checked(text, found)


def _head(text: str, word: str) -> dict[str, Any]:
    match = _HEAD.match(word)
    if match is None or match["table"] not in TABLES:
        raise _wrong(text, word)
    found: dict[str, Any] = {"table": match["table"], "start": int(match["start"])}
    if match["unit"] is not None:
        found["unit"] = _within(text, "unit", int(match["unit"]), 0, 255)
    if match["bit"] is not None:
        first = _within(text, "bit", int(match["bit"]), 0, 15)
        last = _within(text, "bit", int(match["last"] or first), first, 15)
        found |= {"bit": first, "bits": last - first + 1}
    return found


def _option(text: str, word: str) -> tuple[str, Any]:
    if word in TYPES and word != "bit":
        return "type", word
    if word in ORDERS:
        return "order", word
    if word[0] == "*":
        return "gain", options.number("Modbus", text, word, word[1:])
    if word[0] in "+-":
        return "offset", options.number("Modbus", text, word, word)
    match = _NE43.match(word)
    if match is None:
        raise _wrong(text, word)
    if match["low"] is None:
        return "ne43", Ne43()
    return "ne43", Ne43(options.number("Modbus", text, word, match["low"]), options.number("Modbus", text, word, match["high"]))


def _checked(text: str, found: dict[str, Any]) -> Address:
    if found["table"] in {"co", "di"}:
        extra = found.keys() - {"table", "start", "unit"}
        if extra:
            raise InputError(
                "Modbus address {address!r}: {table} is a table of single bits, which takes no {found}",
                address=text, table=found["table"], found=sorted(extra)[0],
            )  # fmt: skip
        found["type"] = "bit"
    address = Address(**found)
    if address.bit is not None and (address.type != "uint16" or address.ne43 is not None):
        raise InputError("Modbus address {address!r}: bits are taken from one uint16 register, without a type", address=text)
    if address.gain == 0:
        raise InputError("Modbus address {address!r}: a gain of 0 makes every value the same", address=text)
    _within(text, "address", address.start + address.width - 1, 0, 65_535)
    return address


def _within(text: str, name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise InputError(
            "Modbus address {address!r}: {name} {found} lies outside {low} … {high}",
            address=text, name=name, found=value, low=low, high=high,
        )  # fmt: skip
    return value


def _wrong(text: str, word: str) -> InputError:
    return InputError(
        "Modbus address {address!r}: {found!r} is not understood; expected {expected}",
        address=text,
        found=word,
        expected=EXPECTED,
    )


def decode(address: Address, raw: Sequence[int]) -> float:
    """The value of a point from its registers (or its one bit), scaled; NaN when a float register holds one."""
    if address.type == "bit":
        return float(raw[0])
    if address.bit is not None:
        return (raw[0] >> address.bit & (1 << address.bits) - 1) * address.gain + address.offset
    data = _reordered(struct.pack(f">{address.width}H", *raw), address.order)
    (number,) = struct.unpack(TYPES[address.type][1], data)
    return float(number) * address.gain + address.offset


def encode(address: Address, value: float, before: Sequence[int]) -> list[int]:
    """The registers that `decode` turns into `value`; `before` is what they hold, for bits beside a bit field."""
    if address.type == "bit":
        return [int(bool(value))]
    raw = (value - address.offset) / address.gain
    if address.bit is not None:
        mask = (1 << address.bits) - 1 << address.bit
        return [before[0] & ~mask | int(raw) << address.bit & mask]
    code = TYPES[address.type][1]
    data = struct.pack(code, raw if code in {">f", ">d"} else round(raw))
    return list(struct.unpack(f">{address.width}H", _reordered(data, address.order)))


def _reordered(data: bytes, order: str) -> bytes:
    """Big-endian bytes ⇄ the device's order: CDAB swaps the words, BADC the bytes in each word, DCBA both. Its own inverse."""
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if order in {"CDAB", "DCBA"}:
        words.reverse()
    if order in {"BADC", "DCBA"}:
        words = [word[::-1] for word in words]
    return b"".join(words)
