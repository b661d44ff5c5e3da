"""The driver against the very bytes of the standard's examples (Modbus Application Protocol V1.1b3, 6.1–6.4), framed by hand."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from anlan.sense.modbus.driver import ModbusDriver
from anlan.sense.modbus.harness import Harness
from tests.sense.benches import last, reading, told

EXAMPLES = [
    # request PDU, response PDU, addresses and values. The standard counts from 1, the wire from 0.
    ("03 006B 0003", "03 06 022B 0000 0064", {"hr:107": 0x022B, "hr:108": 0, "hr:109": 100}),
    ("04 0008 0001", "04 02 000A", {"ir:8": 10}),
    ("01 0013 0013", "01 03 CD6B05", {"co:19": 1, "co:20": 0, "co:26": 1, "co:27": 1, "co:37": 1}),
    ("02 00C4 0016", "02 03 ACDB35", {"di:196": 0, "di:198": 1, "di:203": 1, "di:204": 1, "di:217": 1}),
]


def crc(data: bytes) -> bytes:
    """CRC-16 as in Modbus over Serial Line V1.02, 6.2.2, low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


class ByHand(Harness):
    """A server of a dozen lines that knows one request and one answer."""

    def __init__(self, request: str, response: str, rtu: bool) -> None:
        super().__init__()
        self._request, self._response, self._rtu = bytes.fromhex(request), bytes.fromhex(response), rtu
        self.unexpected: list[bytes] = []
        self._by_hand: asyncio.Server | None = None

    async def start(self) -> None:
        self._by_hand = await asyncio.start_server(self._rtu_line if self._rtu else self._tcp_line, "127.0.0.1", 0)
        self.port = self._by_hand.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._by_hand is not None
        self._by_hand.close()

    async def _tcp_line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(7):
            transaction, protocol, length, unit = struct.unpack(">HHHB", head)
            self._check(await reader.readexactly(length - 1), protocol == 0 and unit == 17)
            writer.write(struct.pack(">HHHB", transaction, 0, len(self._response) + 1, unit) + self._response)
        writer.close()

    async def _rtu_line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while frame := await reader.read(8):
            self._check(frame[1:-2], frame[0] == 17 and frame[-2:] == crc(frame[:-2]))
            writer.write(b"\x11" + self._response + crc(b"\x11" + self._response))
        writer.close()

    def _check(self, pdu: bytes, framed: bool) -> None:
        self.unexpected += [] if framed and pdu == self._request else [pdu]


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
@pytest.mark.parametrize(("request_pdu", "response_pdu", "held"), EXAMPLES)
async def test_the_examples_of_the_standard(
    request_pdu: str, response_pdu: str, held: dict[str, int], framing: str, tmp_path: Path
) -> None:
    harness = ByHand(request_pdu, response_pdu, framing == "rtu")
    await harness.start()
    options = {"framing": framing, "unit": 17, "max_gap": 2}
    first, last_one = int(request_pdu.split()[1], 16), int(request_pdu.split()[1], 16) + int(request_pdu.split()[2], 16) - 1
    table = next(iter(held)).split(":")[0]
    addresses = [*held, f"{table}:{first}", f"{table}:{last_one}"]
    async with reading(ModbusDriver, harness, addresses, tmp_path, period=0.02, **options) as bench:
        await bench.until(lambda: all(told(bench, n) for n in range(1, len(held) + 1)), "all points")
        assert {a: last(bench, n)[0] for n, a in enumerate(held, 1)} == held
    assert harness.unexpected == []
