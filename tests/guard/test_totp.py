"""Codes against the vectors of RFC 4226 (appendix D) and RFC 6238 (appendix B), and against their use a second time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.guard import totp
from anlan.model.clock import SECOND

SEED = b"12345678901234567890"
SEEDS = {"sha1": SEED, "sha256": SEED + b"123456789012", "sha512": (SEED * 4)[:64]}
RFC_4226 = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
RFC_6238 = [
    (59, "sha1", "94287082"), (59, "sha256", "46119246"), (59, "sha512", "90693936"),
    (1111111109, "sha1", "07081804"), (1111111109, "sha256", "68084774"), (1111111109, "sha512", "25091201"),
    (1111111111, "sha1", "14050471"), (1111111111, "sha256", "67062674"), (1111111111, "sha512", "99943326"),
    (1234567890, "sha1", "89005924"), (1234567890, "sha256", "91819424"), (1234567890, "sha512", "93441116"),
    (2000000000, "sha1", "69279037"), (2000000000, "sha256", "90698825"), (2000000000, "sha512", "38618901"),
    (20000000000, "sha1", "65353130"), (20000000000, "sha256", "77737706"), (20000000000, "sha512", "47863826"),
]  # fmt: skip


@pytest.mark.parametrize(("counter", "code"), list(enumerate(RFC_4226)))
def test_the_vectors_of_rfc_4226(counter: int, code: str) -> None:
    assert totp.code(SEED, counter) == code


@pytest.mark.parametrize(("seconds", "digest", "code"), RFC_6238)
def test_the_vectors_of_rfc_6238(seconds: int, digest: str, code: str) -> None:
    assert totp.code(SEEDS[digest], totp.step_of(seconds * SECOND), digits=8, digest=digest) == code


@given(seconds=st.integers(0, 1 << 34), off=st.integers(-5, 5))
def test_a_phone_may_be_a_step_off_and_no_more(seconds: int, off: int) -> None:
    now, step = seconds * SECOND + 10**9 * SECOND, totp.step_of(seconds * SECOND + 10**9 * SECOND)
    found = totp.matching_step(SEED, totp.code(SEED, step + off), now, after=0)
    near = {totp.code(SEED, step + one): step + one for one in (-1, 0, 1)}
    assert found == near.get(totp.code(SEED, step + off))


@pytest.mark.parametrize("given_code", ["", "12345", "1234567", "abcdef", "٠٨١٨٠٤", "-81804", " 081804", "0x1389"])
def test_what_is_no_code_fits_nothing(given_code: str) -> None:
    assert totp.matching_step(SEED, given_code, 1111111109 * SECOND, after=0) is None


def test_a_step_that_was_used_and_those_before_it_fit_no_more() -> None:
    now = 1_767_225_600 * SECOND
    step = totp.step_of(now)
    assert totp.matching_step(SEED, totp.code(SEED, step), now, after=step - 1) == step
    assert totp.matching_step(SEED, totp.code(SEED, step), now, after=step) is None
    assert totp.matching_step(SEED, totp.code(SEED, step - 1), now, after=step) is None
    assert totp.matching_step(SEED, totp.code(SEED, step + 1), now, after=step) == step + 1


def test_what_the_phone_scans() -> None:
    uri = totp.uri(SEED, "wang.li", "安澜 华澜")
    assert uri.startswith(
        "otpauth://totp/%E5%AE%89%E6%BE%9C%20%E5%8D%8E%E6%BE%9C%3Awang.li?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"
    )
    assert "algorithm=SHA1&digits=6&period=30" in uri
    assert totp.secret_text(SEED) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    assert len({totp.new_secret() for _ in range(100)}) == 100
