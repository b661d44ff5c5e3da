"""Certificates of the OPC UA client, under the node's `pki/`: our own, those we trust, and those we refused.

pki/own/client.der  client.key.pem    made on first use; give the first to the server's administrator
pki/trusted/*.der *.pem               servers (or the authorities that sign them) we believe everywhere: put here by hand, at the machine
pki/trusted_at/HOST_PORT/*.der *.pem  servers we believe at this address alone: what a person trusted who looked at a device
pki/rejected/NAME.der                 a server we met and did not know: look at it, then move it to trusted/

Trust given through the console is no more than what the person looked at: who may add a new device must not thereby say who answers
for a gas detector. It is the certificate itself that is believed there; as an authority it counts for nothing.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import socket
from pathlib import Path
from urllib.parse import quote, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anlan.model.clock import Clock, to_datetime
from anlan.model.errors import DriverError

DAYS = 3650
PORT = 4840
"""Where an address names none."""
REJECTED_KEPT = 50
"""Of refused servers, the newest: one that shows another certificate each time fills no disk."""


def own(folder: Path, application_uri: str, clock: Clock, name: str = "client") -> tuple[Path, Path]:
    """(certificate, key) of ours in `folder/own`, made now if they are not there. The key is readable by its owner only."""
    certificate, key = folder / "own" / f"{name}.der", folder / "own" / f"{name}.key.pem"
    if not (certificate.exists() and key.exists()):
        (folder / "own").mkdir(parents=True, exist_ok=True)
        private = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        key.touch(mode=0o600)
        key.write_bytes(
            private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        certificate.write_bytes(_signed(private, application_uri, clock).public_bytes(serialization.Encoding.DER))
    return certificate, key


def _signed(private: rsa.RSAPrivateKey, application_uri: str, clock: Clock) -> x509.Certificate:
    """A self-signed application certificate by Part 6, 6.2.2: its URI names the application, both ends may use it."""
    host = socket.gethostname()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Anlan"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, host)])
    start = to_datetime(clock.now())
    key_usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True, key_agreement=False,
        key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    others = [
        x509.UniformResourceIdentifier(application_uri),
        x509.DNSName(host),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - datetime.timedelta(days=1))
        .not_valid_after(start + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(others), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )


def address_of(url: str) -> str:
    """host:port of opc.tcp://host:port/path, to which trust is bound. Raises ValueError for a port that is none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"[{host}]:{parts.port or PORT}" if ":" in host else f"{host}:{parts.port or PORT}"


def believe(folder: Path, server: bytes, clock: Clock, *, at: str, first: bool) -> None:
    """Return if the server's certificate (DER) is trusted at the address `at` and in date; else keep it under rejected/ and raise DriverError.

    `first`: when nothing at all is trusted there yet, trust this one there from now on. Never the default: whoever answers first would
    be believed.
    """
    certificate = x509.load_der_x509_certificate(server)
    _in_date(certificate, clock)
    everywhere, here = _held(folder / "trusted"), _held(_folder_at(folder, at))
    if _is_among(certificate, everywhere, here):
        return
    if first and not everywhere and not here:
        trust(folder, server, at=at)
        return
    path = folder / "rejected" / _name_of(server)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(server)
    _prune(path.parent)
    raise DriverError(
        "the server's certificate ({subject}) is not trusted; if it is the right one, move {path} to {trusted}",
        subject=certificate.subject.rfc4514_string(), path=str(path), trusted=str(folder / "trusted"),
    )  # fmt: skip


def is_trusted(folder: Path, server: bytes, clock: Clock, *, at: str) -> bool:
    """Whether `believe` would return, without keeping anything."""
    certificate = x509.load_der_x509_certificate(server)
    try:
        _in_date(certificate, clock)
        return _is_among(certificate, _held(folder / "trusted"), _held(_folder_at(folder, at)))
    except DriverError:
        return False


def trust(folder: Path, server: bytes, *, at: str) -> Path:
    """Believe this certificate (DER) from now on at this address: a person has seen its fingerprint. Returns the file. Raises DriverError for
    what is none: among the trusted ones it would keep the source from connecting."""
    try:
        x509.load_der_x509_certificate(server)
    except ValueError as wrong:
        raise DriverError("the server's certificate cannot be read: {why}", why=str(wrong)) from wrong
    name = _name_of(server)
    path, part = _folder_at(folder, at) / name, folder / f"{name}.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(server)  # outside the folder whose files are all read
    part.replace(path)
    (folder / "rejected" / name).unlink(missing_ok=True)
    return path


def _folder_at(folder: Path, at: str) -> Path:
    """`plc.works:4840` → `trusted_at/plc.works_4840`; what else stands in a host is written as in a URL, an overlong one by its hash."""
    host, _, port = at.rpartition(":")
    name = quote(host.lower(), safe="")
    return folder / "trusted_at" / f"{name if len(name) <= 200 else hashlib.sha256(name.encode()).hexdigest()}_{port}"


def _name_of(server: bytes) -> str:
    return f"{hashlib.sha256(server).hexdigest()[:16]}.der"


def _held(folder: Path) -> list[x509.Certificate]:
    return [one for path in sorted(folder.glob("*")) for one in _load(path)]


def _is_among(certificate: x509.Certificate, everywhere: list[x509.Certificate], here: list[x509.Certificate]) -> bool:
    return certificate in here or any(one == certificate or _issued(certificate, one) for one in everywhere)


def _prune(rejected: Path) -> None:
    oldest_first = sorted(rejected.glob("*.der"), key=lambda path: path.stat().st_mtime_ns)
    for path in oldest_first[:-REJECTED_KEPT]:
        path.unlink(missing_ok=True)


def _in_date(certificate: x509.Certificate, clock: Clock) -> None:
    now = to_datetime(clock.now())
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise DriverError(
            "the server's certificate is valid from {start} to {end} only",
            start=certificate.not_valid_before_utc.date().isoformat(), end=certificate.not_valid_after_utc.date().isoformat(),
        )  # fmt: skip


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _load(path: Path) -> list[x509.Certificate]:
    """The certificates in a .der or .pem file; a file that is none is named, not skipped: somebody meant it to be trusted."""
    data = path.read_bytes()
    try:
        return x509.load_pem_x509_certificates(data) if b"-----BEGIN" in data else [x509.load_der_x509_certificate(data)]
    except ValueError as error:
        raise DriverError("{path} is not a certificate: {why}", path=str(path), why=str(error)) from error
