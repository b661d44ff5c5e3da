"""One look, by its name: what the process and the command line have in common. Protocols are loaded when something answers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from anlan.model.clock import Clock
from anlan.sense.looking.requests import Look, ModbusScan, MqttListen, OpcUaBrowse, OpcUaEndpoints, OpcUaTrust

CHATTY = ("pymodbus.logging", "asyncua")
"""Libraries that log each failed attempt with its bytes; what failed is the answer."""


async def look_at(look: Look, folder: Path, clock: Clock) -> dict[str, Any]:
    """`folder` is the node's, for its certificates. Raises NotReached, InputError."""
    for library in CHATTY:
        logging.getLogger(library).setLevel(logging.CRITICAL)
    if isinstance(look, ModbusScan):
        from anlan.sense.looking import modbus

        return await modbus.scan(look)
    if isinstance(look, MqttListen):
        from anlan.sense.looking import mqtt

        return await mqtt.listen(look)
    from anlan.sense.looking import opcua

    if isinstance(look, OpcUaBrowse):
        return await opcua.browse(look, folder, clock)
    if isinstance(look, OpcUaTrust):
        return await opcua.trust(look, folder, clock)
    assert isinstance(look, OpcUaEndpoints)
    return await opcua.endpoints(look, folder, clock)
