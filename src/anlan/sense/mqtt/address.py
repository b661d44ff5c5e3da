"""The address of one MQTT point: the key that a template gives its readings, and what their words and numbers mean. Pure.

KEY [| *GAIN +OFFSET WORD=NUMBER …]

T-101.level                     the key `T-101.level` as the templates of `topics:` make it
wind.speed | *3.6               m/s in the message, km/h in the point
gate-2.state | open=1 shut=0    words beyond those of the template and the point's states
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anlan.model.errors import InputError
from anlan.sense import options
from anlan.sense.registry import labels


@dataclass(frozen=True, slots=True)
class Address:
    key: str
    gain: float = 1.0
    offset: float = 0.0
    words: Mapping[str, int] = field(default_factory=dict)

    def valued(self, held: float | str) -> float:
        """The point's value of what a message held; ValueError when a word means nothing here."""
        if isinstance(held, str):
            known = self.words.get(held.casefold())
            if known is not None:
                return float(known)
            held = _float(held)
        return held * self.gain + self.offset


def parse(text: str, states: Mapping[Any, Any] | None = None) -> Address:
    """The address written as `text`; InputError names what is wrong."""
    key, _, behind = text.partition(" | ")
    if not key.strip() or key != key.strip():
        raise InputError("MQTT address {address!r}: expected a key such as T-101.level, without spaces around it", address=text)
    found: dict[str, Any] = {"words": labels(states or {})}
    for word in behind.split():
        if not options.take("MQTT", text, word, found):
            raise InputError(
                "MQTT address {address!r}: {found!r} is not understood; expected *gain, +offset or word=number",
                address=text,
                found=word,
            )
    return Address(key, **found)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a number")
    return number
