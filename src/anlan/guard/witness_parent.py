"""The parent node as a witness: heads are handed over by its API, with a token whose scope is `audit.witness`.

    parent = Parent.of("https://park.example:8700", token=Path("witness.token"), ca=Path("park-ca.pem"))
    witness = ParentWitness(parent, key.log, key.public_pem())     # a `Witness`; `guard.witnessing` answers at the other end

The token is read anew for each call, so that a new one counts at once; a file that others may read is not used. Nothing is kept here: what the
parent holds is asked of it, and a parent that does not answer is Unavailable, which stands on every console until it answers.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from anlan.guard.heads import BadHead, Head
from anlan.guard.witness import Handed, Testimony, read_testimony
from anlan.model.errors import ConfigError, InputError, Unavailable

TOKEN_IN = "ANLAN_WITNESS_TOKEN"  # noqa: S105 - the name of an environment variable
TIMES = httpx.Timeout(15.0, connect=4.0)
AGAIN = 2
"""Tries to connect besides the first, before the turn is given up; the next turn comes a quarter of a minute later."""
MOST_BYTES = 1 << 30
"""Of a testimony; some twenty million leaves."""
API = "/api/v1/witness"


@dataclass(frozen=True)
class Parent:
    """Where a parent node answers. `token`: the file with it; else the environment's ANLAN_WITNESS_TOKEN. `ca`: the authority that certified
    it, where no public one did."""

    url: str
    token: Path | None = None
    ca: Path | None = None

    @classmethod
    def of(cls, url: str, token: Path | None = None, ca: Path | None = None) -> Parent:
        """Raises InputError for an address that is none, or to which a token would travel in clear; ConfigError for a `ca` that is none."""
        parts = urlsplit(url.strip())
        try:
            port = parts.port
        except ValueError:
            port = -1
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or port == -1
            or parts.path not in {"", "/"}
            or parts.query
        ):
            raise InputError("{found}: a node's address was expected, for example https://park.example:8700", found=url[:200])
        if parts.username is not None:
            raise InputError("a token does not belong into the address; --witness-token names the file with it")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise InputError("{found}: the token would travel in clear; https:// was expected", found=url[:200])
        found = cls(f"{parts.scheme}://{parts.netloc}", token, ca)
        _ = found.trust
        return found

    @cached_property
    def trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(self.ca) if self.ca is not None else None)
        except (ssl.SSLError, OSError) as error:
            why = getattr(error, "reason", None) or str(error)
            raise ConfigError("this is no certificate authority in PEM form: {why}", file=str(self.ca), why=why) from error

    def secret(self) -> str:
        """Raises Unavailable; never shows what it read."""
        if self.token is None:
            given = os.environ.get(TOKEN_IN, "").strip()
            if not given:
                raise Unavailable(
                    "no token for the parent node {witness}: --witness-token FILE or {variable} was expected",
                    witness=self.url,
                    variable=TOKEN_IN,
                )
            return given
        try:
            mode = stat.S_IMODE(self.token.stat().st_mode)
            given = self.token.read_text("ascii").strip()
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not ASCII"
            raise Unavailable("the token file {file} cannot be read: {why}", file=str(self.token), why=why) from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Unavailable(
                "others may read the token file {file}: its mode is {mode}, 600 was expected",
                file=str(self.token),
                mode=f"{mode:o}",
            )
        return given

    def arguments(self) -> list[str]:
        """For another process's command line; `witness_at` reads them."""
        given = [("--witness-token", self.token), ("--witness-ca", self.ca)]
        return [f"--witness={self.url}", *(f"{name}={file.absolute()}" for name, file in given if file is not None)]


def witness_at(text: str, token: Path | None = None, ca: Path | None = None) -> Path | Parent:
    """What `--witness` names: a parent node's address, or a file or folder. Raises InputError, ConfigError."""
    return Parent.of(text, token, ca) if text.startswith(("http://", "https://")) else Path(text).absolute()


class ParentWitness:
    """A `Witness` over HTTP. Calls block."""

    def __init__(self, parent: Parent, log: str, public_pem: str, others: Sequence[str] = ()) -> None:
        self._parent, self._log, self._public_pem, self._others = parent, log, public_pem, others
        self._told = True
        """Whether the parent may know of a difference: after a start nobody remembers."""

    @property
    def name(self) -> str:
        return self._parent.url

    def last(self) -> Head | None:
        told = self._json("GET", f"/{self._log}")
        return self._head(told["head"]) if told.get("head") is not None else None

    def hand(self, handed: Handed) -> None:
        body = {
            "head": handed.head.as_json(),
            "public_key": self._public_pem,
            "first": handed.first,
            "leaves": base64.b64encode(b"".join(handed.leaves)).decode(),
            "since": handed.since,
            "proof": [step.hex() for step in handed.proof],
        }
        self._json("POST", "/heads", body)

    def tell(self, difference: dict[str, Any] | None) -> None:
        """Again at each turn while there is one, so that a parent that was away hears of it; its end once."""
        if difference is None and not self._told:
            return
        self._json("POST", "/difference", {"log": self._log, "difference": difference})
        self._told = difference is not None

    def testimony(self) -> Testimony:
        return read_testimony(self._call("GET", f"/{self._log}/lines"), self.name)

    def strangers(self) -> list[Testimony]:
        told = self._json("GET", f"/{self._log}")
        heads = [self._head(one) for one in told.get("others", [])]
        return [
            Testimony(f"{self.name} {head.log[:16]}", [head]) for head in heads if not head.log.startswith(tuple(self._others))
        ]

    def _head(self, told: Any) -> Head:
        try:
            return Head.of_json(told)
        except BadHead as error:
            raise self._odd(str(error)) from error

    def _json(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            told = orjson.loads(self._call(method, path, body))
        except orjson.JSONDecodeError as error:
            raise self._odd(str(error)) from error
        if not isinstance(told, dict):
            raise self._odd("no JSON object")
        return told

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self._parent.secret()}", "Accept-Language": "en"}
        try:
            with (
                httpx.Client(
                    base_url=self._parent.url,
                    timeout=TIMES,
                    trust_env=False,
                    transport=httpx.HTTPTransport(verify=self._parent.trust, retries=AGAIN),
                ) as client,
                client.stream(method, API + path, json=body, headers=headers) as answer,
            ):
                content = self._read(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(
                "the parent node {witness} does not answer: {why}", witness=self.name, why=str(error) or type(error).__name__
            ) from error
        if answer.status_code != 200:
            raise self._refused(answer.status_code, content)
        return content

    def _read(self, answer: httpx.Response) -> bytes:
        found = bytearray()
        for part in answer.iter_bytes():
            found += part
            if len(found) > MOST_BYTES:
                raise self._odd(f"more than {MOST_BYTES} bytes")
        return bytes(found)

    def _refused(self, status: int, content: bytes) -> Unavailable:
        try:
            why = str(orjson.loads(content)["detail"])[:500]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            why = f"HTTP {status}"
        if status in {401, 403}:
            return Unavailable("the parent node {witness} does not take this node's token: {why}", witness=self.name, why=why)
        return Unavailable("the parent node {witness} refused: {why}", witness=self.name, why=why)

    def _odd(self, why: str) -> Unavailable:
        return Unavailable("{witness} answers, but not as a parent node does: {why}", witness=self.name, why=why[:300])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
