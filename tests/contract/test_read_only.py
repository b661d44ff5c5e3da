"""Read-only, provably: nothing under sense/ that runs against a plant can write to it.

Here over the source tree: no write call is named, no write-capable piece imported. Over the wire the same is proven by
`check_only_reads` of the driver contract, in which recording simulators see every request.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import anlan.sense

ROOM = Path(anlan.sense.__file__).parent
PLAYING_DEVICES = {"simulator.py", "harness.py", "packets.py"}
"""Files that play the device's side; nothing that reads a plant imports them."""

WRITES = {
    "Modbus 5, 15": {"write_coil", "write_coils"},
    "Modbus 6, 16": {"write_register", "write_registers"},
    "Modbus 22, 23": {"mask_write_register", "readwrite_registers"},
    "Modbus 8, 21, 43": {"write_file_record", "diag_force_listen_only", "diag_restart_communication", "diag_clear_counters"},
    "Modbus raw": {"execute", "buildFrame", "pdu_send"},
    "OPC UA Write": {
        "write_value",
        "write_values",
        "set_value",
        "write_attribute",
        "write_attributes",
        "write_params",
        "write_attribute_value",
        "write_data_type",
        "set_writable",
    },
    "OPC UA Call": {"call_method", "call_method_full", "call"},
    "OPC UA nodes": {
        "add_nodes",
        "add_references",
        "delete_nodes",
        "delete_references",
        "add_variable",
        "add_folder",
        "add_object",
        "history_update",
    },
    "MQTT PUBLISH": {"publish", "will_set"},
}
BANNED = {name: service for service, names in WRITES.items() for name in names}
BANNED_MODULES = (
    "asyncua.server",
    "asyncua.sync",
    "pymodbus.server",
    "pymodbus.simulator",
    "pymodbus.datastore",
    "paho.mqtt.publish",
    "amqtt",
)
BANNED_IMPORTS = {"Server", "ModbusTcpServer"}


def sources() -> list[Path]:
    """What runs against a plant: everything in the room but the demo plant and the files that play devices."""
    return [p for p in sorted(ROOM.rglob("*.py")) if "demo" not in p.relative_to(ROOM).parts and p.name not in PLAYING_DEVICES]


def findings(tree: ast.AST) -> list[str]:
    """Every banned name in a module, however it is reached: attribute, name, import, or a string given to getattr."""
    found = []
    for node in ast.walk(tree):
        names = {
            ast.Attribute: lambda n: [n.attr],
            ast.Name: lambda n: [n.id],
            ast.ImportFrom: lambda n: [a.name for a in n.names],
            ast.Constant: lambda n: [n.value] if isinstance(n.value, str) else [],
        }.get(type(node), lambda n: [])(node)
        found += [f"line {getattr(node, 'lineno', 0)}: {name} ({BANNED[name]})" for name in names if name in BANNED]
    return found


def imported(tree: ast.AST) -> set[str]:
    """Full names of everything a module imports."""
    plain = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return plain | {f"{n.module}.{a.name}" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOM)))
def test_no_write_is_named(path: Path) -> None:
    assert findings(ast.parse(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOM)))
def test_no_server_simulator_or_writer_is_imported(path: Path) -> None:
    names = imported(ast.parse(path.read_text("utf-8")))
    playing = tuple(f".{name.removesuffix('.py')}" for name in PLAYING_DEVICES)
    wrong = {n for n in names if n.startswith(BANNED_MODULES) or n.rpartition(".")[2] in BANNED_IMPORTS}
    wrong |= {n for n in names if n.startswith("anlan.sense") and any(f"{p}." in f"{n}." for p in (*playing, ".demo"))}
    assert wrong - {"pymodbus.pdu.ModbusPDU"} == set()


@pytest.mark.parametrize(
    "planted",
    [
        "client.write_register(1, 2)",
        "await node.write_value(3)",
        "getattr(client, 'write_coils')([1])",
        "from x import call_method",
        "mqtt.publish('t')",
    ],
)
def test_a_planted_write_is_found(planted: str) -> None:
    tree = ast.parse(f"async def f(client, node, mqtt):\n    {planted}")
    assert len(findings(tree)) == 1


def test_every_file_is_looked_at() -> None:
    looked = {p.relative_to(ROOM).as_posix() for p in sources()}
    assert {
        "modbus/driver.py",
        "opcua/driver.py",
        "opcua/session.py",
        "mqtt/driver.py",
        "mqtt/connection.py",
        "_template/driver.py",
    } <= looked


MONITOR = ROOM.parent / "monitor"
SAFETY = [
    *sorted((MONITOR / "safety").rglob("*.py")),
    *sorted((MONITOR / "detectors").rglob("*.py")),
    *(MONITOR / name for name in ("point_commands.py", "point_modes.py", "point_service.py", "api_points.py", "api_safety.py")),
]
"""What speaks of bypasses, inhibits and final elements: it has no way to a device at all."""


@pytest.mark.parametrize("path", SAFETY, ids=lambda p: str(p.relative_to(MONITOR)))
def test_what_speaks_of_the_safety_system_has_no_way_to_a_device(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    outside = ("anlan.sense", "anlan.bus", "pymodbus", "asyncua", "paho", "amqtt", "socket", "httpx")
    assert {name for name in imported(tree) if name.startswith(outside)} == set()


def test_all_of_it_is_looked_at() -> None:
    assert {path.name for path in SAFETY} >= {"matrix.py", "demands.py", "service.py", "point_service.py"}
    assert all(path.is_file() for path in SAFETY)


def test_sense_is_told_nothing_but_that_the_configuration_changed() -> None:
    """Over the node's own socket: whatever the console orders, core pushes to the process that holds the devices only this."""
    tree = ast.parse((ROOM.parent / "node" / "core.py").read_text("utf-8"))
    to_sense = [
        ast.unparse(call.args[0])
        for loop in ast.walk(tree)
        if isinstance(loop, ast.For) and "_senses" in ast.unparse(loop.iter)
        for call in ast.walk(loop)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "tell"
    ]
    assert to_sense == ["{'push': 'config', 'version': version}"]
