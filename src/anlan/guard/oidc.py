"""OpenID Connect, code flow with PKCE: what the identity service says of a person, believed only once it is verified.

    provider = Provider(settings, secret, clock)
    url = (await provider.question(callback)) .url            # raises ProviderDown; the browser goes there
    shown = await provider.shown(asked, code)                 # raises ProviderDown, NotBelieved

Of the ID token: signature by a key that the service publishes now (they are read anew when an unknown one comes), issuer, audience, time,
nonce. The service's answers are never followed to another address.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import structlog

from anlan.guard.oidc_settings import IdentitySettings, is_trusted_address
from anlan.guard.sessions import SignInRefused
from anlan.model.clock import SECOND, Clock
from anlan.model.errors import Unavailable

TIMEOUT = 5.0
KNOWN_FOR = 3600.0
"""s; the service's own description is read again after this, and its keys with it."""
DOWN_FOR = 10.0
"""s; a service that did not answer is not asked again before this."""
KEYS_AGAIN = 10.0
"""s; an unknown key makes us look at the published ones, not more often."""
LEEWAY = 60
"""s; clocks differ."""
LONGEST = 1 << 20

log = structlog.get_logger()


class ProviderDown(Unavailable):
    """The identity service does not answer, or not as one; the local sign-in goes on working."""


class NotBelieved(SignInRefused):
    """What came back is not what was asked of the identity service, or could not be verified."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is under way: `url` is where the browser goes; the rest stays here."""

    url: str
    state: str
    nonce: str
    verifier: str
    callback: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Whom the service has identified: its own number for them, the account here, and whether its second factor counts."""

    issuer: str
    service: str
    subject: str
    account: str
    second_factor: bool


@dataclass(frozen=True, slots=True)
class _Known:
    metadata: dict[str, Any]
    keys: tuple[Any, ...]
    until: float
    keys_read: float


class Provider:
    """Belongs to the app's event loop. `transport`: how it is reached, for tests."""

    def __init__(self, settings: IdentitySettings, secret: str, clock: Clock, transport: Any = None) -> None:
        self.settings, self._secret, self._clock, self._transport = settings, secret, clock, transport
        self._known: _Known | None = None
        self._down: tuple[ProviderDown, float] | None = None
        self._reading = asyncio.Lock()
        self._trusted: ssl.SSLContext | None = None

    @property
    def callback(self) -> str:
        return f"{self.settings.address.rstrip('/')}/api/v1/oidc/callback"

    async def question(self) -> Asked:
        """Raises ProviderDown."""
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        known = await self._described()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.callback,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
            **({"acr_values": " ".join(self.settings.second_factor.acr)} if self.settings.second_factor.acr else {}),
        }
        endpoint = known.metadata["authorization_endpoint"]
        return Asked(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}", state, nonce, verifier, self.callback)

    async def answers(self) -> None:
        """Raises ProviderDown."""
        await self._described()

    async def shown(self, asked: Asked, code: str, issuer: str = "") -> Shown:
        """Take the code to the service and verify what it says. `issuer`: as named beside the code (RFC 9207). Raises ProviderDown,
        NotBelieved, SignInRefused: nobody here is meant."""
        known = await self._described()
        if issuer != self.settings.issuer and (issuer or known.metadata.get("authorization_response_iss_parameter_supported")):
            raise NotBelieved("the answer came from another identity service")
        answer = await self._redeemed(known.metadata["token_endpoint"], asked, code)
        claims = await self._verified(answer, asked)
        account = self.settings.account_of(claims)
        if account is None:
            raise SignInRefused(
                "the identity service knows you, but names no account of this console: ask who manages people here"
            )
        return Shown(
            issuer=self.settings.issuer,
            service=self.settings.name.en or self.settings.name.zh,
            subject=str(claims["sub"])[:200],
            account=account,
            second_factor=self.settings.second_factor.in_claims(claims),
        )

    # ---- what the service says of itself

    async def _described(self) -> _Known:
        if (known := self._fresh()) is not None:
            return known
        async with self._reading:  # however many strangers ask at once, the service is asked once
            if (known := self._fresh()) is not None:
                return known
            now = self._clock.monotonic()
            try:
                metadata = await self._get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
                self._check(metadata)
                keys = await self._keys(metadata)
            except ProviderDown as down:
                self._down = down, self._clock.monotonic() + DOWN_FOR
                raise
            self._down, self._known = None, _Known(metadata, keys, now + KNOWN_FOR, now)
            return self._known

    def _fresh(self) -> _Known | None:
        """What was read not long ago. Raises ProviderDown: it did not answer just now."""
        now = self._clock.monotonic()
        if self._known is not None and now < self._known.until:
            return self._known
        if self._down is not None and now < self._down[1]:
            raise self._down[0]
        return None

    def _check(self, metadata: Mapping[str, Any]) -> None:
        if metadata.get("issuer") != self.settings.issuer:
            raise ProviderDown("the identity service calls itself {found}; {expected} was expected", found=str(metadata.get("issuer"))[:200], expected=self.settings.issuer)  # fmt: skip
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(metadata.get(name), str) or not is_trusted_address(metadata[name]):
                raise ProviderDown(
                    "the identity service's {name} is no https:// address: {found}",
                    name=name,
                    found=str(metadata.get(name))[:200],
                )

    async def _keys(self, metadata: Mapping[str, Any]) -> tuple[Any, ...]:
        from joserfc.jwk import KeySet

        published = await self._get(metadata["jwks_uri"])
        listed = published.get("keys")
        usable = [one for one in listed if _is_public(one)] if isinstance(listed, list) else []
        if not usable:
            raise ProviderDown("the identity service publishes no key to verify it by")
        try:
            return tuple(KeySet.import_key_set({"keys": usable}).keys)
        except Exception as error:
            raise ProviderDown("the identity service's keys cannot be read: {why}", why=str(error)[:200]) from error

    # ---- what it says of a person

    async def _redeemed(self, endpoint: str, asked: Asked, code: str) -> dict[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": asked.callback, "code_verifier": asked.verifier}
        if self.settings.client_auth == "post":
            form |= {"client_id": self.settings.client_id, "client_secret": self._secret}
            status, answer = await self._ask("POST", endpoint, data=form)
        else:
            # RFC 6749 §2.3.1: both are form-encoded before they become a user name and a password.
            auth = (quote(self.settings.client_id, safe=""), quote(self._secret, safe=""))
            status, answer = await self._ask("POST", endpoint, data=form, auth=auth)
        if status >= 500:
            raise ProviderDown("the identity service does not answer: {why}", why=f"HTTP {status}")
        if status != 200 or not isinstance(answer.get("id_token"), str):
            raise NotBelieved(
                "the identity service did not take back its own code: {why}", why=str(answer.get("error", f"HTTP {status}"))[:100]
            )
        return answer

    async def _verified(self, answer: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken

        token = await self._signed(answer["id_token"])
        options: Any = {
            "iss": {"essential": True, "value": self.settings.issuer},
            "aud": {"essential": True, "value": self.settings.client_id},
        }
        params = {"nonce": asked.nonce, "client_id": self.settings.client_id, "access_token": answer.get("access_token")}
        claims = CodeIDToken(token.claims, token.header, options, params)
        try:
            claims.validate(now=self._clock.now() // SECOND, leeway=LEEWAY)
            if not isinstance(claims["sub"], str) or not claims["sub"]:
                raise ValueError("sub")
        except Exception as wrong:
            raise NotBelieved("the identity service's ID token does not count: {why}", why=str(wrong)[:200]) from wrong
        return dict(claims)

    async def _signed(self, text: str) -> Any:
        """The token, its signature verified by a published key. Raises NotBelieved, ProviderDown."""
        kid = _kid(text)
        known = await self._described()
        keys = [key for key in known.keys if kid is None or key.kid == kid]
        now = self._clock.monotonic()
        if not keys and now >= known.keys_read + KEYS_AGAIN:
            known = self._known = _Known(known.metadata, await self._keys(known.metadata), known.until, now)
            keys = [key for key in known.keys if key.kid == kid]
        why: Exception | None = None
        for key in keys:
            try:
                return _decoded(text, key, self.settings.algorithms)
            except Exception as wrong:
                why = wrong
        raise NotBelieved(
            "the identity service's ID token does not count: {why}", why=str(why)[:200] if why else "an unknown key"
        ) from why

    # ---- the way there

    async def _get(self, url: str) -> dict[str, Any]:
        status, found = await self._ask("GET", url)
        if status != 200:
            raise ProviderDown("the identity service does not answer: {why}", why=f"HTTP {status}")
        return found

    async def _ask(self, method: str, url: str, **rest: Any) -> tuple[int, dict[str, Any]]:
        import httpx
        import orjson

        try:
            if self._trusted is None:
                self._trusted = await asyncio.to_thread(self._trust)
            async with (
                httpx.AsyncClient(timeout=TIMEOUT, verify=self._trusted, transport=self._transport, trust_env=False) as client,
                client.stream(method, url, headers={"Accept": "application/json"}, **rest) as answer,
            ):
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > LONGEST:
                        raise ValueError("its answer is too long")
            found = orjson.loads(body) if body else {}
            if not isinstance(found, dict):
                raise ValueError("its answer is no object")
        except (httpx.HTTPError, OSError, ValueError) as error:
            log.warning("the identity service does not answer", url=url, error=repr(error))
            raise ProviderDown(
                "the identity service does not answer: {why}", why=str(error)[:200] or type(error).__name__
            ) from error
        return answer.status_code, found

    def _trust(self) -> ssl.SSLContext:
        """Read once: it takes tens of milliseconds, and strangers make us ask."""
        import httpx

        ca = self.settings.ca_file
        return ssl.create_default_context(cafile=str(ca)) if ca is not None else httpx.create_ssl_context(trust_env=False)


def _is_public(key: Any) -> bool:
    """Of a pair, for signing: a shared secret would let the holder of any key forge."""
    return isinstance(key, dict) and key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig"


def _kid(text: str) -> str | None:
    """Which key the token says it is signed by; nothing is verified yet. Raises NotBelieved."""
    import orjson
    from joserfc.util import urlsafe_b64decode

    try:
        header = orjson.loads(urlsafe_b64decode(text.split(".", maxsplit=1)[0].encode()))
        kid = header.get("kid")
    except Exception as wrong:
        raise NotBelieved("the identity service's ID token does not count: {why}", why="it cannot be read") from wrong
    return kid if isinstance(kid, str) else None


def _decoded(text: str, key: Any, algorithms: tuple[str, ...]) -> Any:
    from joserfc import jwt

    return jwt.decode(text, key, algorithms=list(algorithms))
