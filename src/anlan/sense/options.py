"""What stands behind an address in every protocol: `*gain`, `+offset`, `word=number`."""

from __future__ import annotations

import math
from typing import Any

from anlan.model.errors import InputError


def take(protocol: str, text: str, word: str, found: dict[str, Any]) -> bool:
    """Put gain, offset or one of `words` that `word` of the address `text` gives into `found`; False when it is none of these.

    Raises InputError when a number is expected and none is there.
    """
    name, equals, digits = word.partition("=")
    if equals and name:
        found["words"][name.casefold()] = int(number(protocol, text, word, digits))
    elif word[0] == "*":
        found["gain"] = number(protocol, text, word, word[1:])
    elif word[0] in "+-":
        found["offset"] = number(protocol, text, word, word)
    else:
        return False
    return True


def number(protocol: str, text: str, word: str, digits: str) -> float:
    """A finite number. Raises InputError naming the word of the address it should stand in."""
    try:
        value = float(digits)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            "{protocol} address {address!r}: {found!r} has no number where one is expected",
            protocol=protocol,
            address=text,
            found=word,
        )
    return value
