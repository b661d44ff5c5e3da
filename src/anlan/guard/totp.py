"""Time-based one-time passwords: RFC 6238 on RFC 4226, with the parameters that every authenticator app takes: SHA-1, 6 digits, 30 s.

    secret = new_secret()
    step = matching_step(secret, "492039", now, after=last_step)     # None: wrong, or used already

A step once used is never taken again (RFC 6238 §5.2): whoever reads a code over a shoulder can't use it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, urlencode

from anlan.model.clock import SECOND, Micros

PERIOD = 30
DIGITS = 6
WINDOW = 1
"""Steps that a phone's clock may be off, either way (RFC 6238 §5.2 advises one)."""
SECRET_BYTES = 20
"""RFC 4226 §4 R6: 160 bits."""


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def step_of(now: Micros) -> int:
    return now // SECOND // PERIOD


def code(secret: bytes, step: int, *, digits: int = DIGITS, digest: str = "sha1") -> str:
    """RFC 4226 §5.3: HMAC over the step as 8 bytes, dynamic truncation, the last `digits` decimal digits."""
    mac = hmac.new(secret, step.to_bytes(8, "big"), getattr(hashlib, digest)).digest()
    offset = mac[-1] & 0xF
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, given: str, now: Micros, *, after: int) -> int | None:
    """The step whose code `given` is, within the window and later than `after`; all of them are compared, whichever fits."""
    found = None
    for step in range(step_of(now) - WINDOW, step_of(now) + WINDOW + 1):
        fits = hmac.compare_digest(code(secret, step).encode(), given.encode("utf-8", "replace"))
        found = step if fits and step > after else found
    return found


def secret_text(secret: bytes) -> str:
    """Base32 as people type it, in fours: "GEZD GNBV …"."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def uri(secret: bytes, account: str, issuer: str) -> str:
    """What the QR code holds (Google Authenticator's key URI format)."""
    label = quote(f"{issuer}:{account}", safe="")
    facts = {"secret": base64.b32encode(secret).decode().rstrip("="), "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": PERIOD}  # fmt: skip
    return f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"
