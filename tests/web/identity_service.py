"""An identity service for tests, in memory: discovery, keys and token endpoint as OpenID Connect says them, and wrongly when told to."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwk, jwt

ISSUER = "https://login.works.example/realms/works"
CLIENT, SECRET = "anlan", "s3cret: of the client"


@dataclass
class IdentityService:
    """`claims` of the ID token beside the usual ones; `forge(claims, header)` changes it and may answer another key to sign it by."""

    clock: Any
    claims: dict[str, Any] = field(default_factory=lambda: {"preferred_username": "gas"})
    up: bool = True
    forge: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def sign_in(self, url: str) -> dict[str, str]:
        """What the browser comes back with, after a person has signed in at `url`."""
        question = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert question["response_type"] == "code"
        code = secrets.token_urlsafe(8)
        self._codes[code] = question
        return {"code": code, "state": question["state"], "iss": ISSUER}

    def rotate(self) -> None:
        self.key = jwk.RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/realms/works")
        self.asked[path] = self.asked.get(path, 0) + 1
        if not self.up:
            raise httpx.ConnectError("connection refused", request=request)
        if path == "/.well-known/openid-configuration":
            endpoints = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "keys"}
            told = {"issuer": ISSUER, **{name: f"{ISSUER}/{end}" for name, end in endpoints.items()}}
            return httpx.Response(200, json={**told, "authorization_response_iss_parameter_supported": True, **self.metadata})
        if path == "/keys":
            return httpx.Response(200, json={"keys": [self.key.as_dict(private=False)]})
        assert path == "/token"
        return self._token(request)

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        shown = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        question = self._codes.pop(form["code"], None)
        if shown != f"{CLIENT}:s3cret%3A%20of%20the%20client":
            return httpx.Response(401, json={"error": "invalid_client"})
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if question is None or challenge != question["code_challenge"] or form["redirect_uri"] != question["redirect_uri"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        return httpx.Response(
            200, json={"access_token": "a", "token_type": "Bearer", "id_token": self._id_token(question["nonce"])}
        )

    def _id_token(self, nonce: str) -> str:
        now = self.clock.now() // 1_000_000
        times = {"iat": now, "exp": now + 300}
        claims = {"iss": ISSUER, "sub": "3f1c", "aud": CLIENT, "nonce": nonce, **times, **self.claims}
        header: dict[str, Any] = {"alg": "RS256", "kid": self.key.kid}
        key = self.forge(claims, header) if self.forge is not None else None
        if header["alg"] == "none":
            return ".".join(_coded(part) for part in (header, claims)) + "."
        return jwt.encode(header, claims, key or self.key, algorithms=[header["alg"]])


def _coded(part: dict[str, Any]) -> str:
    import json

    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
