"""The node's key for secrets that must be read again, such as the one a phone's codes are made from: kept apart from the records, so that
a copy of records.db alone opens nothing.

    vault = Vault.open(folder / "keys" / "vault.key")     # made at the first start, mode 0600; refused if others may read it
    vault = Vault.shut(error)                              # opens and seals nothing, and says so: what needs no secret goes on
    sealed = vault.seal(secret, b"person 019b…")           # AES-256-GCM; opens only with the same second argument
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from anlan.model.errors import AnlanError, StoreError

NONCE = 12


class Vault:
    def __init__(self, key: bytes | None, fault: AnlanError | None = None) -> None:
        self._cipher = AESGCM(key) if key is not None else None
        self.fault = fault
        """Why it is shut."""

    @classmethod
    def open(cls, path: Path, *, make: bool = True) -> Vault:
        """`make`: a key where there is none; not where something is sealed already. Raises StoreError: not to be read or made, missing,
        readable by others, or no key."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                if not make:
                    raise StoreError(
                        "the key {path} is missing, and second factors are sealed by it: put it back", path=str(path)
                    )
                _make(path)
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise StoreError("the key {path} may be read by others; its mode must be 0600", path=str(path))
            key = path.read_bytes()
        except OSError as error:
            raise StoreError("the key {path} cannot be read or made: {why}", path=str(path), why=str(error.strerror)) from error
        if len(key) != 32:
            raise StoreError("the key {path} has {found} bytes; 32 were expected", path=str(path), found=len(key))
        return cls(key)

    @classmethod
    def shut(cls, fault: AnlanError) -> Vault:
        return cls(None, fault)

    @classmethod
    def in_memory(cls) -> Vault:
        """For tests, and for commands that seal nothing: what it seals nobody opens later."""
        return cls(secrets.token_bytes(32))

    def seal(self, secret: bytes, belongs_to: bytes) -> bytes:
        """Raises StoreError when shut."""
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._open().encrypt(nonce, secret, belongs_to)

    def unseal(self, sealed: bytes, belongs_to: bytes) -> bytes:
        """Raises StoreError when it was sealed by another key, for something else, or changed, and when shut."""
        cipher = self._open()
        try:
            return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], belongs_to)
        except InvalidTag as error:
            raise StoreError("a sealed secret does not open with this node's key: was the key replaced?") from error

    def opens(self, sealed: bytes, belongs_to: bytes) -> bool:
        try:
            self.unseal(sealed, belongs_to)
        except StoreError:
            return False
        return True

    def _open(self) -> AESGCM:
        if self._cipher is None:
            raise StoreError(
                "the node's key for second factors does not open: codes of the phone are unknown to it, those on paper count"
            )
        return self._cipher


def _make(path: Path) -> None:
    part = path.with_suffix(".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
