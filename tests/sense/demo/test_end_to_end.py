"""The demo plant read by the node's own drivers over real sockets: every point, its quality, and a source that is cut and mended."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from anlan.model.quality import Reason, Severity, reason_of, severity_of
from anlan.sense.demo.demo_plant import Play
from tests.sense.demo.playing import PATIENCE, Heard, eventually, playing, watched

pytestmark = pytest.mark.slow
READ_SERVICES = {
    "dcs": {"GetEndpoints", "CreateSession", "ActivateSession", "CloseSession", "Read", "Browse", "TranslateBrowsePathsToNodeIds",
            "CreateSubscription", "CreateMonitoredItems", "ModifyMonitoredItems", "DeleteMonitoredItems", "DeleteSubscriptions",
            "Publish", "Republish", "SetPublishingMode", "OpenSecureChannel", "CloseSecureChannel", "FindServers"},
    "tanks": {"function 1", "function 2", "function 3", "function 4"},
    "sis": {"function 1", "function 2", "function 3", "function 4"},
    "field": {"CONNECT", "SUBSCRIBE", "PUBACK", "PINGREQ", "DISCONNECT"},
}  # fmt: skip


async def test_every_point_is_read_as_it_was_written_and_only_read(folder: Path) -> None:
    async with playing(folder, Play("quiet"), moving=False) as demo, watched(demo, folder) as heard:
        assert demo._world is not None
        values = demo._world.values()
        async with asyncio.timeout(PATIENCE):
            while len(heard.latest) < 216 or differing(heard, values):
                for device in demo.devices.values():
                    await device.publish(values, {})
                await asyncio.sleep(0.2)
        asked = {name: device.server.recording.services() for name, device in demo.devices.items()}  # type: ignore[attr-defined]
    assert {p: q for p, (_, q) in heard.latest.items() if q} == {}
    assert {name: services - READ_SERVICES[name] for name, services in asked.items()} == {name: set() for name in asked}


def differing(heard: Heard, values: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Points heard otherwise than the world has them, beyond what 16 bits of their range resolve."""
    return {p: (v, values[p]) for p, (v, _) in heard.latest.items() if abs(v - values[p]) > max(abs(values[p]) * 1e-3, 0.06)}


async def test_a_failed_transmitter_says_so_over_the_wire(folder: Path) -> None:
    async with playing(folder, Play("default")) as demo, watched(demo, folder) as heard:
        await eventually(lambda: {"TI-404", "XS-203", "BP-07", "UA-200"} <= heard.latest.keys())
    quality = heard.latest["TI-404"][1]
    assert (severity_of(quality), reason_of(quality)) == (Severity.BAD, Reason.NE43_LOW)
    assert [heard.latest[p][0] for p in ("XS-203", "BP-07", "UA-200")] == [2.0, 1.0, 1.0]


async def test_a_source_is_cut_and_mended_and_the_others_go_on(folder: Path) -> None:
    async with playing(folder, Play("quiet")) as demo, watched(demo, folder) as heard:
        await eventually(lambda: {s: t[-1] for s, t in heard.states.items()} == dict.fromkeys(demo.devices, "up"))
        await demo.cut("tanks")
        await eventually(lambda: heard.states["tanks"][-1] == "down")
        read = len(heard.times.get("PI-101", ()))
        await eventually(lambda: len(heard.times.get("PI-101", ())) > read + 2)
        await demo.mend("tanks")
        await eventually(lambda: heard.states["tanks"][-1] == "up")
        again = len(heard.times.get("LI-201", ()))
        await eventually(lambda: len(heard.times.get("LI-201", ())) > again)
    assert [heard.states[s].count("down") for s in ("dcs", "tanks", "sis", "field")] == [0, 1, 0, 0]


async def test_what_the_gateway_kept_while_cut_off_comes_late_and_whole(folder: Path) -> None:
    async with playing(folder, Play("quiet")) as demo, watched(demo, folder) as heard:
        await eventually(lambda: len(heard.times.get("WS-701", ())) > 2)
        await demo.cut("field")
        await eventually(lambda: heard.states["field"][-1] == "down")
        before = len(heard.times["WS-701"])
        await eventually(lambda: _kept(demo) >= 2)
        await demo.mend("field")
        await eventually(lambda: len(heard.times["WS-701"]) > before + 2)
    times = heard.times["WS-701"]
    gaps = [b - a for a, b in zip(sorted(set(times)), sorted(set(times))[1:], strict=False)]
    assert max(gaps) < 3_000_000


def _kept(demo: object) -> int:
    """Messages that wait in the broker for a reader that is away."""
    sessions = demo.devices["field"].server.sessions.values()  # type: ignore[attr-defined]
    return sum(sum(m.topic.endswith("WS-701") for m in s.waiting) for s in sessions)


async def test_the_live_process_is_read_like_the_recorded_one(folder: Path) -> None:
    pytest.importorskip("tep_studio", reason="the extra `demo` (tep-studio) is not installed")
    async with playing(folder, Play("tep-idv-20", live=True)) as demo, watched(demo, folder) as heard:
        await eventually(lambda: len(heard.times.get("PI-101", ())) > 3)
    assert heard.latest["PI-101"][0] == pytest.approx(2_705, abs=20)
