"""What a security key or card answers (WebAuthn, FIDO2), verified by Yubico's library. Nothing is read or written here.

    site = site_of("https://console.plant")                # raises NoKeysHere: a plain address, or an unencrypted page
    options = creation_options(site, …)                    # JSON for navigator.credentials.create
    credential = registered(site, challenge, answer)       # raises NotGenuine
    options = request_options(site, challenge, [id])       # JSON for navigator.credentials.get
    counter = shown(site, challenge, credential, answer)   # raises NotGenuine

A key answers for one name of the console (its RP id), which the browser says and no page can: so it is no use to a copied page.
It is touched, not asked for a PIN: it is the second factor, beside the password, and is used with gloves.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from anlan.model.errors import Forbidden, InputError

if TYPE_CHECKING:
    from fido2.server import Fido2Server

_T = TypeVar("_T")

TIMEOUT_MS = 120_000
MOST_BYTES = 1023
"""Of a credential's id (WebAuthn §6.1)."""

served_at: ContextVar[str] = ContextVar("served_at", default="")
"""The origin at which the console serves the request that runs, "" outside of one. The gate sets it: whichever step wants a second factor
asks the key for this origin."""


class NoKeysHere(InputError):
    """No browser lets a key answer to the address by which this console was opened."""


class NotGenuine(Forbidden):
    """The key's answer is not what was asked for; the message says what was wrong with it."""


@dataclass(frozen=True, slots=True)
class Site:
    """`rp_id` is the origin's host name: what a key is registered for."""

    origin: str
    rp_id: str


@dataclass(frozen=True, slots=True)
class Credential:
    """`public`: AAGUID, id and public key as the authenticator gave them. `counter`: how often it has signed, 0 for keys that don't count."""

    id: bytes
    public: bytes
    counter: int


def site_of(origin: str) -> Site:
    """Raises NoKeysHere, saying what would be right."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    if _is_address(host) or not host:
        raise NoKeysHere(
            "security keys and cards answer to a name, and this console was opened by the address {host}: open it by its name, for "
            "example https://console.plant",
            host=host or "—",
        )
    if parts.scheme != "https" and host != "localhost" and not host.endswith(".localhost"):
        raise NoKeysHere(
            "security keys and cards answer to an encrypted page only: open the console by https://{host}, or by http://localhost on the "
            "node itself",
            host=host,
        )
    return Site(origin, host)


def site_here() -> Site:
    """Of the request that runs. Raises NoKeysHere."""
    return site_of(served_at.get())


def creation_options(
    site: Site, challenge: bytes, person: UUID, account: str, name: str, existing: Sequence[bytes]
) -> dict[str, Any]:
    """`existing`: ids of the person's keys, which the browser refuses to register again."""
    options, _ = _server(site).register_begin(
        {"id": person.bytes, "name": account, "displayName": name or account},  # type: ignore[arg-type]
        [_descriptor(one) for one in existing],
        user_verification="discouraged",  # type: ignore[arg-type]
        resident_key_requirement="discouraged",  # type: ignore[arg-type]
        challenge=challenge,
    )
    return {**dict(options.public_key), "timeout": TIMEOUT_MS}


def request_options(site: Site, challenge: bytes, credentials: Sequence[bytes]) -> dict[str, Any]:
    options, _ = _server(site).authenticate_begin(
        [_descriptor(one) for one in credentials],
        user_verification="discouraged",  # type: ignore[arg-type]
        challenge=challenge,
    )
    return {**dict(options.public_key), "timeout": TIMEOUT_MS}


def registered(site: Site, challenge: bytes, answer: Mapping[str, Any]) -> Credential:
    """The credential of a key that was touched for this challenge at this site. Raises NotGenuine."""
    from fido2.cose import CoseKey

    def check() -> Credential:
        _framed_by_none(answer)
        data = _server(site).register_complete(_state(challenge), answer)
        credential = data.credential_data
        if credential is None or not 0 < len(credential.credential_id) <= MOST_BYTES:
            raise ValueError("no credential, or an id that is too long")
        if credential.public_key.get(3) not in CoseKey.supported_algorithms():
            raise ValueError("a kind of key that is not known here")
        return Credential(credential.credential_id, bytes(credential), data.counter)

    return _refusing(check)


def shown(site: Site, challenge: bytes, credential: bytes, answer: Mapping[str, Any]) -> int:
    """The sign counter with which the key of `credential` (`Credential.public`) answered. Raises NotGenuine."""
    from fido2.webauthn import AttestedCredentialData, AuthenticationResponse

    def check() -> int:
        _framed_by_none(answer)
        _server(site).authenticate_complete(_state(challenge), [AttestedCredentialData(credential)], answer)
        return AuthenticationResponse.from_dict(answer).response.authenticator_data.counter

    return _refusing(check)


def challenge_of(answer: Mapping[str, Any]) -> bytes:
    """Which challenge this claims to answer; nothing is verified yet. Raises NotGenuine."""
    return _refusing(lambda: bytes(_client_data(answer).challenge))


def id_of(answer: Mapping[str, Any]) -> bytes:
    """Which credential this claims to be; nothing is verified yet. Raises NotGenuine."""
    from fido2.utils import websafe_decode

    return _refusing(lambda: websafe_decode(answer["id"]))


def text_of(data: bytes) -> str:
    """As it stands in JSON (base64url)."""
    from fido2.utils import websafe_encode

    return websafe_encode(data)


def _refusing(check: Callable[[], _T]) -> _T:
    try:
        return check()
    except Exception as wrong:
        # Bytes of a stranger: whatever the parser makes of them, what could not be verified counts as not shown.
        raise NotGenuine(
            "the security key's answer does not count: {why}", why=str(wrong)[:200] or type(wrong).__name__
        ) from wrong


def _framed_by_none(answer: Mapping[str, Any]) -> None:
    if _client_data(answer).cross_origin:
        raise ValueError("it was asked for by a page inside another page")


def _client_data(answer: Mapping[str, Any]) -> Any:
    from fido2.utils import websafe_decode
    from fido2.webauthn import CollectedClientData

    return CollectedClientData(websafe_decode(answer["response"]["clientDataJSON"]))


def _state(challenge: bytes) -> dict[str, Any]:
    return {"challenge": text_of(challenge), "user_verification": None}


def _descriptor(credential: bytes) -> Any:
    return {"type": "public-key", "id": credential}


def _server(site: Site) -> Fido2Server:
    from fido2.server import Fido2Server

    return Fido2Server({"id": site.rp_id, "name": "Anlan"}, verify_origin=lambda origin: origin == site.origin)  # type: ignore[arg-type]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
