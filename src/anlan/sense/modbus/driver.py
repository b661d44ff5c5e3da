"""The Modbus driver: polls a device's registers in coalesced reads and delivers them; it cannot write.

A device stamps nothing, so a reading's time is when the answer came. A unit that does not answer leaves the scan and is probed in the gaps
between scans (`units.py`); where no other unit answers, it is asked again on a fresh connection, and then the device is down. RTU answers
carry no number, so a late one could be taken for another: there each unanswered request ends the connection.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, Literal

import structlog
from pydantic import Field
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType
from pymodbus.pdu import ModbusPDU

from anlan.model.clock import Clock
from anlan.model.errors import DriverError
from anlan.model.quality import BAD_COMMUNICATION, GOOD, Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.sense.backoff import Backoff
from anlan.sense.driver import DriverConfig, LinkState, Sink, Tag
from anlan.sense.modbus.address import TABLES, Address, decode, parse
from anlan.sense.modbus.gate import Gate
from anlan.sense.modbus.ne43 import judged, scaled
from anlan.sense.modbus.plan import Block, Limits, narrower, plan
from anlan.sense.modbus.units import Units

log = structlog.get_logger(__name__)

FRAMERS = {"tcp": FramerType.SOCKET, "rtu": FramerType.RTU}
BAD_CONFIGURATION = quality(Severity.BAD, Reason.CONFIGURATION)
BAD_DEVICE = quality(Severity.BAD, Reason.DEVICE_FAILURE)
REFUSALS = {1: BAD_CONFIGURATION, 2: BAD_CONFIGURATION, 3: BAD_CONFIGURATION, 10: BAD_COMMUNICATION, 11: BAD_COMMUNICATION}
"""Exception code → quality (V1.1b3, 7): function, address or value not there; gateway cannot reach the unit; else the device."""
SPLITS = {2, 3}
NO_ROUTE = {10, 11}
MBAP_SIZE = 7
LOST_IN_ROW = 3
"""So many requests in a row without an answer, and the connection itself is tried."""


class ModbusConfig(DriverConfig):
    host: str
    port: int = Field(default=502, ge=1, le=65_535)
    framing: Literal["tcp", "rtu"] = "tcp"
    """`rtu`: RTU frames over TCP, as serial gateways and many gas controllers speak."""
    unit: int = Field(default=1, ge=0, le=255)
    timeout: float = Field(default=2.0, gt=0, le=60, description="s")
    retries: int = Field(default=1, ge=0, le=10)
    max_gap: int = Field(default=10, ge=0, le=124, description="unasked registers that one read may span")
    max_registers: int = Field(default=125, ge=4, le=125)
    max_bits: int = Field(default=2000, ge=1, le=2000)
    max_requests_per_second: float = Field(default=20.0, gt=0, le=1000)
    max_connections: int = Field(default=1, ge=1, le=16)
    heartbeat: float = Field(
        default=5.0, gt=0, le=3600, description="s without a request after which one is made to see the link"
    )
    reconnect: float = Field(default=0.5, gt=0, le=60, description="s, the first wait; doubles up to reconnect_most")
    reconnect_most: float = Field(default=30.0, gt=0, le=600, description="s")


class LinkLost(Exception):
    """The device does not answer; the text goes to people."""


class Missed(Exception):
    """No answer in time, on a connection that lives."""


class Refused(Exception):
    """The device answered with an exception code."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code}")


class ModbusDriver:
    """Modbus TCP and RTU over TCP: polls coils, discrete inputs, holding and input registers (functions 1–4)."""

    API: ClassVar[int] = 1
    KEEPS_UNACKNOWLEDGED: ClassVar[bool] = False
    Config: ClassVar[type[DriverConfig]] = ModbusConfig

    def __init__(self, config: ModbusConfig, tags: Sequence[Tag], sink: Sink, clock: Clock) -> None:
        self.counters: Counter[str] = Counter()
        self._config, self._tags, self._sink, self._clock = config, tags, sink, clock
        self._addresses: list[Address] = [tag.address for tag in tags]
        self._limits = Limits(config.max_gap, config.max_registers, config.max_bits)
        self._groups = [_Group(period, self._plan(period)) for period in sorted({tag.period for tag in tags})]
        self._gate = Gate.to(config.host, config.port, config.max_connections, config.max_requests_per_second)
        self._backoff = Backoff(config.reconnect, config.reconnect_most)
        units = {block.unit for group in self._groups for block in group.blocks} or {config.unit}
        overhears = config.framing == "tcp"
        self._units = Units(units, config.timeout, config.retries, config.reconnect, config.reconnect_most, overhears=overhears)
        self._behind_gateway = len(units) > 1
        self._client: AsyncModbusTcpClient | None = None
        self._asked = 0.0

    @classmethod
    def parse(cls, address: str, point: dict[str, Any]) -> Address:
        return parse(address)

    async def run(self) -> None:
        while True:
            try:
                async with self._gate.connection():
                    await self._poll()
            except (LinkLost, DriverError) as lost:
                self.counters["link_losses"] += 1
                await self._sink.link(LinkState.DOWN, str(lost))
            finally:
                self._close()
            await asyncio.sleep(self._backoff.delay())

    def _plan(self, period: float) -> list[Block]:
        members = [i for i, tag in enumerate(self._tags) if tag.period == period]
        return plan(self._addresses, self._config.unit, self._limits, members)

    async def _poll(self) -> None:
        """Read every group when it is due, for as long as the device answers."""
        await self._connect()
        now = self._clock.monotonic()
        for group in self._groups:
            group.due = now
        while True:
            await self._rest()
            now = self._clock.monotonic()
            for group in self._groups:
                if group.due <= now:
                    await self._read_group(group)
                    self.counters["missed_scans"] += group.reckon(self._clock.monotonic())

    async def _rest(self) -> None:
        """Probe a silent unit if it is time; else sleep until something is due, and ask for a heartbeat when nothing is for long.

        A probe begins right after a scan, where the gap is longest, or in a gap that has room for all its patience.
        """
        now = self._clock.monotonic()
        silent = self._units.probe(now)
        if silent is not None:
            await self._probe(silent)
            return
        beat = self._asked + self._config.heartbeat
        due = min((group.due for group in self._groups), default=beat)
        probe = self._units.next_probe()
        wake = min(due, beat, probe if due - probe >= self._config.timeout else due)
        await asyncio.sleep(max(0.0, wake - now))
        if beat <= self._clock.monotonic() < due:
            await self._beat()

    async def _beat(self) -> None:
        """The cheapest question: the first block again, or one register where there are no points. Any answer will do."""
        blocks = [b for g in self._groups for b in g.blocks] or [Block(self._config.unit, "hr", 0, 1, ())]
        with suppress(Refused):
            await self._answer(next((b for b in blocks if self._units.scanned(b.unit)), blocks[0]))

    async def _probe(self, unit: int) -> None:
        """Ask a silent unit; one that answers is read as a whole at once."""
        for group, block in [(g, b) for g in self._groups for b in g.blocks if b.unit == unit]:
            await self._read_block(group, block)
            if not self._units.scanned(unit):
                break

    async def _read_group(self, group: _Group) -> None:
        for block in list(group.blocks):
            if self._units.scanned(block.unit):
                await self._read_block(group, block)
            elif self._units.lost(block.unit):
                await self._sink.deliver(self._bad(block, BAD_COMMUNICATION))

    async def _read_block(self, group: _Group, block: Block) -> None:
        try:
            raw = await self._answer(block)
        except Refused as refusal:
            await self._refused(group, block, refusal.code)
        else:
            if raw is not None:
                await self._sink.deliver(self._readings(block, raw))

    async def _answer(self, block: Block) -> Sequence[int] | None:
        """What the unit answers, None when it does not; what that says of the unit and of the link is noted."""
        try:
            raw = await self._ask(block)
        except Missed:
            await self._missed(block)
            return None
        except Refused as refusal:
            self.counters["refusals"] += 1
            await self._heard()
            if refusal.code in NO_ROUTE and self._behind_gateway:
                await self._unreachable(block)
                return None
            self._answered(block)
            raise
        self._answered(block)
        await self._heard()
        return raw

    async def _heard(self) -> None:
        self._backoff.reset()
        await self._sink.link(LinkState.UP)

    async def _refused(self, group: _Group, block: Block, code: int) -> None:
        """A refused block is read in smaller pieces from now on; a refused point is bad and stays asked for."""
        pieces = narrower(self._addresses, block) if code in SPLITS else []
        if pieces:
            group.replace(block, pieces)
            for piece in pieces:
                await self._read_block(group, piece)
        else:
            await self._sink.deliver(self._bad(block, REFUSALS.get(code, BAD_DEVICE)))

    def _answered(self, block: Block) -> None:
        now = self._clock.monotonic()
        if self._units.answered(block.unit, now - self._asked, now):
            log.info("unit answers again", host=self._config.host, unit=block.unit)
            self.counters["silent_units"] = self._units.silent()

    async def _missed(self, block: Block) -> None:
        self.counters["failures"] += 1
        was_lost, now = self._units.lost(block.unit), self._clock.monotonic()
        self._units.missed(block.unit, now - self._asked, now)
        alone = self._units.alone(block.unit)
        if alone or self._config.framing == "rtu" or self._units.misses_in_row == LOST_IN_ROW:
            self._close()
        if self._units.all_lost():
            self._units.try_all()
            self.counters["silent_units"] = 0
            raise LinkLost(f"{self._config.host}:{self._config.port} does not answer (unit {block.unit})")
        await self._note_lost(block, was_lost)

    async def _unreachable(self, block: Block) -> None:
        was_lost, now = self._units.lost(block.unit), self._clock.monotonic()
        self._units.told_unreachable(block.unit, now - self._asked, now)
        await self._note_lost(block, was_lost)

    async def _note_lost(self, block: Block, was_lost: bool) -> None:
        """A unit that has just become silent: all its points are bad at once. Each scan says so again."""
        if was_lost or not self._units.lost(block.unit):
            return
        log.warning("unit does not answer", host=self._config.host, unit=block.unit)
        self.counters["silent_units"] = self._units.silent()
        members = tuple(i for g in self._groups for b in g.blocks if b.unit == block.unit for i in b.members)
        await self._sink.deliver(self._bad(Block(block.unit, "", 0, 0, members), BAD_COMMUNICATION))

    def _readings(self, block: Block, raw: Sequence[int]) -> Readings:
        now = self._clock.now()
        return Readings.of((self._tags[i].number, now, *self._valued(self._addresses[i], block, raw)) for i in block.members)

    def _valued(self, address: Address, block: Block, raw: Sequence[int]) -> tuple[float, int]:
        at = address.start - block.start
        value = decode(address, raw[at : at + address.width])
        if math.isnan(value):
            return value, quality(Severity.BAD, Reason.NOT_A_NUMBER)
        if address.ne43 is not None:
            return scaled(value, address.ne43), judged(value)
        return value, GOOD

    def _bad(self, block: Block, word: int) -> Readings:
        now = self._clock.now()
        return Readings.of((self._tags[i].number, now, math.nan, word) for i in block.members)

    async def _ask(self, block: Block) -> Sequence[int]:
        """One read. When the connection breaks on the way, again on a fresh one, as often as `retries` says."""
        for _ in range(self._config.retries + 1):
            if self._client is None:
                await self._connect()
            try:
                return await self._request(block)
            except (ModbusException, OSError, TimeoutError) as failed:
                log.debug("no answer", host=self._config.host, block=str(block), why=str(failed))
                if self._client is not None and self._client.connected:
                    raise Missed from failed
                self._close()
        # Whether the device as a whole is gone, or only this unit behind it, shows in whether it still takes a connection.
        await self._connect()
        raise Missed

    def _idle(self) -> float:
        """Seconds until the next scan is due."""
        now = self._clock.monotonic()
        return min((g.due if g.due > now else g.due + g.period for g in self._groups), default=now) - now

    async def _request(self, block: Block) -> Sequence[int]:
        await self._gate.turn()
        assert self._client is not None
        self._asked = self._clock.monotonic()
        self._units.asked(block.unit, self._asked)
        self.counters["requests"] += 1
        client = self._client
        read = {
            "co": client.read_coils,
            "di": client.read_discrete_inputs,
            "hr": client.read_holding_registers,
            "ir": client.read_input_registers,
        }[block.table]
        async with asyncio.timeout(self._units.patience(block.unit, self._idle())):
            answer = await read(block.start, count=block.count, device_id=block.unit)
        # Python 3.11's wait_for, in which the library waits, loses a cancellation that comes together with the answer.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        return _checked(answer, block)

    async def _connect(self) -> None:
        config = self._config
        client = AsyncModbusTcpClient(
            config.host,
            port=config.port,
            framer=FRAMERS[config.framing],
            timeout=config.timeout,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._overheard,
        )
        if not await client.connect():
            client.close()
            raise LinkLost(f"{config.host}:{config.port} does not take a connection")
        self._client = client

    def _overheard(self, sending: bool, data: bytes) -> bytes:
        """A unit's answer after its time: it is slow, not silent. Modbus TCP alone names the request that an answer is to."""
        if sending or self._client is None or self._config.framing != "tcp" or len(data) < MBAP_SIZE + 2:
            return data
        unit, function, first = data[MBAP_SIZE - 1], data[MBAP_SIZE], data[MBAP_SIZE + 1]
        late = int.from_bytes(data[:2]) != self._client.ctx.request_transaction_id or self._client.ctx.response_future.done()
        if late and not (function & 0x80 and first in NO_ROUTE):
            self._units.overheard(unit, self._clock.monotonic())
        return data

    def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


class _Group:
    """Points of one period and the requests that read them."""

    def __init__(self, period: float, blocks: list[Block]) -> None:
        self.period, self.blocks = period, blocks
        self.due = 0.0

    def reckon(self, now: float) -> int:
        """The next time it is due; periods that a slow device made us miss are left out, not caught up, and returned as a number."""
        passed = max(1, math.ceil((now - self.due) / self.period))
        self.due += self.period * passed
        return passed - 1

    def replace(self, block: Block, pieces: list[Block]) -> None:
        at = self.blocks.index(block)
        self.blocks[at : at + 1] = pieces


def _checked(answer: ModbusPDU, block: Block) -> Sequence[int]:
    """The registers or bits asked for; an answer to something else counts as none."""
    if answer.isError():
        raise Refused(answer.exception_code)
    if answer.function_code != TABLES[block.table]:
        raise ModbusException(f"function {answer.function_code} answered where {TABLES[block.table]} was asked")
    found: Sequence[int] = answer.bits if block.table in {"co", "di"} else answer.registers
    if len(found) < block.count:
        raise ModbusException(f"{len(found)} values where {block.count} were asked for")
    return [int(v) for v in found[: block.count]]
