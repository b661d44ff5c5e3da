"""Passwords: argon2id (RFC 9106 §4, second recommended option: 64 MiB, 3 passes, 4 lanes) and one-time passwords.

Hashing takes tens of milliseconds and 64 MiB by design, so it runs in worker threads of its own, one for people on known devices and one
for strangers: a flood of guesses takes neither the event loop nor the memory, and stands in nobody's way.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret_raw
from argon2.profiles import RFC_9106_LOW_MEMORY

ONE_TIME_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""No 0/o, 1/l/i: it's read from a terminal and typed by hand. 16 characters of it are 79 bits."""

STRANGERS_NICE = 15


def _stand_back() -> None:
    """Of this thread, and of the lanes that argon2 starts from it: whoever guesses waits for everybody else, not the other way round."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), STRANGERS_NICE)


_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_known = ThreadPoolExecutor(1, thread_name_prefix="argon2")
_strangers = ThreadPoolExecutor(1, thread_name_prefix="argon2-strangers", initializer=_stand_back)
_T = TypeVar("_T")


async def in_worker(call: Callable[[], _T], *, stranger: bool = False) -> _T:
    """Run a hashing call off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_strangers if stranger else _known, call)


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether `password` is the stored one. For an unknown account (None) a decoy is hashed, so that it takes the same time."""
    try:
        return _hasher.verify(stored if stored is not None else _decoy(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def digest(content: bytes, salt: bytes) -> bytes:
    """32 bytes by which content that holds a password is known again, as dear to guess as the stored password."""
    parameters = RFC_9106_LOW_MEMORY
    return hash_secret_raw(
        content,
        hashlib.sha256(salt).digest()[:16],
        parameters.time_cost,
        parameters.memory_cost,
        parameters.parallelism,
        32,
        Type.ID,
    )


def one_time_password() -> str:
    """A fresh random one, e.g. `kx3m-7fqd-w2hp-9vtr`."""
    text = "".join(secrets.choice(ONE_TIME_ALPHABET) for _ in range(16))
    return "-".join(text[i : i + 4] for i in range(0, 16, 4))


@cache
def _decoy() -> str:
    return _hasher.hash(secrets.token_hex(16))
