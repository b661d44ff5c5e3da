"""Run the app on a port: loopback unless asked for more, no header that names the server, log lines by structlog only."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI

from anlan.model.errors import ConfigError, InputError, Unavailable
from anlan.web.bounds import Bounds
from anlan.web.listening import CIPHERS, Certificate
from anlan.web.protocols import http_protocol, websocket_protocol

LOOPBACK = "127.0.0.1"
RENEWED_SECONDS = 60.0
"""How often a certificate's files are looked at."""

log = structlog.get_logger()


def server(
    app: FastAPI, *, certificate: Path | None = None, key: Path | None = None, proxies: tuple[str, ...] = (), grace: int = 3
) -> _Server:
    """`proxies`: addresses of reverse proxies whose X-Forwarded-For is believed. TLS when a certificate is given."""
    if (certificate is None) != (key is None):
        raise ConfigError("a certificate and its key are given together", file=str(certificate or key))
    bounds: Bounds = app.state.context.bounds
    bounds.proxies = frozenset(proxies)
    bounds.fit_machine()
    config = uvicorn.Config(
        app,
        http=http_protocol(bounds),
        ws=websocket_protocol(bounds),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies) or None,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ciphers=CIPHERS,
        timeout_graceful_shutdown=grace,
        ws_max_size=1 << 20,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """Tells when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def listen(host: str = LOOPBACK, port: int = 0) -> socket.socket:
    """A bound socket; port 0 takes a free one. Raises InputError for what is no address here, Unavailable for a port that is taken or
    closed to us."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise InputError("--host: {host} is no address of this machine; 0.0.0.0 is all of them", host=host) from error
        if error.errno == errno.EADDRINUSE:
            message = "cannot listen on {host}:{port}: {why}; is another node running? --port takes another one"
        else:
            message = "cannot listen on {host}:{port}: {why}"
        raise Unavailable(message, host=host, port=port, why=error.strerror or str(error)) from error
    return bound


async def serve(
    app: FastAPI, bound: socket.socket, *, on_ready: Callable[[str], None] = lambda _: None, **options: object
) -> None:
    """Until cancelled. `on_ready` gets the address to print once requests are answered."""
    running = server(app, **options)  # type: ignore[arg-type]
    following: asyncio.Task[None] | None = None
    task = asyncio.create_task(running.serve(sockets=[bound]))
    try:
        ready = asyncio.create_task(running.ready.wait())
        await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if running.started:
            on_ready(address_of(bound, tls=running.config.is_ssl))
        following = asyncio.create_task(_follow_renewals(running.config))
        await asyncio.shield(task)
    finally:
        if following is not None:
            following.cancel()
        running.should_exit = True
        with suppress(asyncio.CancelledError):
            await task


async def _follow_renewals(config: uvicorn.Config) -> None:
    """A renewed certificate is shown to who comes next; open connections keep theirs. One that does not fit is logged, and the old one shown:
    the fault above every page is told by who watches its time."""
    if config.ssl is None:
        return
    file, key = Path(str(config.ssl_certfile)), Path(str(config.ssl_keyfile))
    seen = _stamps(file, key)
    while True:
        await asyncio.sleep(RENEWED_SECONDS)
        now = _stamps(file, key)
        if now == seen:
            continue
        seen = now
        try:
            Certificate.read(file, key)
            config.ssl.load_cert_chain(file, key)
            log.info("renewed certificate taken", file=str(file))
        except (ConfigError, ssl.SSLError, OSError) as error:
            log.error("renewed certificate not taken", file=str(file), error=str(error))


def _stamps(*files: Path) -> list[tuple[int, int]]:
    """What shows that one was written anew; nothing for one that is not there."""
    found = []
    for file in files:
        with suppress(OSError):
            state = file.stat()
            found.append((state.st_mtime_ns, state.st_ino))
    return found


def address_of(bound: socket.socket, *, tls: bool = False) -> str:
    host, port = bound.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
