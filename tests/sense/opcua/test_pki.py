"""Certificates: ours is made once, servers are believed only by name or by their authority."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from anlan.model.clock import DAY, ManualClock, SystemClock
from anlan.model.errors import DriverError
from anlan.sense.opcua import pki

URI = "urn:test:server"
HERE = "192.0.2.7:4840"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    certificate, _ = pki.own(tmp_path_factory.mktemp("server"), URI, SystemClock())
    return certificate.read_bytes()


def signed_by_an_authority() -> tuple[bytes, bytes]:
    """(authority, server), DER."""
    now = datetime.datetime.now(datetime.UTC)
    key, name = rsa.generate_private_key(65_537, 2048), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "works CA")])
    begin = x509.CertificateBuilder().issuer_name(name).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9))
    ca = begin.subject_name(name).public_key(key.public_key()).serial_number(1).sign(key, hashes.SHA256())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plc")])
    other = rsa.generate_private_key(65_537, 2048)
    leaf = begin.subject_name(subject).public_key(other.public_key()).serial_number(2).sign(key, hashes.SHA256())
    return ca.public_bytes(serialization.Encoding.DER), leaf.public_bytes(serialization.Encoding.DER)


def test_our_certificate_is_made_once_and_names_the_application(tmp_path: Path) -> None:
    certificate, key = pki.own(tmp_path, URI, SystemClock())
    loaded = x509.load_der_x509_certificate(certificate.read_bytes())
    names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [URI]
    assert key.stat().st_mode & 0o077 == 0
    before = certificate.read_bytes()
    pki.own(tmp_path, URI, SystemClock())
    assert certificate.read_bytes() == before


def test_an_unknown_server_is_refused_and_kept_for_a_person_to_look_at(server: bytes, tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="is not trusted; if it is the right one, move"):
        pki.believe(tmp_path, server, SystemClock(), at=HERE, first=False)
    (kept,) = (tmp_path / "rejected").iterdir()
    assert kept.read_bytes() == server


def test_a_listed_server_is_believed_as_der_or_pem(server: bytes, tmp_path: Path) -> None:
    pem = x509.load_der_x509_certificate(server).public_bytes(serialization.Encoding.PEM)
    for name, data in (("a.der", server), ("b.pem", pem)):
        folder = tmp_path / name
        (folder / "trusted").mkdir(parents=True)
        (folder / "trusted" / name).write_bytes(data)
        pki.believe(folder, server, SystemClock(), at=HERE, first=False)
        assert not (folder / "rejected").exists()


def test_a_server_of_a_listed_authority_is_believed(tmp_path: Path) -> None:
    authority, server = signed_by_an_authority()
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "ca.der").write_bytes(authority)
    pki.believe(tmp_path, server, SystemClock(), at=HERE, first=False)
    assert not (tmp_path / "rejected").exists()


def test_first_trusts_only_when_nothing_is_trusted_yet(server: bytes, tmp_path: Path) -> None:
    pki.believe(tmp_path, server, SystemClock(), at=HERE, first=True)
    pki.believe(tmp_path, server, SystemClock(), at=HERE, first=True)
    _, stranger = signed_by_an_authority()
    with pytest.raises(DriverError, match="not trusted"):
        pki.believe(tmp_path, stranger, SystemClock(), at=HERE, first=True)


def test_a_certificate_out_of_date_is_refused_even_if_listed(server: bytes, tmp_path: Path) -> None:
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "a.der").write_bytes(server)
    late = ManualClock(SystemClock().now() + (pki.DAYS + 2) * DAY)
    with pytest.raises(DriverError, match="is valid from"):
        pki.believe(tmp_path, server, late, at=HERE, first=False)


def test_a_file_that_is_no_certificate_is_named(server: bytes, tmp_path: Path) -> None:
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "notes.txt").write_text("the PLC's certificate")
    with pytest.raises(DriverError, match=r"notes\.txt is not a certificate"):
        pki.believe(tmp_path, server, SystemClock(), at=HERE, first=False)


def test_what_is_no_certificate_is_not_trusted_and_stops_no_other_source(server: bytes, tmp_path: Path) -> None:
    """A server may show one thing to be looked at and another to be trusted: one such file would keep every source from connecting."""
    with pytest.raises(DriverError, match="cannot be read"):
        pki.trust(tmp_path, b"\x30\x82\x00\x04ab", at=HERE)
    pki.trust(tmp_path, server, at=HERE)
    pki.believe(tmp_path, server, SystemClock(), at=HERE, first=False)
    assert [path.name for path in tmp_path.iterdir()] == ["trusted_at"]


def test_a_server_with_another_certificate_each_time_fills_no_disk(server: bytes, tmp_path: Path) -> None:
    rejected = tmp_path / "rejected"
    rejected.mkdir()
    for n in range(pki.REJECTED_KEPT + 5):
        (rejected / f"{n}.der").write_bytes(b"")
        os.utime(rejected / f"{n}.der", (n, n))
    with pytest.raises(DriverError, match="is not trusted"):
        pki.believe(tmp_path, server, SystemClock(), at=HERE, first=False)
    kept = {path.name for path in rejected.iterdir()}
    assert len(kept) == pki.REJECTED_KEPT
    assert not {f"{n}.der" for n in range(6)} & kept


def test_what_was_trusted_at_one_address_counts_at_no_other(server: bytes, tmp_path: Path) -> None:
    """Who may add a new device must not thereby say who answers for a gas detector."""
    assert pki.address_of("opc.tcp://PLC.works/path") == "plc.works:4840"
    assert pki.address_of("opc.tcp://[fd00::1]:4841") == "[fd00::1]:4841"
    pki.trust(tmp_path, server, at="plc.works:4840")
    for elsewhere in ("detectors:4840", "plc.works:4841", "plc.works_4840/../x:4840", "[fd00::1]:4840", "长" * 300 + ":4840"):
        assert not pki.is_trusted(tmp_path, server, SystemClock(), at=elsewhere)
        with pytest.raises(DriverError, match="is not trusted"):
            pki.believe(tmp_path, server, SystemClock(), at=elsewhere, first=False)
        pki.trust(tmp_path, server, at=elsewhere)
        assert pki.is_trusted(tmp_path, server, SystemClock(), at=elsewhere)
    assert {path.parent for path in (tmp_path / "trusted_at").rglob("*.der")} == set((tmp_path / "trusted_at").iterdir())
    assert pki.is_trusted(tmp_path, server, SystemClock(), at="plc.works:4840")


def test_what_was_trusted_at_an_address_speaks_for_itself_alone(tmp_path: Path) -> None:
    authority, signed = signed_by_an_authority()
    pki.trust(tmp_path, authority, at=HERE)
    with pytest.raises(DriverError, match="is not trusted"):
        pki.believe(tmp_path, signed, SystemClock(), at=HERE, first=True)
