"""Signed heads: what the node vouches for, "my audit record had `size` leaves under `root` at this moment", by Ed25519.

    key = SigningKey.open(folder / "audit.key")           # made at the first start, 0600; `audit.pub` beside it is for everybody
    head = key.sign(size=1042, root=tree.root(), at=clock.now())
    verify_head(head, public_key(Path("audit.pub")))      # raises BadHead

What is signed is five lines of text, so that anybody with openssl and the public key can check a head without this program (docs/audit.md).
`log` names the record: SHA-256 of the public key (DER), as a log's id is in RFC 6962 §3.2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard.records import AuditHead
from anlan.model.clock import Micros
from anlan.model.errors import ConfigError, Corrupt
from anlan.store.disk import Disk

CONTEXT = "anlan-audit-head/1"
"""First of the signed lines: a signature of this key under anything else is none of a head."""
PUBLIC_SUFFIX = ".pub"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


class BadHead(Corrupt):
    """A head that this key did not sign, or that was changed since."""


@dataclass(frozen=True, slots=True)
class Head:
    """`at` µs UTC, `root` 32 bytes, `signature` 64 bytes."""

    log: str
    size: int
    root: bytes
    at: Micros
    signature: bytes = b""

    def signed_text(self) -> bytes:
        return f"{CONTEXT}\n{self.log}\n{self.size}\n{self.root.hex()}\n{self.at}\n".encode()

    def as_json(self) -> dict[str, Any]:
        signature = base64.b64encode(self.signature).decode()
        return {"log": self.log, "size": self.size, "root": self.root.hex(), "at": self.at, "signature": signature}

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> Head:
        """Raises BadHead for what is not of the form."""
        try:
            root, signature = bytes.fromhex(told["root"]), base64.b64decode(told["signature"], validate=True)
            head = cls(str(told["log"]), int(told["size"]), root, int(told["at"]), signature)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise BadHead("a signed head was expected: log, size, root, at, signature; {why}", why=str(error)) from error
        if len(head.root) != 32 or head.size < 1:
            raise BadHead("a head has a root of 32 bytes over at least one leaf")
        return head

    @classmethod
    def of_row(cls, row: AuditHead) -> Head:
        return cls(row.log, row.size, row.root, row.at, row.signature)

    def as_row(self) -> AuditHead:
        return AuditHead(size=self.size, at=self.at, root=self.root, log=self.log, signature=self.signature)


class SigningKey:
    """The node's audit key. Nothing prints or copies its private half."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()
        self.log = log_id(self.public)

    @classmethod
    def open(cls, file: Path, *, make: bool) -> SigningKey:
        """`make`: when there is none yet. Raises ConfigError for a file that others may read, that is missing or no Ed25519 key."""
        if make and not file.exists():
            _make(file)
        return cls(_read_private(file))

    def sign(self, size: int, root: bytes, at: Micros) -> Head:
        head = Head(self.log, size, root, at)
        return Head(self.log, size, root, at, self._private.sign(head.signed_text()))

    def public_pem(self) -> str:
        return public_pem(self.public)


def verify_head(head: Head, key: Ed25519PublicKey) -> None:
    """Raises BadHead."""
    if head.log != log_id(key):
        raise BadHead(
            "the head of {size} leaves was signed by the key of record {found}…; that of {log}… was expected",
            size=head.size,
            found=head.log[:16],
            log=log_id(key)[:16],
        )
    try:
        key.verify(head.signature, head.signed_text())
    except InvalidSignature as error:
        raise BadHead("the signature of the head of {size} leaves is not of this key", size=head.size) from error


def public_key(file: Path) -> Ed25519PublicKey:
    """From a PEM file. Raises ConfigError."""
    return public_key_of(_read(file, "there is no such file; the audit record's public key (PEM) was expected here"), str(file))


def public_key_of(pem: bytes, file: str) -> Ed25519PublicKey:
    """Raises ConfigError; `file` is where it says it was."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise ConfigError("this is no public key in PEM form (-----BEGIN PUBLIC KEY-----)", file=file) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError("this key is not of Ed25519, as audit keys are", file=file)
    return key


def public_pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def log_id(key: Ed25519PublicKey) -> str:
    """64 hexadecimal digits."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def public_file(key_file: Path) -> Path:
    return key_file.with_suffix(PUBLIC_SUFFIX)


def heads(session: Session) -> list[Head]:
    """The record's own, by size."""
    columns = select(AuditHead.log, AuditHead.size, AuditHead.root, AuditHead.at, AuditHead.signature).order_by(AuditHead.size)
    return [Head(*row) for row in session.execute(columns)]


def last_head(session: Session) -> Head | None:
    row = session.scalars(select(AuditHead).order_by(AuditHead.size.desc()).limit(1)).first()
    return Head.of_row(row) if row is not None else None


def heads_after(session: Session, size: int, limit: int) -> list[Head]:
    newer = select(AuditHead).where(AuditHead.size > size).order_by(AuditHead.size).limit(limit)
    return [Head.of_row(row) for row in session.scalars(newer)]


def heads_before(session: Session, size: int | None, limit: int) -> list[Head]:
    """Newest first; None: from the newest on."""
    older = select(AuditHead).order_by(AuditHead.size.desc()).limit(limit)
    return [Head.of_row(row) for row in session.scalars(older if size is None else older.where(AuditHead.size < size))]


def _make(file: Path) -> None:
    """Whole and durable or not at all; readable by nobody else from the first byte on."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        Disk().write_whole(public_file(file), public_pem(private.public_key()).encode())
        part = file.with_name(file.name + ".part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(pem)
            opened.flush()
            os.fsync(opened.fileno())
        part.rename(file)
        Disk().sync_folder(file.parent)
    except OSError as error:
        raise ConfigError("the audit record's key cannot be made: {why}", file=str(file), why=error.strerror or "") from error


def _read_private(file: Path) -> Ed25519PrivateKey:
    pem = _read(
        file, "the audit record's key is gone: heads are no longer signed", mend="bring it back from where you keep a copy"
    )
    mode = file.stat().st_mode
    if mode & OTHERS:
        raise ConfigError(
            "others may read or write the audit record's key: its mode is {mode}, 600 was expected",
            file=str(file),
            mode=f"{stat.S_IMODE(mode):o}",
            mend="chmod 600; if somebody may have copied it, what was signed since proves nothing against them",
        )
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError(
            "this is no private key in PEM form without a password (-----BEGIN PRIVATE KEY-----)", file=str(file)
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError("this key is not of Ed25519, as audit keys are", file=str(file))
    return key


def _read(file: Path, missing: str, *, mend: str = "") -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(missing, file=str(file), mend=mend) from error
    except OSError as error:
        raise ConfigError("this file cannot be read: {why}", file=str(file), why=error.strerror or "") from error
