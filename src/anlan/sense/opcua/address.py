"""The address of one OPC UA point, and the number in what a node holds. Pure.

    NODE [| OPTION …]

    ns=2;s=Plant/Reactor/XMEAS1             a node by namespace index
    nsu=urn:works:plc;s=R101.T              by namespace URI, which survives a server that renumbers its namespaces
    ns=2;i=1042 | *0.001 +20                value = held × 0.001 + 20
    ns=2;s=Tanks.Levels | [3]               the fourth element of an array
    ns=2;s=Valve.State | closed=0 open=1    a node that holds words

A word that no option names is looked up among the names of the point's states, then read as a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anlan.model.errors import InputError
from anlan.model.quality import GOOD, Reason, Severity, quality
from anlan.sense import options
from anlan.sense.registry import labels

EXPECTED = "ns=N;s=NAME, ns=N;i=NUMBER, g= or b=, or nsu=URI;…, then optionally ' | ' and *gain, +offset, [index], word=number"
NOT_A_NUMBER = quality(Severity.BAD, Reason.NOT_A_NUMBER)
WRONG_TYPE = quality(Severity.BAD, Reason.CONFIGURATION)

_NODE = re.compile(r"(?:ns=(?P<ns>\d+);|nsu=(?P<nsu>[^;]+);)?(?P<kind>[isgb])=(?P<name>.+)$")


@dataclass(frozen=True, slots=True)
class Address:
    """`node` without its namespace (`s=…`), `namespace` an index or a URI."""

    node: str
    namespace: int | str = 0
    gain: float = 1.0
    offset: float = 0.0
    index: int | None = None
    words: Mapping[str, int] = field(default_factory=dict)


def parse(text: str, states: Mapping[Any, Any] | None = None) -> Address:
    """The address written as `text`; InputError names the piece that is wrong and what was expected."""
    node, _, behind = text.partition(" | ")
    match = _NODE.match(node.strip())
    if match is None or (match["kind"] == "i" and not match["name"].isdigit()):
        raise InputError(
            "OPC UA address {address!r}: {found!r} is not a node; expected {expected}",
            address=text,
            found=node,
            expected=EXPECTED,
        )
    namespace: int | str = match["nsu"] or int(match["ns"] or 0)
    found: dict[str, Any] = {"words": labels(states or {})}
    for word in behind.split():
        _option(text, word, found)
    return Address(f"{match['kind']}={match['name']}", namespace, **found)


def _option(text: str, word: str, found: dict[str, Any]) -> None:
    if word[0] == "[" and word[-1] == "]":
        found["index"] = int(options.number("OPC UA", text, word, word[1:-1]))
    elif not options.take("OPC UA", text, word, found):
        raise InputError(
            "OPC UA address {address!r}: {found!r} is not understood; expected {expected}",
            address=text,
            found=word,
            expected=EXPECTED,
        )


def valued(address: Address, held: Any) -> tuple[float, int]:
    """(value, quality) of what a node holds: numbers and booleans scaled, words by their numbers; nothing readable is bad."""
    if address.index is not None:
        if not isinstance(held, list | tuple) or not 0 <= address.index < len(held):
            return math.nan, WRONG_TYPE
        held = held[address.index]
    if isinstance(held, str):
        return _word(address, held)
    if not isinstance(held, bool | int | float):
        return math.nan, WRONG_TYPE
    value = float(held) * address.gain + address.offset
    return value, NOT_A_NUMBER if math.isnan(value) else GOOD


def _word(address: Address, held: str) -> tuple[float, int]:
    known = address.words.get(held.strip().casefold())
    if known is not None:
        return float(known), GOOD
    try:
        return float(held) * address.gain + address.offset, GOOD
    except ValueError:
        return math.nan, WRONG_TYPE
