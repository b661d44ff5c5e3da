"""Where the console listens, and by which addresses people reach it: directly, by TLS of its own, or behind a proxy that speaks TLS.

What cannot work is refused before anything starts (`checked`): a console that nobody can open looks like a node that is down.
"""

from __future__ import annotations

import ipaddress
import ssl
import stat
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from anlan.model.clock import DAY, Micros, from_datetime, to_datetime
from anlan.model.errors import ConfigError, InputError
from anlan.web.context import WebSettings

ENDS_SOON: Micros = 14 * DAY
"""Long enough to have one issued, short enough that the bar on every console is not overlooked by then."""
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; those of 1.3 are all good. uvicorn's own default leaves 1.2 only the CBC suites."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Certificate:
    """A certificate with its chain and its key, both PEM files, as `ssl` reads them."""

    file: Path
    key: Path
    starts: Micros
    ends: Micros
    mode: int = 0o600
    """Of the key's file."""

    @classmethod
    def read(cls, file: Path, key: Path) -> Certificate:
        """Raises ConfigError naming the file that is missing, unreadable or does not fit the other."""
        certificate = _certificate(file)
        if _public(_key(key)) != _public(certificate):
            raise ConfigError(
                "this key does not belong to the certificate {certificate}",
                file=str(key),
                certificate=str(file),
                mend="name the key with which the certificate was requested; in a file with a chain the node's own certificate comes first",
            )
        starts, ends = from_datetime(certificate.not_valid_before_utc), from_datetime(certificate.not_valid_after_utc)
        found = cls(file, key, starts, ends, stat.S_IMODE(key.stat().st_mode))
        found._load()
        return found

    def doubt(self, now: Micros) -> ConfigError | None:
        """What is wrong with its time, past which browsers that know HSTS let nobody, or with who may read its key.

        No reason not to start: alarms and horn must not wait for a certificate, least of all after a power cut with a dead clock.
        """
        facts: dict[str, Any] = {"starts": _utc(self.starts), "ends": _utc(self.ends), "now": _utc(now)}
        if now < self.starts:
            return ConfigError(
                "the certificate is not yet valid: it begins {starts}, now is {now}",
                file=str(self.file),
                mend="set this machine's clock right, or take another certificate",
                **facts,
            )
        if now > self.ends:
            return ConfigError(
                "the certificate has expired: it ended {ends}, now is {now}",
                file=str(self.file),
                mend="renew it: a running node takes the new one within a minute",
                **facts,
            )
        if self.mode & stat.S_IRWXO:
            return ConfigError(
                "everybody on this machine may read or write the certificate's key: its mode is {mode}, 600 was expected",
                file=str(self.key),
                mend="chmod 600; if somebody may have copied it, take a new key and certificate",
                mode=f"{self.mode:o}",
            )
        return None

    def days_left(self, now: Micros) -> int | None:
        """Whole days until it ends, once that is soon; None before."""
        return None if self.ends - now > ENDS_SOON else max(0, (self.ends - now) // DAY)

    def _load(self) -> None:
        """What OpenSSL refuses (a key too short, a broken chain) is found here and not by the first browser."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.file, self.key)
        except (ssl.SSLError, OSError) as error:
            why = getattr(error, "reason", None) or str(error)
            raise ConfigError(
                "OpenSSL does not take this certificate with its key: {why}", file=str(self.file), why=why
            ) from error


@dataclass(frozen=True)
class Listening:
    """`origins`: what people type, when that is not the address listened on. `proxies`: addresses whose X-Forwarded-For is believed."""

    host: str = "127.0.0.1"
    port: int = 8700
    certificate: Path | None = None
    key: Path | None = None
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()

    def checked(self) -> Listening:
        """With origins as browsers spell them. Raises InputError for what would leave the console unreachable."""
        origins = tuple(dict.fromkeys(_origin(one) for one in self.origins))
        for proxy in self.proxies:
            _check_proxy(proxy)
        found = replace(self, origins=origins)
        _ = found.pair
        self._check_fit(origins)
        return found

    @cached_property
    def pair(self) -> Certificate | None:
        """Raises ConfigError."""
        if self.certificate is None and self.key is None:
            return None
        if self.certificate is None or self.key is None:
            given = self.certificate or self.key
            raise ConfigError("a certificate and its key are given together: --certificate and --key", file=str(given))
        return Certificate.read(self.certificate, self.key)

    def pair_now(self) -> Certificate | None:
        """As the files are now, which may have been renewed. Raises ConfigError."""
        return Certificate.read(self.certificate, self.key) if self.certificate is not None and self.key is not None else None

    @property
    def tls(self) -> bool:
        """Whether browsers reach the console by TLS, whoever speaks it."""
        return self.certificate is not None or any(origin.startswith("https:") for origin in self.origins)

    def settings(self) -> WebSettings:
        return WebSettings(tls=self.tls, origins=self.origins)

    def serving(self) -> dict[str, Any]:
        """The options of `web.serve.server`."""
        return {"certificate": self.certificate, "key": self.key, "proxies": self.proxies}

    def arguments(self) -> list[str]:
        """For another process's command line; `from_arguments` reads them."""
        given = [("--host", self.host), ("--port", str(self.port))]
        given += [(name, str(file)) for name, file in (("--certificate", self.certificate), ("--key", self.key)) if file]
        given += [("--origin", one) for one in self.origins] + [("--proxy", one) for one in self.proxies]
        return [f"{name}={value}" for name, value in given]

    def address(self, listened: str) -> str:
        """What to print: the first public origin, else the address listened on."""
        return self.origins[0] if self.origins else listened

    def _check_fit(self, origins: tuple[str, ...]) -> None:
        plain = next((one for one in origins if one.startswith("http:")), None)
        if plain is not None and self.tls:
            raise InputError(
                "--origin {origin}: this console speaks HTTPS, where a browser sends no sign-in over HTTP; https:// was expected",
                origin=plain,
            )
        if self.certificate is None and origins and plain is None and not self.proxies:
            raise InputError(
                "--origin {origin}: nobody speaks HTTPS there; give --certificate and --key, or name the proxy that does with --proxy, "
                "for example --proxy 127.0.0.1",
                origin=origins[0],
            )


def _origin(text: str) -> str:
    """As browsers name it: scheme, host in lower case, port unless it is the scheme's own."""
    parts = urlsplit(text.strip())
    try:
        port = parts.port
    except ValueError:
        port = -1
    bare = parts.path in {"", "/"} and not parts.query and not parts.fragment and parts.username is None
    if parts.scheme not in _PORTS or not parts.hostname or port == -1 or not bare:
        raise InputError("--origin {origin}: scheme, host and port were expected, for example https://console.plant", origin=text)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.encode("idna").decode()
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, _PORTS[parts.scheme]} else "")


def _check_proxy(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise InputError(
            "--proxy {proxy}: the proxy's IP address or network was expected, for example 127.0.0.1 or 10.20.0.0/24", proxy=text
        ) from error


def _read(file: Path, missing: str) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(missing, file=str(file)) from error
    except OSError as error:
        raise ConfigError("this file cannot be read: {why}", file=str(file), why=error.strerror or "") from error


def _certificate(file: Path) -> x509.Certificate:
    data = _read(file, "there is no such file; the certificate in PEM form was expected here")
    try:
        return x509.load_pem_x509_certificates(data)[0]
    except ValueError as error:
        raise ConfigError("this is no certificate in PEM form (-----BEGIN CERTIFICATE-----)", file=str(file)) from error


def _key(file: Path) -> Any:
    data = _read(file, "there is no such file; the certificate's key in PEM form was expected here")
    try:
        return serialization.load_pem_private_key(data, password=None)
    except TypeError as error:
        mend = "openssl pkey -in KEY -out PLAIN-KEY takes the password away; chmod 600 PLAIN-KEY"
        raise ConfigError(
            "this key is locked by a password, and nobody is there when the node starts", file=str(file), mend=mend
        ) from error
    except ValueError as error:
        raise ConfigError("this is no private key in PEM form (-----BEGIN PRIVATE KEY-----)", file=str(file)) from error


def _utc(instant: Micros) -> str:
    return f"{to_datetime(instant):%Y-%m-%d %H:%M} UTC"


def _public(holder: Any) -> bytes:
    public = holder.public_key()
    found: bytes = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return found
