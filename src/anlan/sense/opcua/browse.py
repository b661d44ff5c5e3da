"""What an OPC UA server offers, as lines of a point list: walks its address space and reads names, types, units and ranges."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from asyncua import Client, Node, ua

from anlan.model.clock import Clock
from anlan.model.errors import UnitError
from anlan.model.units import read_unit, unit
from anlan.sense.opcua.session import SessionConfig, connected

NUMBERS = range(int(ua.VariantType.Boolean), int(ua.VariantType.Double) + 1)
"""Data types i=1 … i=11: Boolean, the integers, Float, Double."""
KIND_OF = {"temperature": "temperature", "pressure": "pressure", "volume_flow": "flow", "mass_flow": "flow", "rotation": "speed"}
"""Dimension of the unit → semantic kind, where the one tells the other; elsewhere a person fills it in."""
HIERARCHY = ua.ObjectIds.HierarchicalReferences
SERVER = ua.NodeId(ua.ObjectIds.Server)
BATCH = 500


async def browse(config: SessionConfig, source: str, clock: Clock, *, root: str = "", most: int = 20_000) -> list[dict[str, str]]:
    """One dict of points.csv columns per variable that holds a number, a state or a word, in the order of the server.

    `root` is the node to start from (else Objects). Stops at `most` variables. Raises DriverError when the server cannot be reached.
    """
    async with connected(config, clock) as client:
        namespaces = list(await client.get_namespace_array())
        start = client.get_node(ua.NodeId.from_string(root)) if root else client.nodes.objects
        found = [entry async for entry in _variables(start, (), set(), most)]
        return [
            row for at in range(0, len(found), BATCH) for row in await _rows(client, found[at : at + BATCH], source, namespaces)
        ]


async def _variables(
    node: Node, path: tuple[str, ...], seen: set[ua.NodeId], most: int
) -> AsyncIterator[tuple[Node, tuple[str, ...]]]:
    """Every variable below `node` once, with the names on the way; the server's description of itself is left out."""
    masks = ua.NodeClass.Object | ua.NodeClass.Variable
    for reference in await node.get_children_descriptions(HIERARCHY, masks):
        # A server may refer to one node from many places, also in circles.
        if reference.NodeId in seen or reference.NodeId == SERVER or len(seen) >= most:
            continue
        seen.add(reference.NodeId)
        child, below = Node(node.session, reference.NodeId), (*path, reference.BrowseName.Name)
        if reference.NodeClass == ua.NodeClass.Variable:
            if reference.ReferenceTypeId != ua.NodeId(ua.ObjectIds.HasProperty):
                yield child, below
        else:
            async for found in _variables(child, below, seen, most):
                yield found


async def _rows(
    client: Client, found: list[tuple[Node, tuple[str, ...]]], source: str, namespaces: list[str]
) -> list[dict[str, str]]:
    nodes = [node.nodeid for node, _ in found]
    read = client.uaclient.session.read_attributes
    types = await read(nodes, ua.AttributeIds.DataType)
    titles = await read(nodes, ua.AttributeIds.DisplayName)
    texts = await read(nodes, ua.AttributeIds.Description)
    rows = []
    for (node, path), kind, title, text in zip(found, types, titles, texts, strict=True):
        properties = await properties_of(node)
        if is_readable(held_in(kind), properties):
            rows.append(
                row_of(node, path, source, namespaces, properties) | names_of(text_of(held_in(text)) or text_of(held_in(title)))
            )
    return rows


async def properties_of(node: Node) -> dict[str, Any]:
    """The node's EngineeringUnits, EURange and state names, by browse name."""
    wanted = {"EngineeringUnits", "EURange", "EnumStrings", "TrueState", "FalseState"}
    found = {}
    for reference in await node.get_children_descriptions(ua.ObjectIds.HasProperty, ua.NodeClass.Variable):
        if reference.BrowseName.Name in wanted:
            found[reference.BrowseName.Name] = await Node(node.session, reference.NodeId).read_value()
    return found


def is_readable(kind: Any, properties: Mapping[str, Any]) -> bool:
    """Numbers and booleans always; words only where the server says which there are; structures and times never."""
    if not isinstance(kind, ua.NodeId) or kind.NamespaceIndex:
        return "EnumStrings" in properties
    return kind.Identifier in NUMBERS or "EnumStrings" in properties


def row_of(
    node: Node, path: tuple[str, ...], source: str, namespaces: list[str], properties: Mapping[str, Any]
) -> dict[str, str]:
    written, form = _unit(properties.get("EngineeringUnits"))
    span = properties.get("EURange")
    return {
        "id": re.sub(r"[^A-Za-z0-9._-]+", "_", path[-1]).strip("_.-"),
        "place": "/".join(path[:-1]),
        "kind": KIND_OF.get(unit(form).dimension, "") if form else "",
        "unit": form or written,
        "range_low": f"{span.Low:g}" if span is not None else "",
        "range_high": f"{span.High:g}" if span is not None else "",
        "states": _states(properties),
        "source": source,
        "address": address_of(node.nodeid, namespaces),
        "reporting": "on_change",
    }


def _unit(held: Any) -> tuple[str, str]:
    """(the unit as the server writes it, our code for it or "")."""
    written = text_of(held.DisplayName) if held is not None else ""
    try:
        return written, read_unit(written).unit if written else ""
    except UnitError:
        return written, ""


def _states(properties: Mapping[str, Any]) -> str:
    names = [text_of(name) for name in properties.get("EnumStrings") or ()]
    if not names and "TrueState" in properties:
        names = [text_of(properties.get("FalseState")), text_of(properties["TrueState"])]
    return "; ".join(f"{number}={_escaped(name)}" for number, name in enumerate(names) if name)


def _escaped(name: str) -> str:
    """As the states column of a point list wants the signs that it uses itself."""
    return re.sub(r"([;；,，、=＝:：/／\\])", r"\\\1", name)


def address_of(node: ua.NodeId, namespaces: list[str]) -> str:
    """By namespace URI, because a server may number its namespaces anew at any start."""
    text: str = ua.NodeId(node.Identifier, 0, node.NodeIdType).to_string()
    return f"nsu={namespaces[node.NamespaceIndex]};{text}" if 0 < node.NamespaceIndex < len(namespaces) else node.to_string()


def names_of(text: str) -> dict[str, str]:
    chinese = any("\u4e00" <= sign <= "\u9fff" for sign in text)
    return {"name_zh" if chinese else "name_en": text}


def held_in(data: Any) -> Any:
    return data.Value.Value if data.Value is not None else None


def text_of(held: Any) -> str:
    return str(getattr(held, "Text", held) or "")
