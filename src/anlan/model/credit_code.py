"""The unified social credit code (统一社会信用代码, GB 32100-2015) and the organisation code inside it (GB 11714-1997).

    9 1 320582 MA1XXXXXX C     1 who registers · 2 kind of body · 3–8 region of registration · 9–17 organisation code · 18 check

Check digit of the whole: C18 = 31 − Σ Cᵢ · 3^(i−1) mod 31 over 31 characters (no I, O, S, V, Z). Check digit of the organisation
code: C9 = 11 − Σ Cᵢ · Wᵢ mod 11, written X for 10 and 0 for 11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from anlan.model.errors import InputError
from anlan.model.regions import was_region

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015 table 2: the 31 characters in the order of their values."""

ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
"""GB 11714-1997, Wᵢ for i = 1 … 8."""


@dataclass(frozen=True, slots=True)
class CreditCode:
    """A code whose two check digits hold."""

    text: str

    @property
    def region(self) -> str:
        """The region of registration as it was then; it may have been withdrawn since."""
        return self.text[2:8]

    @property
    def organisation(self) -> str:
        """The nine characters of the organisation code."""
        return self.text[8:17]


def credit_code(text: str) -> CreditCode:
    """Read a code; spaces and small letters are forgiven. Raises InputError saying which part does not hold."""
    code = "".join(text.split()).upper()
    _check_characters(code)
    _check("credit code {code}: the last character should be {right}, not {found}", code, code[17], check_character(code[:17]))
    organisation = code[8:17]
    right = organisation_check(organisation[:8])
    _check(
        "credit code {code}: character 17, the check of the organisation code, should be {right}, not {found}",
        code,
        organisation[8],
        right,
    )
    if was_region(code[2:8]) is None:
        raise InputError("credit code {code}: {region} in characters 3–8 is no region of GB/T 2260", code=code, region=code[2:8])
    return CreditCode(code)


def check_character(first17: str) -> str:
    """C18 of GB 32100-2015."""
    total = sum(ALPHABET.index(character) * pow(3, i, 31) for i, character in enumerate(first17))
    return ALPHABET[-total % 31]


def organisation_check(first8: str) -> str:
    """C9 of GB 11714-1997; letters count from A = 10."""
    total = sum(int(character, 36) * weight for character, weight in zip(first8, ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X"[-total % 11]


def _check(message: str, code: str, found: str, right: str) -> None:
    if found != right:
        raise InputError(message, code=code, found=found, right=right)


def _check_characters(code: str) -> None:
    if len(code) != 18:
        raise InputError("credit code {code} has {found} characters; 18 were expected", code=code, found=len(code))
    wrong = re.search(f"[^{ALPHABET}]", code)
    if wrong:
        raise InputError("credit code {code}: the character {found} does not occur in such codes", code=code, found=wrong.group())
    if not re.fullmatch(r"[0-9]{6}", code[2:8]):
        raise InputError(
            "credit code {code}: characters 3–8 should be the six digits of a region, not {found}", code=code, found=code[2:8]
        )
