"""An OPC UA server looked at: its endpoints and certificate, then its tree, one level at a time, with what stands in it now."""

from __future__ import annotations

import asyncio
import hashlib
import math
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from asyncua import Client, Node, ua
from cryptography import x509

from anlan.model.clock import Clock
from anlan.model.errors import DriverError
from anlan.sense.looking.reach import reach
from anlan.sense.looking.requests import NotReached, OpcUaBrowse, OpcUaEndpoints, OpcUaTrust
from anlan.sense.opcua import pki
from anlan.sense.opcua.browse import HIERARCHY, SERVER, address_of, held_in, is_readable, names_of, properties_of, row_of, text_of
from anlan.sense.opcua.session import MODE, POLICY, SessionConfig, connected
from anlan.sense.opcua.status import name_of

MOST = 400
"""Children of one node that are shown; more are counted."""
TYPES = {int(kind): kind.name for kind in ua.VariantType}
SECONDS = 5.0
MODES = {ua.MessageSecurityMode.None_: "None", ua.MessageSecurityMode.Sign: "Sign", MODE: "SignAndEncrypt"}


async def endpoints(look: OpcUaEndpoints, folder: Path, clock: Clock) -> dict[str, Any]:
    """Each security mode offered and whether this node can use it, the ways to sign in, and the certificate with its fingerprint."""
    found = await _endpoints(look.url)
    listed: list[dict[str, Any]] = []
    for one in found:
        row = {"mode": MODES.get(one.SecurityMode, str(one.SecurityMode)), "policy": one.SecurityPolicyUri.rpartition("#")[2]}
        if row not in [{k: r[k] for k in row} for r in listed]:
            listed.append(
                row | {"security": _ours(one), "sign_in": sorted({t.TokenType.name for t in one.UserIdentityTokens or ()})}
            )
    server = found[0].Server if found else None
    shown = next((one.ServerCertificate for one in found if _ours(one) == "Basic256Sha256" and one.ServerCertificate), b"")
    return {
        "url": look.url,
        "name": text_of(server.ApplicationName) if server is not None else "",
        "uri": str(server.ApplicationUri or "") if server is not None else "",
        "endpoints": listed,
        "certificate": await asyncio.to_thread(_certificate, shown, look.url, folder, clock) if shown else None,
    }


async def trust(look: OpcUaTrust, folder: Path, clock: Clock) -> dict[str, Any]:
    """Believe from now on, at this address, the certificate that the person has seen, and no other. Raises NotReached when the server
    shows another one."""
    told = await endpoints(OpcUaEndpoints(url=look.url), folder, clock)
    found = next((one.ServerCertificate for one in await _endpoints(look.url) if _ours(one) == "Basic256Sha256"), None)
    own = _first(found or b"")
    shown = hashlib.sha256(own).hexdigest() if own else ""
    if shown != look.fingerprint:
        raise NotReached(
            "the server now shows the certificate {found}, not {expected}: nothing is trusted; look at it again",
            found=shown[:16] or "—",
            expected=look.fingerprint[:16],
        )
    try:
        await asyncio.to_thread(pki.trust, folder / "pki", own, at=pki.address_of(look.url))
    except DriverError as none:
        raise NotReached(none.message, **none.facts) from none
    return told | {"certificate": await asyncio.to_thread(_certificate, own, look.url, folder, clock)}


async def browse(look: OpcUaBrowse, folder: Path, clock: Clock) -> dict[str, Any]:
    """`items`: folders and variables right below the node, in the server's order; `left_out`: how many more there are."""
    await reach(*_where(look.url))
    config = SessionConfig(url=look.url, security=look.security, folder=folder, username=look.username, timeout=SECONDS)
    try:
        async with connected(config, clock, look.password) as client:
            start = client.get_node(ua.NodeId.from_string(look.node)) if look.node else client.nodes.objects
            return await _level(client, start)
    except DriverError as failed:
        raise NotReached(failed.message, **failed.facts) from failed
    except (ua.UaError, ValueError, OSError, TimeoutError) as failed:
        raise NotReached("{url} does not show this: {why}", url=look.url, why=str(failed) or type(failed).__name__) from failed


async def _level(client: Client, start: Node) -> dict[str, Any]:
    namespaces = list(await client.get_namespace_array())
    masks = ua.NodeClass.Object | ua.NodeClass.Variable
    below = [
        reference
        for reference in await start.get_children_descriptions(HIERARCHY, masks)
        if reference.NodeId != SERVER and reference.ReferenceTypeId != ua.NodeId(ua.ObjectIds.HasProperty)
    ]
    shown = below[:MOST]
    nodes = [Node(start.session, one.NodeId) for one in shown]
    variables = [node for node, one in zip(nodes, shown, strict=True) if one.NodeClass == ua.NodeClass.Variable]
    facts = dict(zip([node.nodeid for node in variables], await _variables(client, variables, namespaces), strict=True))
    items = [
        {
            "node": one.NodeId.to_string(),
            "name": text_of(one.DisplayName) or one.BrowseName.Name,
            "folder": one.NodeClass == ua.NodeClass.Object,
            **facts.get(one.NodeId, {}),
        }
        for one in shown
    ]
    return {"items": items, "left_out": len(below) - len(shown)}


async def _variables(client: Client, nodes: list[Node], namespaces: list[str]) -> list[dict[str, Any]]:
    """Type, present value and status, and the line of a point list that the server's own words make."""
    if not nodes:
        return []
    ids = [node.nodeid for node in nodes]
    read = client.uaclient.session.read_attributes
    values = await _values(client, ids)
    types = await read(ids, ua.AttributeIds.DataType)
    titles = await read(ids, ua.AttributeIds.DisplayName)
    texts = await read(ids, ua.AttributeIds.Description)
    found = []
    for node, value, kind, title, text in zip(nodes, values, types, titles, texts, strict=True):
        properties = await properties_of(node)
        browse_name = text_of(held_in(title)) or str(node.nodeid.Identifier)
        row = row_of(node, (browse_name,), "", namespaces, properties) | names_of(text_of(held_in(text)) or browse_name)
        row["address"] = address_of(node.nodeid, namespaces)
        found.append(
            {
                "type": _type(held_in(kind)),
                "value": _shown(held_in(value)),
                "status": name_of(value.StatusCode.value) if value.StatusCode is not None else "Good",
                "readable": is_readable(held_in(kind), properties),
                "row": {key: text for key, text in row.items() if text},
            }
        )
    return found


async def _values(client: Client, ids: list[ua.NodeId]) -> list[ua.DataValue]:
    """All at once; a server that fails over one of them is asked one by one, and that one is told as it failed."""
    read = client.uaclient.session.read_attributes
    try:
        return list(await read(ids, ua.AttributeIds.Value))
    except ua.UaError:
        return [await _value(client, one) for one in ids]


async def _value(client: Client, node: ua.NodeId) -> ua.DataValue:
    try:
        found: ua.DataValue = (await client.uaclient.session.read_attributes([node], ua.AttributeIds.Value))[0]
    except ua.UaStatusCodeError as failed:
        found = ua.DataValue(StatusCode=ua.StatusCode(failed.code))
    return found


def _type(kind: Any) -> str:
    if isinstance(kind, ua.NodeId) and not kind.NamespaceIndex and isinstance(kind.Identifier, int):
        return str(TYPES.get(kind.Identifier, kind.Identifier))
    return str(kind.to_string()) if isinstance(kind, ua.NodeId) else "—"


def _shown(held: Any) -> Any:
    """A number or a truth as it is, anything else as a short text, nothing as None."""
    if held is None or isinstance(held, bool | int):
        return held
    if isinstance(held, float):
        return held if math.isfinite(held) else str(held)
    return str(text_of(held))[:120]


async def _endpoints(url: str) -> list[ua.EndpointDescription]:
    """As the server at this very address tells them; the addresses that it names itself are not followed."""
    await reach(*_where(url))
    client = Client(url, timeout=SECONDS)
    client.max_messagesize, client.max_chunkcount = 4 * 2**20, 256
    try:
        async with asyncio.timeout(2 * SECONDS):
            return list(await client.connect_and_get_server_endpoints())
    except (OSError, TimeoutError, ua.UaError, ValueError) as failed:
        raise NotReached(
            "{url} listens, but does not speak OPC UA: {why}", url=url, why=str(failed) or type(failed).__name__
        ) from failed


def _where(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        return parts.hostname or "", parts.port or pki.PORT
    except ValueError as wrong:
        raise NotReached("{url}: {why}", url=url, why=str(wrong)) from wrong


def _ours(endpoint: ua.EndpointDescription) -> str:
    """What a source would write under `security:` for it; "" where this node cannot speak it."""
    if endpoint.SecurityMode == MODE and endpoint.SecurityPolicyUri == POLICY.URI:
        return "Basic256Sha256"
    return "none" if endpoint.SecurityMode == ua.MessageSecurityMode.None_ else ""


def _first(chain: bytes) -> bytes:
    """Some servers send their whole chain: the first certificate is their own."""
    return chain[: int.from_bytes(chain[2:4], "big") + 4]


def _certificate(chain: bytes, url: str, folder: Path, clock: Clock) -> dict[str, Any]:
    """`address`: host:port at which `trusted` is said, and at which it would be trusted."""
    own, address = _first(chain), pki.address_of(url)
    try:
        held = x509.load_der_x509_certificate(own)
    except ValueError as wrong:
        raise NotReached("the server's certificate cannot be read: {why}", why=str(wrong)) from wrong
    return {
        "subject": held.subject.rfc4514_string(),
        "fingerprint": hashlib.sha256(own).hexdigest(),
        "start": held.not_valid_before_utc.date().isoformat(),
        "end": held.not_valid_after_utc.date().isoformat(),
        "address": address,
        "trusted": pki.is_trusted(folder / "pki", own, clock, at=address),
    }
