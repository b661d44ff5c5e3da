"""The contract of every driver, as checks that run against the driver's own simulator; ours and other packages' alike.

`tests/contract/test_drivers.py` runs all of `CHECKS` over all drivers found. A driver's folder gives a `Harness` in `simulator.py`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from anlan.model.clock import SECOND, SystemClock
from anlan.model.errors import InputError
from anlan.model.readings import Readings
from anlan.sense.driver import Driver, LinkState, Tag
from anlan.sense.recording import Recording


class Harness(Protocol):
    """A device that the checks can run, cut, feed and look into. `exempt` names checks that make no sense here, and why."""

    exempt: Mapping[str, str]
    bad_addresses: Sequence[str]
    """Addresses that `parse` must refuse, each with a message that quotes it."""
    openings: Sequence[bytes]
    """How real answers begin: garbage behind them gets further into a decoder."""
    reads: frozenset[str]
    """The services that only read; anything else in `recording` is a write."""
    recording: Recording
    port: int

    async def start(self) -> None:
        """Listen; after a `stop` on the same port, with the points that it had."""

    async def stop(self) -> None:
        """Cut every connection without a goodbye and listen no more."""

    def options(self, folder: Path) -> dict[str, Any]:
        """The driver's options to reach it, with short waits for reconnecting."""

    def addresses(self) -> list[str]: ...

    async def change(self, value: int) -> None:
        """Every point takes this value now."""

    def let_go(self) -> int:
        """How often the device was told that it may forget what it has: acknowledgements, or polls where there are none."""


class Witness:
    """A sink that writes everything down, and can hold deliveries back as a full log does."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, float, int]] = []
        self.states: list[LinkState] = []
        self.calls = 0
        self.reason = ""
        self.waiting = 0
        self.open = asyncio.Event()
        self.open.set()

    async def deliver(self, readings: Readings, *, redelivered: bool = False) -> None:
        self.waiting += 1
        try:
            await self.open.wait()
        finally:
            self.waiting -= 1
        columns = (readings.point, readings.time, readings.value, readings.quality)
        self.rows += zip(*(c.tolist() for c in columns), strict=True)

    async def link(self, state: LinkState, reason: str = "") -> None:
        self.calls += 1
        if not self.states or self.states[-1] is not state:
            self.states.append(state)
            self.reason = reason

    def values(self) -> set[float]:
        return {value for _, _, value, _ in self.rows}


class Bench:
    """A driver class, its harness and a witness on one table."""

    def __init__(self, kind: type[Driver], harness: Harness, folder: Path) -> None:
        self.kind, self.harness, self.folder = kind, harness, folder
        self.witness = Witness()
        self.task: asyncio.Task[None] | None = None

    def begin(self, period: float = 0.1, **more: Any) -> None:
        """Start the driver over all addresses of the harness."""
        config = self.kind.Config.model_validate(self.harness.options(self.folder) | more)
        addresses = self.harness.addresses()
        tags = [Tag(n, f"P-{n}", self.kind.parse(a, {"states": {}}), period) for n, a in enumerate(addresses, 1)]
        self.task = asyncio.create_task(self.kind(config, tags, self.witness, SystemClock()).run())

    async def until(self, true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        """Wait until `true()`; the driver must live through it."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not true():
            assert self.task is None or not self.task.done(), f"the driver died: {self.task}"
            assert asyncio.get_running_loop().time() < deadline, (
                f"no {what} within {seconds} s; link {self.witness.states}, {self.witness.reason}"
            )
            await asyncio.sleep(0.01)

    async def until_state(self, *states: LinkState) -> None:
        await self.until(lambda: self.witness.states == list(states), f"link {[s.value for s in states]}")

    async def end(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self.harness.stop()


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    """The harness listens and the driver has delivered first values; both are ended afterwards."""
    await bench.harness.start()
    try:
        bench.begin()
        await bench.until_state(LinkState.UP)
        await bench.harness.change(7)
        await bench.until(lambda: 7.0 in bench.witness.values(), "first value")
        yield bench
    finally:
        await bench.end()


async def check_link_loss_turns_down_once(bench: Bench) -> None:
    async with running(bench):
        await bench.harness.stop()
        await bench.until_state(LinkState.UP, LinkState.DOWN)
        calls = bench.witness.calls
        await bench.until(lambda: bench.witness.calls >= calls + 3, "further attempts")
        assert bench.witness.states == [LinkState.UP, LinkState.DOWN]
        assert bench.witness.reason


async def check_recovers_and_reports_up_once(bench: Bench) -> None:
    async with running(bench):
        await bench.harness.stop()
        await bench.until_state(LinkState.UP, LinkState.DOWN)
        await bench.harness.start()
        await bench.until_state(LinkState.UP, LinkState.DOWN, LinkState.UP)
        await bench.harness.change(8)
        await bench.until(lambda: 8.0 in bench.witness.values(), "value after the recovery")
        assert bench.witness.states == [LinkState.UP, LinkState.DOWN, LinkState.UP]


async def check_times_are_utc_micros(bench: Bench) -> None:
    before = SystemClock().now()
    async with running(bench):
        times = [time for _, time, value, _ in bench.witness.rows if value == 7.0]
        assert all(isinstance(time, int) for time in times)
        assert before - SECOND <= min(times) <= max(times) <= SystemClock().now() + SECOND


async def check_nothing_acknowledged_before_durable(bench: Bench) -> None:
    async with running(bench):
        bench.witness.open.clear()
        await bench.harness.change(8)
        await bench.until(lambda: bench.witness.waiting > 0, "delivery held back")
        await asyncio.sleep(0.1)  # what was let go before has arrived by now
        held = bench.harness.let_go()
        await asyncio.sleep(0.5)
        assert bench.harness.let_go() == held
        bench.witness.open.set()
        await bench.until(lambda: bench.harness.let_go() > held and 8.0 in bench.witness.values(), "acknowledgement")


async def check_any_bytes_are_survived(bench: Bench) -> None:
    """A port on which something else answers garbage, then the device: the driver must be there to see it."""
    rng = random.Random(42)  # noqa: S311 - a fixed seed, so that a failure repeats

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(rng.randrange(1, 64))
        writer.write(rng.choice([b"", *bench.harness.openings]) + rng.randbytes(rng.randrange(1, 3000)))
        await asyncio.sleep(0.02)
        writer.transport.abort()
        met.append(1)

    met: list[int] = []
    await bench.harness.start()
    await bench.harness.stop()
    server = await asyncio.start_server(garbage, "127.0.0.1", bench.harness.port)
    try:
        bench.begin()
        await bench.until(lambda: len(met) >= 40, "40 answers of garbage", 40)
    finally:
        server.close()
    assert LinkState.UP not in bench.witness.states
    try:
        await bench.harness.start()
        await bench.until(lambda: bench.witness.states[-1] is LinkState.UP, "link after the garbage")
    finally:
        await bench.end()


async def check_bad_address_is_named(bench: Bench) -> None:
    for address in bench.harness.bad_addresses:
        try:
            bench.kind.parse(address, {"states": {}})
        except InputError as refused:
            said = str(refused)
        else:
            raise AssertionError(f"{address!r} was accepted")
        assert repr(address) in said, f"{said} does not quote {address!r}"


async def check_cancel_stops_within_2s(bench: Bench) -> None:
    """Connected, with nobody at the port, and with somebody there who takes the connection and says nothing."""
    async with running(bench):
        await _cancelled(bench)
    bench.begin()
    await bench.until(lambda: bench.witness.states[-1] is LinkState.DOWN, "refusal")
    await _cancelled(bench)
    async with _silence(bench.harness.port):
        bench.begin()
        await asyncio.sleep(0.3)
        await _cancelled(bench)


@asynccontextmanager
async def _silence(port: int) -> AsyncIterator[None]:
    """Somebody at the port who takes connections and never says a word."""
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for writer in taken:
            writer.transport.abort()
        await server.wait_closed()


async def _cancelled(bench: Bench) -> None:
    assert bench.task is not None
    bench.task.cancel()
    _, pending = await asyncio.wait([bench.task], timeout=2.0)
    assert not pending, "the driver is still running 2 s after it was cancelled"


async def check_poll_cap(bench: Bench) -> None:
    """However short the periods and many the points: no more requests a second than the source allows."""
    cap, seconds = 10.0, 1.5
    await bench.harness.start()
    try:
        bench.begin(period=0.001, max_requests_per_second=cap)
        await bench.until_state(LinkState.UP)
        before = bench.harness.let_go()
        await asyncio.sleep(seconds)
        asked = bench.harness.let_go() - before
        assert asked <= cap * seconds + 1, f"{asked} requests in {seconds} s"
        assert asked >= cap * seconds / 2, f"only {asked} requests: the cap is not what held them"
    finally:
        await bench.end()


async def check_only_reads(bench: Bench) -> None:
    """Over the wire, through connecting, reading, a loss and a recovery: nothing but reading services was asked of the device."""
    async with running(bench):
        await bench.harness.stop()
        await bench.until_state(LinkState.UP, LinkState.DOWN)
        await bench.harness.start()
        await bench.until_state(LinkState.UP, LinkState.DOWN, LinkState.UP)
        await bench.harness.change(9)
        await bench.until(lambda: 9.0 in bench.witness.values(), "value after the recovery")
    asked = bench.harness.recording.services()
    assert asked
    assert asked <= bench.harness.reads, f"not a reading service: {asked - bench.harness.reads}"


async def check_unknown_options_are_refused(bench: Bench) -> None:
    bench.harness.port = bench.harness.port or 1
    try:
        bench.kind.Config.model_validate(bench.harness.options(bench.folder) | {"hots": "a typing mistake"})
    except ValueError as refused:
        said = str(refused)
    else:
        raise AssertionError("an unknown option was accepted")
    assert "hots" in said


CHECKS: Sequence[Callable[[Bench], Awaitable[None]]] = (
    check_link_loss_turns_down_once,
    check_recovers_and_reports_up_once,
    check_times_are_utc_micros,
    check_nothing_acknowledged_before_durable,
    check_any_bytes_are_survived,
    check_bad_address_is_named,
    check_cancel_stops_within_2s,
    check_poll_cap,
    check_only_reads,
    check_unknown_options_are_refused,
)
