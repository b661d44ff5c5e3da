"""Glewlwyd, a foreign identity service (Debian, GPL-3: it runs beside us), with its SQLite back end in a folder of the test."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PROGRAM = shutil.which("glewlwyd")
TABLES = Path("/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz")
MODULES = Path("/usr/lib/glewlwyd")
CLIENT, SECRET, PASSWORD = "anlan", "a-secret-of-two-halves", "calm-waters-42"
STARTS = 20.0


@dataclass
class Glewlwyd:
    folder: Path
    port: int

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/works"

    def start(self, callback: str, account: str) -> None:
        """Begins to serve, with one client and one person."""
        with sqlite3.connect(self.folder / "glewlwyd.db") as database:
            database.executescript(gzip.decompress(TABLES.read_bytes()).decode())
        modules = {
            "user_module": "user",
            "client_module": "client",
            "user_auth_scheme_module": "scheme",
            "plugin_module": "plugin",
        }
        settings = [
            f"port={self.port}",
            f'external_url="http://127.0.0.1:{self.port}"',
            'bind_address="127.0.0.1"',
            'login_url="login.html"',
            'api_prefix="api"',
            'log_mode="file"',
            'log_level="INFO"',
            f'log_file="{self.folder}/glewlwyd.log"',
            'session_key="GLEWLWYD2_SESSION_ID"',
            'admin_scope="g_admin"',
            'profile_scope="g_profile"',
            'hash_algorithm="SHA512"',
            *(f'{name}_path="{MODULES / folder}"' for name, folder in modules.items()),
            f'database = {{ type = "sqlite3" path = "{self.folder}/glewlwyd.db" }}',
        ]
        file = self.folder / "glewlwyd.conf"
        file.write_text("\n".join(settings) + "\n")
        assert PROGRAM is not None
        with (self.folder / "out").open("w") as out:
            self._process = subprocess.Popen([PROGRAM, "-c", str(file)], stdout=out, stderr=out)
        self._set_up(callback, account)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def sign_in(self, question: str, account: str) -> dict[str, str]:
        """As the person's browser: signs in at the service, agrees, and is sent back with these."""
        with self._client() as browser:
            _must(browser.post("/api/auth/", json={"username": account, "password": PASSWORD}))
            _must(browser.put(f"/api/auth/grant/{CLIENT}/", json={"scope": "openid"}))
            sent = browser.get(f"{question}&g_continue=")
            assert sent.status_code == 302, sent.text
            return dict(parse_qsl(urlsplit(sent.headers["location"]).query))

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)

    def _set_up(self, callback: str, account: str) -> None:
        until = time.monotonic() + STARTS
        with self._client() as admin:
            while True:
                try:
                    _must(admin.post("/api/auth/", json={"username": "admin", "password": "password"}))
                    break
                except httpx.TransportError:
                    assert self._process.poll() is None, (self.folder / "out").read_text()
                    assert time.monotonic() < until
                    time.sleep(0.05)
            _must(admin.post("/api/mod/plugin/", json=self._openid_connect()))
            _must(admin.post("/api/client/", json=_client_of(callback)))
            person = {"username": account, "name": account, "password": PASSWORD, "scope": ["openid"], "enabled": True}
            _must(admin.post("/api/user/", json=person))

    def _openid_connect(self) -> dict[str, Any]:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        public = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {
            "module": "oidc",
            "name": "works",
            "display_name": "Works",
            "enabled": True,
            "parameters": {
                "iss": self.issuer,
                "jwt-type": "rsa",
                "jwt-key-size": "256",
                "key": pem,
                "cert": public.decode(),
                "jwks-show": True,
                "access-token-duration": 3600,
                "refresh-token-duration": 3600,
                "code-duration": 600,
                "refresh-token-rolling": True,
                "allow-non-oidc": False,
                "auth-type-code-enabled": True,
                "auth-type-code-revoke-replayed": True,
                "auth-type-token-enabled": False,
                "auth-type-implicit-enabled": False,
                "auth-type-password-enabled": False,
                "auth-type-client-enabled": False,
                "auth-type-refresh-enabled": False,
                "pkce-allowed": True,
                "pkce-required": True,
                "subject-type": "public",
                "name-claim": "mandatory",
                "claims": [{"name": "preferred_username", "type": "string", "mandatory": True, "user-property": "username"}],
            },
        }


def _client_of(callback: str) -> dict[str, Any]:
    return {
        "client_id": CLIENT,
        "name": "Anlan",
        "confidential": True,
        "client_secret": SECRET,
        "redirect_uri": [callback],
        "authorization_type": ["code"],
        "token_endpoint_auth_method": ["client_secret_basic", "client_secret_post"],
        "scope": ["openid"],
        "enabled": True,
    }


def _must(answer: httpx.Response) -> None:
    assert answer.status_code == 200, f"{answer.request.url}: {answer.status_code} {answer.text}"
