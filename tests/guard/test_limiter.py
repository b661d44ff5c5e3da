"""T18: a hundred thousand tries get nobody in and lock nobody out."""

from __future__ import annotations

import random
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.guard.limiter import KEPT, WINDOW, Origin, TooManyTries, TryLimiter
from anlan.model.clock import MINUTE, SECOND, ManualClock

TRIES = 100_000
MOST = 10


def passes(limiter: TryLimiter, origin: Origin) -> bool:
    """Whether the password of this try would be looked at."""
    try:
        limiter.attempt(origin)
    except TooManyTries:
        return False
    return True


def most_within(instants: list[int], span: int) -> int:
    """The largest number of them in any span."""
    return max((n - bisect_left(instants, instant - span + 1) + 1 for n, instant in enumerate(instants)), default=0)


@pytest.mark.slow
@pytest.mark.parametrize("addresses", [1, 10, 1_000, 100_000])
@pytest.mark.parametrize("known", [0.0, 0.5])
def test_a_hundred_thousand_tries_are_ten_in_any_quarter_of_an_hour(addresses: int, known: float) -> None:
    """From any number of addresses, some of them the person's own, mixed with made-up accounts that would push out the counts."""
    clock, dice = ManualClock(), random.Random(18)
    limiter, looked_at, locked_out = TryLimiter(clock), [], 0
    for n in range(TRIES):
        clock.advance(2 * SECOND)
        address = f"a{dice.randrange(addresses)}"
        if passes(limiter, Origin("gas", address, known_address=dice.random() < known)):
            looked_at.append(clock.now())
        passes(limiter, Origin(f"made-up-{n}", f"b{n}", exists=False))
        if n % 100 == 0:
            own = Origin("gas", "a0", device="the console's", known_address=True)
            locked_out += not passes(limiter, own)
            limiter.succeeded(own)
    assert 0 < most_within(looked_at, WINDOW) <= MOST
    assert locked_out == 0


@pytest.mark.slow
def test_nobody_is_locked_out_by_one_who_tries_everybody() -> None:
    clock = ManualClock()
    limiter, accounts = TryLimiter(clock), [f"person-{n}" for n in range(200)]
    for n in range(TRIES):
        passes(limiter, Origin(accounts[n % 200], f"a{n % 5_000}"))
    refused = [one for one in accounts if not passes(limiter, Origin(one, "a1", device=f"browser of {one}"))]
    assert refused == []
    assert [one for one in accounts if passes(limiter, Origin(one, "elsewhere", known_address=True))] == accounts[:50], (
        "an address has 50"
    )
    assert not any(passes(limiter, Origin(one, "stranger")) for one in accounts)


def test_a_stolen_device_is_counted_by_itself() -> None:
    limiter = TryLimiter(ManualClock())
    stolen, own = Origin("gas", "x", device="stolen"), Origin("gas", "y", device="own")
    assert sum(passes(limiter, stolen) for _ in range(1_000)) == 10
    assert passes(limiter, own)
    assert passes(limiter, Origin("tanks", "x", device="stolen")), "it is a count of the account too"


def test_after_a_quarter_of_an_hour_one_may_try_again() -> None:
    clock = ManualClock()
    limiter, origin = TryLimiter(clock), Origin("gas", "10.0.0.1")
    assert sum(passes(limiter, origin) for _ in range(20)) == 5
    with pytest.raises(TooManyTries) as refusal:
        limiter.attempt(origin)
    assert refusal.value.facts["seconds"] == WINDOW // SECOND + 1
    clock.advance(refusal.value.facts["seconds"] * SECOND)
    limiter.attempt(origin)


def test_signing_in_rightly_is_no_failure() -> None:
    limiter = TryLimiter(ManualClock())
    for origin in (Origin("gas", "a"), Origin("gas", "a", known_address=True), Origin("gas", "a", device="d")):
        for _ in range(100):
            limiter.attempt(origin)
            limiter.succeeded(origin)


def test_slips_at_the_own_device_are_forgiven_a_strangers_are_not() -> None:
    limiter = TryLimiter(ManualClock())
    own, stranger = Origin("gas", "a", device="d"), Origin("gas", "z")
    for origin in (own, stranger):
        while passes(limiter, origin):
            pass
    limiter.succeeded(own)
    assert passes(limiter, own)
    assert not passes(limiter, stranger)


def test_made_up_accounts_fill_no_memory_and_push_out_no_real_count() -> None:
    limiter = TryLimiter(ManualClock())
    while passes(limiter, Origin("gas", "z")):
        pass
    for n in range(KEPT + 10):
        passes(limiter, Origin(f"made-up-{n}", f"a{n}", exists=False))
    assert len(limiter._made_up) <= KEPT
    assert not passes(limiter, Origin("gas", "y"))


@given(st.lists(st.tuples(st.integers(0, 20 * MINUTE), st.sampled_from("abc"), st.booleans()), max_size=120))
def test_never_more_than_ten_in_a_quarter_of_an_hour(tries: list[tuple[int, str, bool]]) -> None:
    clock = ManualClock()
    limiter, looked_at = TryLimiter(clock), []
    for pause, address, known in tries:
        clock.advance(pause % (3 * MINUTE))
        if passes(limiter, Origin("gas", address, known_address=known)):
            looked_at.append(clock.now())
    assert most_within(looked_at, WINDOW) <= MOST


def test_the_checker_finds_eleven() -> None:
    assert most_within([n * MINUTE for n in range(11)], WINDOW) == 11
    assert most_within([0, WINDOW], WINDOW) == 1
