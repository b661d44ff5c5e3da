"""The console by TLS over a real socket, with certificates made here, and behind a proxy that speaks it."""

from __future__ import annotations

import asyncio
import datetime
import os
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from nicegui import ui
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from anlan.model.clock import ManualClock, SystemClock
from anlan.model.errors import ConfigError, InputError
from anlan.web.app import build_app
from anlan.web.context import Context
from anlan.web.listening import Listening
from anlan.web.pages import page
from anlan.web.serve import listen, server

pytestmark = pytest.mark.slow

DAYS = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)


def make(
    folder: Path, name: str = "console", *, start: int = -1, end: int = 90, password: bytes | None = None
) -> tuple[Path, Path]:
    """A self-made certificate for localhost, valid from `start` to `end` [days from now], and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW + start * DAYS)
        .not_valid_after(NOW + end * DAYS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(pem)
    files[1].chmod(0o600)
    return files


# --- what is refused before anything starts


def checked(*files: Path, **given: Any) -> Listening:
    return Listening(certificate=files[0], key=files[1], **given).checked()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    certificate, key = make(tmp_path)
    with pytest.raises(ConfigError, match=r"gone\.pem: there is no such file; the certificate in PEM form"):
        checked(tmp_path / "gone.pem", key)
    with pytest.raises(ConfigError, match=r"gone\.key: there is no such file; the certificate's key"):
        checked(certificate, tmp_path / "gone.key")


def test_a_certificate_comes_with_its_key(tmp_path: Path) -> None:
    certificate, _ = make(tmp_path)
    with pytest.raises(ConfigError, match="given together"):
        Listening(certificate=certificate).checked()


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    certificate, _ = make(tmp_path)
    _, other = make(tmp_path, "other")
    with pytest.raises(ConfigError, match=r"other\.key: this key does not belong to the certificate .*console\.pem"):
        checked(certificate, other)


def test_files_that_are_something_else_are_refused(tmp_path: Path) -> None:
    certificate, key = make(tmp_path)
    with pytest.raises(ConfigError, match="no certificate in PEM form"):
        checked(key, key)
    with pytest.raises(ConfigError, match="no private key in PEM form"):
        checked(certificate, certificate)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        checked(tmp_path, key)


def test_a_locked_key_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"locked by a password.* — openssl pkey"):
        checked(*make(tmp_path, password=b"secret"))


@pytest.mark.parametrize(("days", "said"), [((-9, -1), "has expired: it ended"), ((2, 9), "not yet valid: it begins")])
def test_a_certificate_outside_its_time_is_told_and_stops_nothing(tmp_path: Path, days: tuple[int, int], said: str) -> None:
    pair = checked(*make(tmp_path, start=days[0], end=days[1])).pair
    assert pair is not None
    assert said in str(pair.doubt(SystemClock().now()))


@pytest.mark.parametrize(("language", "said"), [("C", "the certificate in PEM form was expected"), ("zh_CN.UTF-8", "PEM")])
def test_the_command_line_says_it_in_one_line_and_exits_with_2(tmp_path: Path, language: str, said: str) -> None:
    certificate, key = make(tmp_path)
    certificate.unlink()
    data = tmp_path / "data"
    command = [sys.executable, "-m", "anlan", "up", "--data", str(data), f"--certificate={certificate}", f"--key={key}"]
    ended = subprocess.run(command, capture_output=True, timeout=60, env={**os.environ, "LC_ALL": language}, check=False)
    assert ended.returncode == 2
    assert said in ended.stderr.decode()
    assert len(ended.stderr.splitlines()) == 1
    assert not data.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"origins": ("console.plant",)}, "scheme, host and port were expected"),
        ({"origins": ("https://console.plant/anlan",)}, "scheme, host and port were expected"),
        ({"origins": ("https://console.plant:x",)}, "scheme, host and port were expected"),
        ({"origins": ("https://console.plant",)}, "nobody speaks HTTPS there"),
        ({"origins": ("https://a.plant", "http://b.plant"), "proxies": ("127.0.0.1",)}, "https:// was expected"),
        ({"proxies": ("proxy.plant",)}, "IP address or network was expected"),
    ],
)
def test_addresses_that_cannot_work_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Listening(**given).checked()


def test_origins_are_spelt_as_browsers_do() -> None:
    given = ("https://Console.Plant:443/", "https://安澜.example:8443", "https://[fd00::1]")
    found = Listening(origins=given, proxies=("10.0.0.0/8",)).checked()
    assert found.origins == ("https://console.plant", "https://xn--49s008b.example:8443", "https://[fd00::1]")
    assert found.address("http://127.0.0.1:8700") == "https://console.plant"


def test_a_certificate_that_ends_soon_is_counted_down(tmp_path: Path) -> None:
    pair = checked(*make(tmp_path, end=90)).pair
    assert pair is not None
    clock = ManualClock(SystemClock().now())
    assert pair.days_left(clock.now()) is None
    assert pair.days_left(pair.ends - 3 * 86_400_000_000) == 3
    assert pair.days_left(pair.ends + 1) == 0
    assert pair.doubt(pair.ends) is None
    assert pair.doubt(pair.ends + 1) is not None
    pair.key.chmod(0o644)
    exposed = checked(pair.file, pair.key).pair
    assert exposed is not None
    assert "its mode is 644, 600 was expected" in str(exposed.doubt(clock.now()))


# --- over a real socket


@pytest.fixture
async def served(node: Any, people: None) -> AsyncIterator[Callable[..., Any]]:
    """Serve the small node as `listening` says; returns the address people use."""
    ending: list[Any] = []

    async def serve(listening: Listening) -> str:
        node.context.settings = listening.settings()
        built = node.app()
        bound = listen()
        running = server(built, grace=1, **listening.serving())
        ending.append((running, asyncio.create_task(running.serve(sockets=[bound]))))
        await running.ready.wait()
        return f"localhost:{bound.getsockname()[1]}"

    yield serve
    for running, task in ending:
        running.should_exit = True
        await task


async def sign_in(client: httpx.AsyncClient, origin: str) -> httpx.Response:
    body = {"account": "gas", "password": "calm-waters-42"}
    return await client.post("/api/v1/session", json=body, headers={"Origin": origin})


async def test_sign_in_and_live_values_by_tls(served: Any, tmp_path: Path) -> None:
    listening = checked(*make(tmp_path))
    where = await served(listening)
    trust = ssl.create_default_context(cafile=str(listening.certificate))
    async with httpx.AsyncClient(base_url=f"https://{where}", verify=trust) as client:
        answer = await sign_in(client, f"https://{where}")
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-anlan=")
        assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")[1:]}
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert (await client.get("/api/v1/me")).json()["account"] == "gas"
        headers = {"Cookie": f"__Host-anlan={client.cookies['__Host-anlan']}"}
        async with connect(
            f"wss://{where}/api/v1/live/ws", ssl=trust, origin=f"https://{where}", additional_headers=headers
        ) as live:
            assert '"core":true' in str(await asyncio.wait_for(live.recv(), 10))
        refused = await sign_in(client, f"http://{where}")
        assert refused.status_code == 403
        assert refused.json()["code"] == "foreign-origin"


async def test_the_pages_own_socket_goes_through_tls(node: Any, people: None, tmp_path: Path) -> None:
    """NiceGUI's engine takes every connection for plain HTTP and would refuse the browser's https origin; the gate is who checks."""

    def pages(context: Context) -> None:
        @page(context, "/plain", "plant.view")
        def plain() -> None:
            ui.label("here")

    listening = checked(*make(tmp_path))
    trust = ssl.create_default_context(cafile=str(listening.certificate))
    node.context.settings = listening.settings()
    bound = listen()
    running = server(build_app(node.context, pages=[pages]), grace=1, **listening.serving())
    serving = asyncio.create_task(running.serve(sockets=[bound]))
    await running.ready.wait()
    where = f"localhost:{bound.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=f"https://{where}", verify=trust) as client:
            await sign_in(client, f"https://{where}")
            opened = re.search(r"""client_id['"]:\s*['"]([0-9a-f-]{36})""", (await client.get("/plain")).text)
            assert opened is not None
            address = f"wss://{where}/_nicegui_ws/socket.io/?EIO=4&transport=websocket&client_id={opened[1]}"
            headers = {"Cookie": f"__Host-anlan={client.cookies['__Host-anlan']}"}
            async with connect(address, ssl=trust, origin=f"https://{where}", additional_headers=headers) as live:
                assert str(await asyncio.wait_for(live.recv(), 10)).startswith("0{")
            with pytest.raises(InvalidStatus):
                await connect(address, ssl=trust, origin="https://elsewhere", additional_headers=headers)
    finally:
        running.should_exit = True
        await serving


async def test_old_tls_and_weak_suites_are_refused(served: Any, tmp_path: Path) -> None:
    listening = checked(*make(tmp_path))
    host, port = (await served(listening)).split(":")
    trust = ssl.create_default_context(cafile=str(listening.certificate))
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    _, writer = await asyncio.open_connection(host, int(port), ssl=trust)
    assert "GCM" in writer.get_extra_info("cipher")[0] or "CHACHA20" in writer.get_extra_info("cipher")[0]
    writer.close()
    trust.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(host, int(port), ssl=trust)


async def test_behind_a_proxy_that_speaks_tls(served: Any) -> None:
    """The proxy's request comes by plain HTTP from this machine, with the browser's Origin and the proxy's own Host."""
    listening = Listening(origins=("https://console.plant",), proxies=("127.0.0.1",)).checked()
    where = await served(listening)
    forwarded = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "https"}
    async with httpx.AsyncClient(base_url=f"http://{where.replace('localhost', '127.0.0.1')}", headers=forwarded) as client:
        answer = await sign_in(client, "https://console.plant")
        assert answer.status_code == 200, answer.text
        assert "Secure" in answer.headers["set-cookie"]
        assert "strict-transport-security" in answer.headers
        assert (await sign_in(client, "https://other.plant")).json()["code"] == "foreign-origin"
        assert (await client.get("/api/v1/metrics")).status_code == 401  # not from this machine, the proxy is


async def test_plain_http_promises_nothing_about_tls(served: Any) -> None:
    where = await served(Listening().checked())
    async with httpx.AsyncClient(base_url=f"http://{where}") as client:
        answer = await sign_in(client, f"http://{where}")
        assert "Secure" not in answer.headers["set-cookie"]
        assert "strict-transport-security" not in answer.headers
