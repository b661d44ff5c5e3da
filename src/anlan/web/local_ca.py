"""A certificate authority of the plant's own, for consoles that no public one certifies: made on the node, trusted by its stations.

    made = make(folder, names=["plant.local"], addresses=["10.0.0.5"], now=clock.now())     # tls/ca.pem, ca.key, console.pem
    renew(folder, now=clock.now())                                                          # a new console.pem by the same authority

The authority vouches for the names and addresses of its making and for no others (name constraints, RFC 5280 §4.2.1.10): whoever steals its
key can pretend to be this console, not a bank. `console.pem` has key and certificate in one file, so that a renewal is there whole or not at
all, whatever dies on the way. All keys are ECDSA P-256; files with a key have mode 0600 from the first byte on.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anlan.model.clock import Micros, from_datetime, to_datetime
from anlan.model.errors import ConfigError, InputError
from anlan.store.durable import sync
from anlan.web.listening import Certificate

AUTHORITY, AUTHORITY_KEY, CONSOLE = "ca.pem", "ca.key", "console.pem"
AUTHORITY_YEARS = 10
DAYS, MOST_DAYS = 397, 825
"""What browsers put up with: public authorities stop at 398, Apple refuses any certificate that lasts longer than 825."""
EARLIER = timedelta(hours=1)
"""It begins this much before it is made: the clocks of stations are not all right."""
LOCAL_NAMES = ("localhost",)
LOCAL_ADDRESSES = ("127.0.0.1", "::1")
OTHERS = stat.S_IRWXG | stat.S_IRWXO

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


@dataclass(frozen=True, slots=True)
class Made:
    """What lies in the folder. `fingerprint`: SHA-256 of the authority's certificate, by which a station's owner knows the right one."""

    folder: Path
    authority: x509.Certificate
    console: x509.Certificate

    @property
    def fingerprint(self) -> str:
        return self.authority.fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def names(self) -> list[str]:
        return _alternative(self.console).get_values_for_type(x509.DNSName)

    @property
    def addresses(self) -> list[Address]:
        return [one for one in _alternative(self.console).get_values_for_type(x509.IPAddress) if not hasattr(one, "netmask")]

    @property
    def span(self) -> tuple[Micros, Micros]:
        """Of the console's certificate."""
        return from_datetime(self.console.not_valid_before_utc), from_datetime(self.console.not_valid_after_utc)

    @property
    def authority_ends(self) -> Micros:
        return from_datetime(self.authority.not_valid_after_utc)


def make(
    folder: Path, *, names: Sequence[str], addresses: Sequence[str] = (), now: Micros, days: int = DAYS, plant: str = ""
) -> Made:
    """A new authority and the console's first certificate. Raises InputError; ConfigError when there is one already, or no room."""
    wanted = _names(names, addresses)
    _check_days(days)
    existing = next((folder / name for name in (AUTHORITY, AUTHORITY_KEY, CONSOLE) if (folder / name).exists()), None)
    if existing is not None:
        raise ConfigError(
            "there is an authority already",
            file=str(existing),
            mend="anlan tls renew makes a new certificate by it; to begin anew move the folder away, and bring the new authority to every station",
        )
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(key, wanted, plant or wanted[0][0], now)
    part = folder.with_name(folder.name + ".part")  # all three files or none
    try:
        if part.exists():
            shutil.rmtree(part)
        part.mkdir(mode=0o700, parents=True)
        _write(part / AUTHORITY_KEY, _private(key), 0o600)
        _write(part / AUTHORITY, _pem(authority), 0o644)
        _issue(part, authority, key, wanted, now, days)
        part.replace(folder)
        sync(folder.parent)
    except OSError as error:
        raise ConfigError("it cannot be written: {why}", file=str(error.filename or folder), why=error.strerror or "") from error
    return read(folder)


def renew(folder: Path, *, names: Sequence[str] = (), addresses: Sequence[str] = (), now: Micros, days: int = DAYS) -> Made:
    """A new key and certificate for the console, for the names that it has unless others are given. Raises InputError, ConfigError."""
    _check_days(days)
    before = read(folder)
    key = _authority_key(folder, before.authority)
    wanted = _names(names or before.names, addresses or [str(one) for one in before.addresses])
    _check_within(before.authority, wanted, folder / AUTHORITY)
    if now >= before.authority_ends:
        raise ConfigError(
            "this authority's own time is over: it ended {ended}",
            file=str(folder / AUTHORITY),
            ended=f"{to_datetime(before.authority_ends):%Y-%m-%d}",
            mend="move the folder away, make a new one, and bring it to every station",
        )
    try:
        _issue(folder, before.authority, key, wanted, now, days)
    except OSError as error:
        raise ConfigError("it cannot be written: {why}", file=str(error.filename or folder), why=error.strerror or "") from error
    return read(folder)


def read(folder: Path) -> Made:
    """Raises ConfigError naming the file that is missing, damaged, or does not fit the others."""
    authority = x509.load_pem_x509_certificate(_content(folder / AUTHORITY)) if _is_certificate(folder / AUTHORITY) else None
    if authority is None:
        raise ConfigError("this is no certificate in PEM form (-----BEGIN CERTIFICATE-----)", file=str(folder / AUTHORITY))
    pair = Certificate.read(folder / CONSOLE, folder / CONSOLE)
    console = x509.load_pem_x509_certificates(pair.file.read_bytes())[0]
    try:
        console.verify_directly_issued_by(authority)
    except Exception as error:
        raise ConfigError(
            "this certificate was not made by the authority beside it", file=str(folder / CONSOLE), mend="anlan tls renew"
        ) from error
    return Made(folder, authority, console)


def own_pair(folder: Path) -> Path | None:
    """The file that `anlan up` speaks TLS with when it is told no other; None where none was made."""
    return folder / CONSOLE if (folder / CONSOLE).exists() else None


def _issue(folder: Path, authority: x509.Certificate, signing: Any, wanted: _Wanted, now: Micros, days: int) -> None:
    key, moment = ec.generate_private_key(ec.SECP256R1()), to_datetime(now)
    ends = min(moment + timedelta(days=days), authority.not_valid_after_utc)
    alternative = x509.SubjectAlternativeName([*map(x509.DNSName, wanted[0]), *map(x509.IPAddress, wanted[1])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str([*wanted[0], *wanted[1]][0])[:64])]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(moment - EARLIER, authority.not_valid_before_utc))
        .not_valid_after(ends)
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        .sign(signing, hashes.SHA256())
    )
    _write(folder / CONSOLE, _private(key) + _pem(certificate), 0o600)


def _authority(key: Any, wanted: _Wanted, plant: str, now: Micros) -> x509.Certificate:
    moment = to_datetime(now)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Anlan"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Anlan {plant}"[:64]),
        ]
    )
    # A constraint on one kind of name leaves the other kinds free; loopback, which is always among them, makes sure that there are both.
    permitted = [*map(x509.DNSName, wanted[0]), *(x509.IPAddress(ipaddress.ip_network(one)) for one in wanted[1])]
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(moment - EARLIER)
        .not_valid_after(moment + timedelta(days=AUTHORITY_YEARS * 365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=True), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _usage(*, sign: bool) -> x509.KeyUsage:
    """Of the authority: signing certificates; of the console: signing the handshake."""
    return x509.KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


# ---- names


_Wanted = tuple[list[str], list[Address]]


def _names(names: Sequence[str], addresses: Sequence[str]) -> _Wanted:
    """As they are certified, those of the machine itself behind them; the first one given stays the first. Raises InputError."""
    if not names and not addresses:
        raise InputError("by which name or address do people reach the console? --name or --address was expected")
    found_names = dict.fromkeys([_name(one) for one in names] + list(LOCAL_NAMES))
    found_addresses = dict.fromkeys([_address(one) for one in addresses] + [ipaddress.ip_address(one) for one in LOCAL_ADDRESSES])
    return list(found_names), list(found_addresses)


def _name(text: str) -> str:
    try:
        found = text.strip().encode("idna").decode().lower().rstrip(".")
    except UnicodeError:
        found = ""
    if _is_address(found):
        raise InputError("--name {found}: this is an address; --address {found} was expected", found=text[:100])
    if not found or len(found) > 253 or not all(_LABEL.fullmatch(label) for label in found.split(".")):
        raise InputError("--name {found}: a host's name was expected, for example plant.local", found=text[:100])
    return found


def _address(text: str) -> Address:
    try:
        found = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError as error:
        raise InputError("--address {found}: an IP address was expected, for example 10.0.0.5", found=text[:100]) from error
    if found.is_unspecified or found.is_multicast:
        raise InputError(
            "--address {found}: nobody reaches a console there; the address that stations connect to was expected",
            found=text[:100],
        )
    return found


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _check_within(authority: x509.Certificate, wanted: _Wanted, file: Path) -> None:
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    names = {one.value for one in constraints if isinstance(one, x509.DNSName)}
    networks = {str(one.value) for one in constraints if isinstance(one, x509.IPAddress)}
    # Below a name that it vouches for it vouches for all.
    beyond = [one for one in wanted[0] if not any(one == name or one.endswith("." + name) for name in names)]
    beyond += [str(one) for one in wanted[1] if str(ipaddress.ip_network(one)) not in networks]
    if beyond:
        raise ConfigError(
            "this authority does not vouch for {beyond}, only for what it was made for: {known}",
            file=str(file),
            beyond=", ".join(beyond),
            known=", ".join(sorted(names) + sorted(one.split("/")[0] for one in networks)),
            mend="move the folder away, make a new one, and bring it to every station",
        )


def _check_days(days: int) -> None:
    if not 1 <= days <= MOST_DAYS:
        raise InputError("--days {found}: 1 to {most} were expected; browsers refuse more", found=days, most=MOST_DAYS)


# ---- files


def _authority_key(folder: Path, authority: x509.Certificate) -> Any:
    file = folder / AUTHORITY_KEY
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise ConfigError(
            "the authority's key is not there: without it nothing is renewed",
            file=str(file),
            mend="bring it back from where you keep it",
        ) from error
    if mode & OTHERS:
        raise ConfigError(
            "others may read or write the authority's key: its mode is {mode}, 600 was expected",
            file=str(file),
            mode=f"{mode:o}",
            mend="chmod 600; if somebody may have copied it, make a new authority",
        )
    try:
        key: Any = serialization.load_pem_private_key(_content(file), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError("this is no private key in PEM form (-----BEGIN PRIVATE KEY-----)", file=str(file)) from error
    if key.public_key() != authority.public_key():
        raise ConfigError("this key is not the one of the authority beside it", file=str(file))
    return key


def _is_certificate(file: Path) -> bool:
    try:
        x509.load_pem_x509_certificate(_content(file))
    except ValueError:
        return False
    return True


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError("there is no such file", file=str(file), mend="anlan tls make") from error
    except OSError as error:
        raise ConfigError("this file cannot be read: {why}", file=str(file), why=error.strerror or "") from error


def _write(file: Path, content: bytes, mode: int) -> None:
    """Whole and durable, or as it was."""
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    part.replace(file)
    sync(file.parent)


def _private(key: Any) -> bytes:
    found: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return found


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _alternative(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
