"""Passwords: argon2id (RFC 9106 §4, second recommended option: 64 MiB, 3 passes, 4 lanes), policy and one-time passwords.

Hashing takes tens of milliseconds and 64 MiB by design, so it runs in two worker threads of its own: a flood of sign-ins can take
neither the event loop nor the memory.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from anlan.model.errors import InputError

SHORTEST = 8
LONGEST = 128
"""ASVS 5.0 §6.2: at least 8 characters, at least 64 accepted; a bound keeps hashing an attack text cheap."""

ONE_TIME_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""No 0/o, 1/l/i: it's read from a terminal and typed by hand. 16 characters of it are 79 bits."""

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_workers = ThreadPoolExecutor(2, thread_name_prefix="argon2")
_T = TypeVar("_T")


async def in_worker(call: Callable[[], _T]) -> _T:
    """Run a hashing call off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_workers, call)


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether `password` is the stored one. For an unknown account (None) a decoy is hashed, so that it takes the same time."""
    try:
        return _hasher.verify(stored if stored is not None else _decoy(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def check_policy(password: str, account: str) -> None:
    """Raises InputError with what would be right; no rules on character classes (ASVS 5.0 §6.2.5)."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            "the password has {found} characters; {least} to {most} are needed", found=len(password), least=SHORTEST, most=LONGEST
        )
    if account.casefold() in password.casefold() or len(set(password)) < 4:
        raise InputError(
            "the password is too easy to guess: it contains the account's name, or fewer than four different characters"
        )


def one_time_password() -> str:
    """A fresh random one, e.g. `kx3m-7fqd-w2hp-9vtr`."""
    text = "".join(secrets.choice(ONE_TIME_ALPHABET) for _ in range(16))
    return "-".join(text[i : i + 4] for i in range(0, 16, 4))


@cache
def _decoy() -> str:
    return _hasher.hash(secrets.token_hex(16))
