"""The OPC UA driver against a real server, beyond the contract. Each test builds a server, which takes a second or two."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole

from anlan.model.clock import SystemClock
from anlan.model.errors import DriverError
from anlan.model.quality import Reason, Severity, quality, severity_of
from anlan.sense.driver import LinkState
from anlan.sense.opcua import driver, pki
from anlan.sense.opcua.browse import browse
from anlan.sense.opcua.driver import OpcUaDriver
from anlan.sense.opcua.harness import Harness
from anlan.sense.opcua.session import SessionConfig
from tests.sense.benches import last, reading, told

pytestmark = pytest.mark.slow
PAST = 1_700_000_000_123_456


async def test_source_time_status_words_and_scaling_arrive(tmp_path: Path) -> None:
    harness = Harness()
    nodes = [
        harness.add("A"),
        harness.add("V", "String", "open") + " | closed=0 open=1",
        harness.add("B", "Int32", 4) + " | *0.5 +1",
    ]
    nodes += [harness.add("C", "Boolean", True), "nsu=urn:anlan:simulator;s=A", "ns=2;s=nowhere", "nsu=urn:elsewhere;s=A"]
    await harness.start()
    async with reading(OpcUaDriver, harness, nodes, tmp_path) as bench:
        await bench.until(lambda: all(told(bench, n) for n in range(1, 8)), "all points")
        await harness.write("A", 3.5, "UncertainLastUsableValue", PAST)
        await bench.until(lambda: last(bench, 1)[0] == 3.5, "the change")
        assert (1, PAST, 3.5, quality(Severity.UNCERTAIN, Reason.LAST_USABLE)) in bench.witness.rows
        assert (5, PAST, 3.5, quality(Severity.UNCERTAIN, Reason.LAST_USABLE)) in bench.witness.rows
        assert [last(bench, n) for n in (2, 3, 4)] == [(1.0, 0), (3.0, 0), (1.0, 0)]
        assert {last(bench, n)[1] for n in (6, 7)} == {quality(Severity.BAD, Reason.CONFIGURATION)}
        await harness.write("A", 0.0, "BadSensorFailure")
        await bench.until(lambda: last(bench, 1)[1] == quality(Severity.BAD, Reason.SENSOR_FAILURE), "the failure")
        assert math.isnan(last(bench, 1)[0])
        assert bench.driver.counters["unreadable"] == 2  # type: ignore[attr-defined]
        assert bench.witness.states == [LinkState.UP]


async def test_first_values_are_redelivered_and_changes_are_not(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    marks: list[tuple[bool, list[float]]] = []
    async with reading(OpcUaDriver, harness, harness.addresses(), tmp_path) as bench:
        deliver = bench.witness.deliver

        async def marked(readings: Any, *, redelivered: bool = False) -> None:
            marks.append((redelivered, readings.value.tolist()))
            await deliver(readings)

        bench.witness.deliver = marked  # type: ignore[method-assign]
        await bench.until(lambda: told(bench, 1) and told(bench, 2), "first values")
        await harness.change(5)
        await bench.until(lambda: 5.0 in bench.witness.values(), "the change")
        await harness.stop()
        await bench.until_state(LinkState.UP, LinkState.DOWN)
        await harness.start()
        await bench.until(lambda: [again for again, _ in marks].count(True) == 2, "first values again")
    assert [again for again, values in marks if values] == [True, False, True]
    assert marks[-1][1] == [5.0, 5.0]


async def test_a_held_back_driver_loses_no_change_within_the_servers_queue(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(OpcUaDriver, harness, ["ns=2;s=U1/A"], tmp_path, queue=100) as bench:
        await bench.until(lambda: told(bench, 1), "first value")
        bench.witness.open.clear()
        for n in range(1, 51):
            await harness.write("U1/A", float(n))
            await asyncio.sleep(0.005)
        bench.witness.open.set()
        await bench.until(lambda: 50.0 in bench.witness.values(), "the last change")
        assert {float(n) for n in range(1, 51)} <= bench.witness.values()


async def test_a_node_that_the_server_stumbles_over_does_not_end_the_others(tmp_path: Path) -> None:
    """A server that faults a whole request, for one node in it or because it has too many."""
    harness = Harness()
    nodes = [harness.add(f"N{n}", value=float(n)) for n in range(1, 9)]
    await harness.start()
    service = harness._server.iserver.subscription_service  # type: ignore[union-attr]
    create = service.create_monitored_items

    async def stumbling(parameters: Any) -> Any:
        names = [item.ItemToMonitor.NodeId.Identifier for item in parameters.ItemsToCreate]
        if "N5" in names:
            raise ua.uaerrors.BadOutOfMemory
        if len(names) > 2:
            raise ua.uaerrors.BadTooManyOperations
        return await create(parameters)

    service.create_monitored_items = stumbling
    async with reading(OpcUaDriver, harness, nodes, tmp_path) as bench:
        await bench.until(lambda: all(told(bench, n) for n in range(1, 9)), "all points")
        assert [last(bench, n) for n in (1, 2, 3, 4, 6, 7, 8)] == [(float(n), 0) for n in (1, 2, 3, 4, 6, 7, 8)]
        assert severity_of(last(bench, 5)[1]) is Severity.BAD
        service.create_monitored_items = create
        await bench.until(lambda: last(bench, 5) == (5.0, 0), "the node, asked for again")
        assert bench.driver.counters["unreadable"] == 0  # type: ignore[attr-defined]
        assert bench.witness.states == [LinkState.UP]


async def test_a_value_that_trips_a_fault_makes_its_own_point_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness()
    await harness.start()
    real = driver.valued
    monkeypatch.setattr(driver, "valued", lambda address, held: 1 // 0 if held == 666.0 else real(address, held))
    async with reading(OpcUaDriver, harness, harness.addresses(), tmp_path) as bench:
        await bench.until(lambda: told(bench, 1) and told(bench, 2), "first values")
        await harness.write("U1/A", 666.0)
        await bench.until(lambda: last(bench, 1)[1] != 0, "the sick value")
        await harness.write("U1/B", 3.0)
        await bench.until(lambda: last(bench, 2) == (3.0, 0), "the other point")
        await harness.write("U1/A", 4.0)
        await bench.until(lambda: last(bench, 1) == (4.0, 0), "a sound value")
        assert bench.witness.states == [LinkState.UP]


async def test_a_server_that_shuts_down_says_so(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(OpcUaDriver, harness, harness.addresses(), tmp_path) as bench:
        await bench.until_state(LinkState.UP)
        await harness.declare("Shutdown")
        await bench.until(lambda: LinkState.DOWN in bench.witness.states, "the server's own word")
        assert "says of itself: Shutdown" in bench.witness.reason


async def test_a_subscription_that_the_server_forgot_is_made_again(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(OpcUaDriver, harness, harness.addresses(), tmp_path, keep_alive=0.3) as bench:
        await bench.until(lambda: told(bench, 1), "first value")
        await harness.forget_subscriptions()
        await bench.until(lambda: harness.recording.counts["CreateSubscription"] >= 2, "a new subscription")
        await harness.change(6)
        await bench.until(lambda: 6.0 in bench.witness.values(), "values again")


async def test_signed_and_encrypted_only_with_a_server_we_were_told_to_trust(tmp_path: Path) -> None:
    clock = SystemClock()
    certificate, key = pki.own(tmp_path / "server", "urn:anlan:simulator:server", clock, "server")
    harness = Harness(certificate=certificate, key=key, only_secure=True)
    await harness.start()
    async with reading(OpcUaDriver, harness, harness.addresses(), tmp_path, security="Basic256Sha256") as bench:
        await bench.until_state(LinkState.DOWN)
        assert "is not trusted" in bench.witness.reason
        assert "CreateSession" not in harness.recording.services()
        (met,) = (tmp_path / "pki" / "rejected").iterdir()
        (tmp_path / "pki" / "trusted").mkdir()
        met.rename(tmp_path / "pki" / "trusted" / met.name)
        await bench.until_state(LinkState.DOWN, LinkState.UP)
        await harness.change(4)
        await bench.until(lambda: 4.0 in bench.witness.values(), "a value over the encrypted channel")


async def test_a_server_without_encryption_is_refused_unless_asked_for(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(OpcUaDriver, harness, harness.addresses(), tmp_path, security="Basic256Sha256") as bench:
        await bench.until_state(LinkState.DOWN)
        assert "offers no Basic256Sha256" in bench.witness.reason
        assert harness.recording.services() == {"GetEndpoints"}


class Users:
    """One user the server knows."""

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        return {("anlan", "right"): User(role=UserRole.User)}.get((username, password))  # type: ignore[arg-type]


async def test_a_user_and_password_are_asked_for(tmp_path: Path) -> None:
    harness = Harness(user_manager=Users())
    await harness.start()
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    async with reading(OpcUaDriver, harness, harness.addresses(), tmp_path, username="anlan", password_file=secret) as bench:
        await bench.until_state(LinkState.DOWN)
        assert "BadUserAccessDenied" in bench.witness.reason
        secret.write_text("right\n")
        await bench.until_state(LinkState.DOWN, LinkState.UP)


async def test_browsing_gives_lines_of_a_point_list(tmp_path: Path) -> None:
    harness = Harness()
    harness.add("U100/R-101/TI 101", unit="℃", range=(0, 200), description="反应器温度")
    harness.add("U100/XV-1", "Int32", 0, states=("closed", "half/open"))
    harness.add("U100/Note", "String", "not a measurement")
    await harness.start()
    config = SessionConfig(url=harness.url, security="none")
    rows = {row["address"].partition("s=")[2]: row for row in await browse(config, "dcs", SystemClock())}
    assert rows.keys() == {"U1/A", "U1/B", "U100/R-101/TI 101", "U100/XV-1"}
    temperature, valve = rows["U100/R-101/TI 101"], rows["U100/XV-1"]
    assert temperature == {
        "id": "TI_101", "place": "U100/R-101", "kind": "temperature", "unit": "Cel", "range_low": "0", "range_high": "200", "states": "",
        "source": "dcs", "address": "nsu=urn:anlan:simulator;s=U100/R-101/TI 101", "reporting": "on_change", "name_zh": "反应器温度",
    }  # fmt: skip
    assert valve["states"] == r"0=closed; 1=half\/open"
    assert harness.recording.services() <= harness.reads | {"Browse"}
    await harness.stop()


async def test_browsing_nobody_says_so() -> None:
    with pytest.raises(DriverError, match="cannot be reached"):
        await browse(SessionConfig(url="opc.tcp://127.0.0.1:1", security="none"), "dcs", SystemClock())
