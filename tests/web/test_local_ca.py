"""The console's own certificate authority: what it makes is trusted by who trusts it, for its names alone, and told whole."""

from __future__ import annotations

import asyncio
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner

from anlan.cli import _register_rooms, app
from anlan.model.clock import DAY, SystemClock
from anlan.model.errors import ConfigError, InputError
from anlan.node.layout import NodeFolder
from anlan.node.up import _with_own_certificate
from anlan.web import local_ca
from anlan.web import serve as serving
from anlan.web.listening import Listening

NOW = SystemClock().now()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    local_ca.make(tmp_path / "tls", names=["Plant.local", "安澜.local"], addresses=["10.0.0.5"], now=NOW)
    return tmp_path / "tls"


def shake_hands(folder: Path, host: str) -> str:
    """A TLS handshake in memory with a station that trusts `ca.pem`; raises what the station says against it."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(folder / "ca.pem"))
    server.load_cert_chain(folder / "console.pem", folder / "console.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    there, here = (
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname=host),
    )
    for _ in range(4):
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return here.version() or ""


@pytest.mark.parametrize("host", ["plant.local", "xn--49s008b.local", "10.0.0.5", "localhost", "127.0.0.1", "::1"])
def test_a_station_that_trusts_the_authority_trusts_the_console(folder: Path, host: str) -> None:
    assert shake_hands(folder, host) == "TLSv1.3"


def test_another_name_is_not_trusted(folder: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(folder, "bank.example")


@pytest.mark.parametrize(("names", "addresses"), [(["bank.example"], []), (["plant.local"], ["10.0.0.6"])])
def test_a_stolen_authority_is_worth_nothing_elsewhere(folder: Path, names: list[str], addresses: list[str]) -> None:
    made = local_ca.read(folder)
    key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    local_ca._issue(folder, made.authority, key, local_ca._names(names, addresses), NOW, 90)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake_hands(folder, [*addresses, *names][0])


def test_files_with_a_key_are_the_owners_alone(folder: Path) -> None:
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca.key": 0o600, "console.pem": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_renewed_by_the_same_authority(folder: Path) -> None:
    before = local_ca.read(folder)
    after = local_ca.renew(folder, now=NOW + 300 * DAY, days=825)
    assert after.fingerprint == before.fingerprint
    assert (after.names, after.addresses) == (before.names, before.addresses)
    assert after.console.public_key() != before.console.public_key()
    assert after.span[1] == before.span[1] + (300 + 825 - 397) * DAY
    late = local_ca.renew(folder, now=before.authority_ends - DAY)
    assert late.span[1] == before.authority_ends
    with pytest.raises(ConfigError, match="own time is over"):
        local_ca.renew(folder, now=before.authority_ends)


def test_what_cannot_be_renewed_says_why(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not vouch for other\.local, 10\.0\.0\.9, only for what it was made for"):
        local_ca.renew(folder, names=["other.local"], addresses=["10.0.0.9"], now=NOW)
    with pytest.raises(ConfigError, match=r"there is an authority already — anlan tls renew"):
        local_ca.make(folder, names=["plant.local"], now=NOW)
    (folder / "ca.key").chmod(0o640)
    with pytest.raises(ConfigError, match="its mode is 640, 600 was expected"):
        local_ca.renew(folder, now=NOW)
    (folder / "ca.key").unlink()
    with pytest.raises(ConfigError, match="the authority's key is not there"):
        local_ca.renew(folder, now=NOW)


@pytest.mark.parametrize(
    ("names", "addresses", "days", "said"),
    [
        ([], [], 397, "--name or --address was expected"),
        (["https://plant.local"], [], 397, "a host's name was expected"),
        (["*.local"], [], 397, "a host's name was expected"),
        (["10.0.0.5"], [], 397, "--address 10.0.0.5 was expected"),
        ([], ["0.0.0.0"], 397, "nobody reaches a console there"),
        ([], ["10.0.0.0/24"], 397, "an IP address was expected"),
        (["plant.local"], [], 826, "1 to 825 were expected"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(
    tmp_path: Path, names: list[str], addresses: list[str], days: int, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        local_ca.make(tmp_path / "tls", names=names, addresses=addresses, now=NOW, days=days)
    assert not list(tmp_path.iterdir())


def test_a_node_speaks_tls_with_what_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    if not any(one.name == "tls" for one in app.registered_groups):
        _register_rooms()
    node = NodeFolder(tmp_path / "node")
    assert not _with_own_certificate(Listening(), node).tls
    done = CliRunner().invoke(app, ["tls", "make", "--data", str(node.root), "--name", "plant.local"])
    assert done.exit_code == 0, done.output
    shown = CliRunner().invoke(app, ["tls", "show", "--data", str(node.root)])
    assert shown.exit_code == 0, shown.output
    assert local_ca.read(node.tls).fingerprint in shown.output
    assert "396 days are left" in shown.output
    listening = _with_own_certificate(Listening(), node)
    assert listening.settings().tls
    assert listening.pair is not None
    assert listening.pair.doubt(NOW) is None
    behind = Listening(origins=("https://console.plant",), proxies=("127.0.0.1",))
    assert _with_own_certificate(behind, node) == behind
    with pytest.raises(InputError, match="this console speaks HTTPS"):
        _with_own_certificate(Listening(origins=("http://plant.local:8700",)), node)


@pytest.mark.slow
async def test_a_renewed_certificate_is_shown_without_a_restart(
    folder: Path, node: Any, people: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is broken is not taken: the old one goes on being shown."""
    monkeypatch.setattr(serving, "RENEWED_SECONDS", 0.02)
    listening = Listening(certificate=folder / "console.pem", key=folder / "console.pem").checked()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(serving.serve(node.app(), serving.listen(), on_ready=ready.set_result, **listening.serving()))
    address = (await asyncio.wait_for(ready, 30)).removeprefix("https://")
    trust = ssl.create_default_context(cafile=str(folder / "ca.pem"))

    async def shown() -> int:
        host, port = address.split(":")
        _, writer = await asyncio.open_connection(host, int(port), ssl=trust)
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return x509.load_der_x509_certificate(der).serial_number

    async def until_shown(serial: int) -> None:
        async with asyncio.timeout(30):
            while await shown() != serial:
                await asyncio.sleep(0.05)

    try:
        assert await shown() == local_ca.read(folder).console.serial_number
        (folder / "console.pem").write_text("half a file")
        before = await shown()
        authority = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
        local_ca._issue(folder, authority, key, local_ca._names(["plant.local"], []), NOW, 90)
        assert local_ca.read(folder).console.serial_number != before
        await until_shown(local_ca.read(folder).console.serial_number)
        found = listening.pair_now()
        assert found is not None
        assert found.days_left(NOW + 80 * DAY) == 9
    finally:
        running.cancel()
        await asyncio.wait({running})
