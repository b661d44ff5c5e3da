"""One connected session with an OPC UA server: security, sign-in, namespaces. Shared by the driver and the browse import."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from asyncua import Client, ua
from asyncua.crypto import security_policies, uacrypto
from pydantic import Field

from anlan.model.clock import Clock
from anlan.model.errors import DriverError
from anlan.sense.driver import DriverConfig
from anlan.sense.opcua import pki
from anlan.sense.opcua.address import Address

POLICY = security_policies.SecurityPolicyBasic256Sha256
MODE = ua.MessageSecurityMode.SignAndEncrypt


class SessionConfig(DriverConfig):
    """How to reach and believe a server. Signed and encrypted unless `security: none` is written down."""

    url: str = Field(pattern=r"^opc\.tcp://[^/@]+", description="opc.tcp://host:port/path, without user and password")
    security: Literal["Basic256Sha256", "none"] = "Basic256Sha256"
    trust: Literal["listed", "first"] = "listed"
    username: str = ""
    password_file: Path | None = None
    folder: Path = Path()
    """The node's folder; certificates live in `pki/` below it."""
    application_uri: str = "urn:anlan:client"
    timeout: float = Field(default=4.0, gt=0, le=60, description="s")
    heartbeat: float = Field(default=2.0, gt=0, le=60, description="s between looks at the server's state")


@asynccontextmanager
async def connected(config: SessionConfig, clock: Clock, password: str = "") -> AsyncIterator[Client]:
    """A client with an active session; DriverError when the server cannot be believed or reached.

    `password`: as a person has just typed it, where no file holds it.
    """
    client = Client(config.url, timeout=config.timeout, watchdog_intervall=config.heartbeat)
    client.application_uri, client.name = config.application_uri, "Anlan"
    # Nothing larger than this is a notification; a hostile server must not fill our memory.
    client.max_messagesize, client.max_chunkcount = 64 * 2**20, 4096
    try:
        if config.security != "none":
            await _secure(client, config, clock)
        _sign_in(client, config, password)
        await client.connect()
    except (OSError, TimeoutError, ua.UaError) as failed:
        raise DriverError("{url} cannot be reached: {why}", url=config.url, why=_why(failed)) from failed
    try:
        yield client
    finally:
        # A dead server cannot be told goodbye; what matters is that our side is torn down, and in a bounded time.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(config.timeout):
                await client.disconnect()


async def _secure(client: Client, config: SessionConfig, clock: Clock) -> None:
    folder = config.folder / "pki"
    certificate, key = await asyncio.to_thread(pki.own, folder, config.application_uri, clock)
    endpoints = await client.connect_and_get_server_endpoints()
    try:
        server = client.find_endpoint(endpoints, MODE, POLICY.URI).ServerCertificate
    except ua.UaError as none:
        raise DriverError("{url} offers no Basic256Sha256 with SignAndEncrypt", url=config.url) from none
    # Some servers send their whole chain: the first certificate is their own.
    server = server[: int.from_bytes(server[2:4], "big") + 4]
    at, first = pki.address_of(config.url), config.trust == "first"
    await asyncio.to_thread(pki.believe, folder, server, clock, at=at, first=first)
    await client.set_security(POLICY, certificate, key, server_certificate=uacrypto.CertProperties(server, "der"), mode=MODE)


def _sign_in(client: Client, config: SessionConfig, password: str) -> None:
    if config.username:
        client.set_user(config.username)
    if password:
        client.set_password(password)
    if config.password_file is not None:
        client.set_password(config.password_file.read_text("utf-8").strip())


def _why(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


async def node_ids(client: Client, addresses: list[Address]) -> list[ua.NodeId | None]:
    """The node of each address by this server's present namespace numbers; None where its namespace does not exist here."""
    array = list(await client.get_namespace_array())
    return [_node_id(address, array) for address in addresses]


def _node_id(address: Address, array: list[str]) -> ua.NodeId | None:
    number = address.namespace
    if isinstance(number, str):
        if number not in array:
            return None
        number = array.index(number)
    try:
        return ua.NodeId.from_string(f"ns={number};{address.node}")
    except ua.UaError:
        return None
