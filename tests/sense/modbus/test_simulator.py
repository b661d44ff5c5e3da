"""The Modbus simulator, asked by pymodbus' own client."""

from __future__ import annotations

from pymodbus.client import AsyncModbusTcpClient

from anlan.sense.modbus.simulator import ModbusServer


async def test_it_answers_records_and_comes_back_on_its_port() -> None:
    server = ModbusServer(strict=True)
    await server.start()
    server.set("hr:10 uint32", 70_000)
    port = server.port
    client = AsyncModbusTcpClient("127.0.0.1", port=port, reconnect_delay=0)
    await client.connect()
    assert (await client.read_holding_registers(10, count=2)).registers == [1, 4464]
    assert (await client.read_holding_registers(9, count=2)).exception_code == 2
    assert server.recording.services() == {"function 3"}
    client.close()
    await server.stop()
    await server.start()
    assert server.port == port
    assert server.get("hr:10 uint32") == 70_000
    await server.stop()


async def test_a_write_is_seen_in_the_recording() -> None:
    server = ModbusServer()
    await server.start()
    client = AsyncModbusTcpClient("127.0.0.1", port=server.port, reconnect_delay=0)
    await client.connect()
    await client.write_register(4, 9)
    assert server.recording.services() == {"function 6"}
    client.close()
    await server.stop()
