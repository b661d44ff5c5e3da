"""What a look at a real server of each protocol finds, what it says where there is none, and that it only reads."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from anlan.model.clock import SystemClock
from anlan.model.errors import InputError
from anlan.plant.columns import column_names
from anlan.sense.look_commands import scan
from anlan.sense.looking.looker import AT_ONCE, PER_MINUTE, Looker, TooManyLooks
from anlan.sense.looking.looks import look_at
from anlan.sense.looking.requests import (
    ModbusRange,
    ModbusScan,
    MqttListen,
    NotReached,
    OpcUaBrowse,
    OpcUaEndpoints,
    OpcUaTrust,
)
from anlan.sense.modbus.simulator import ModbusServer
from anlan.sense.mqtt.simulator import MqttBroker
from anlan.sense.opcua import pki
from anlan.sense.opcua.simulator import OpcUaServer
from tests.ports import free_ports

CLOCK = SystemClock()


@pytest.mark.slow
async def test_an_opc_ua_server_is_looked_at_trusted_and_browsed(tmp_path: Path) -> None:
    uri = "urn:anlan:simulator:server"
    certificate, key = pki.own(tmp_path / "server", uri, CLOCK)
    server = OpcUaServer(certificate=certificate, key=key, application_uri=uri)
    server.add("Tanks/V101/Level", "Double", 81.5, unit="%", range=(0, 100), description="储罐液位")
    server.add("Tanks/V101/Batch", "DateTime", None)
    server.add("Tanks/Valve", "Int32", 1, states=("closed", "open"))
    await server.start()
    try:
        told = await look_at(OpcUaEndpoints(url=server.url), tmp_path, CLOCK)
        assert {one["security"] for one in told["endpoints"]} == {"none", "Basic256Sha256"}
        seen = told["certificate"]
        assert (seen["trusted"], len(seen["fingerprint"])) == (False, 64)
        with pytest.raises(NotReached, match="nothing is trusted"):
            await look_at(OpcUaTrust(url=server.url, fingerprint="0" * 64), tmp_path, CLOCK)
        with pytest.raises(NotReached, match="not trusted"):
            await look_at(OpcUaBrowse(url=server.url), tmp_path, CLOCK)
        told = await look_at(OpcUaTrust(url=server.url, fingerprint=seen["fingerprint"]), tmp_path, CLOCK)
        assert (told["certificate"]["trusted"], told["certificate"]["address"]) == (True, server.url[10:].partition("/")[0])
        # The same device under another name is another address: nothing was said of that one.
        elsewhere = server.url.replace("127.0.0.1", "localhost")
        assert elsewhere != server.url
        with pytest.raises(NotReached, match="not trusted"):
            await look_at(OpcUaBrowse(url=elsewhere), tmp_path, CLOCK)

        async def level(node: str) -> dict[str, Any]:
            told = await look_at(OpcUaBrowse(url=server.url, node=node), tmp_path, CLOCK)
            return {one["name"]: one for one in told["items"]}

        tanks = await level((await level(""))["Tanks"]["node"])
        assert (tanks["Valve"]["value"], tanks["Valve"]["row"]["states"]) == (1, "0=closed; 1=open")
        inside = await level(tanks["V101"]["node"])
        tank = inside["Level"]
        assert (tank["type"], tank["value"], tank["status"], tank["readable"]) == ("Double", 81.5, "Good", True)
        assert inside["Batch"]["readable"] is False
        assert tank["row"] | {"id": "Level", "unit": "%", "range_high": "100", "name_zh": "储罐液位"} == tank["row"]
        assert tank["row"]["address"].startswith("nsu=urn:anlan:simulator")
        assert tank["row"].keys() <= set(column_names())
        assert not {name for name in server.recording.counts if name in {"Write", "Call", "AddNodes", "CreateSubscription"}}
    finally:
        await server.stop()


async def test_registers_are_scanned_in_the_readings_that_they_may_mean() -> None:
    server = ModbusServer(strict=True)
    server.set("hr:100 float32", 81.5)
    server.set("hr:102 float32 CDAB", -3.25)
    server.set("hr:104 int16", -7)
    server.set("di:3", 1)
    await server.start()
    try:
        spans = (ModbusRange(table="hr", start=99, count=7), ModbusRange(table="di", start=3, count=2))
        told = await look_at(ModbusScan(host=server.host, port=server.port, ranges=spans), Path(), CLOCK)
        rows = {(row["table"], row["address"]): row for row in told["items"]}
        assert rows["hr", 100]["readings"]["float32"] == 81.5
        assert rows["hr", 102]["readings"]["float32 CDAB"] == -3.25
        assert rows["hr", 104]["readings"] | {"int16": -7.0, "uint16": 65529.0} == rows["hr", 104]["readings"]
        assert rows["di", 3]["raw"] == 1
        assert ("hr", 99) not in rows
        assert told["refusals"] == {"address": 3}
        assert set(server.recording.counts) <= {"function 2", "function 3"}
        with pytest.raises(NotReached, match="unit 9 does not answer"):
            await look_at(ModbusScan(host=server.host, port=server.port, unit=9, ranges=spans[:1]), Path(), CLOCK)
    finally:
        await server.stop()


async def test_a_broker_is_listened_to_and_keeps_nothing_of_it() -> None:
    broker = MqttBroker(users={"look": "secret"})
    await broker.start()
    broker.publish("plant/LT-1", {"value": 81.5, "time": 1_700_000_000_000, "deep": {"on": True}}, retain=True)
    broker.publish("plant/raw", b"\xff\x00", retain=True)
    ask = MqttListen(host=broker.host, port=broker.port, username="look", password="secret", filter="plant/#", seconds=0.5)
    try:
        told = await look_at(ask, Path(), CLOCK)
        rows = {row["topic"]: row for row in told["items"]}
        assert {f["path"]: f["value"] for f in rows["plant/LT-1"]["fields"]} == {"$.value": 81.5, "$.time": 1_700_000_000_000, "$.deep.on": True}  # fmt: skip
        assert rows["plant/LT-1"]["times"] == ["$.time"]
        assert rows["plant/raw"]["json"] is False
        while broker.sessions:
            await asyncio.sleep(0.01)
        assert "PUBLISH" not in broker.recording.counts
        with pytest.raises(NotReached, match=r"refuse|not authori"):
            await look_at(ask.model_copy(update={"password": "wrong"}), Path(), CLOCK)
    finally:
        await broker.stop()


async def test_wrong_addresses_say_what_is_wrong() -> None:
    port = free_ports()
    with pytest.raises(NotReached, match="nothing listens at port"):
        await look_at(ModbusScan(host="127.0.0.1", port=port, ranges=(ModbusRange(table="hr"),)), Path(), CLOCK)
    with pytest.raises(NotReached, match=r"name no-such-host\.invalid is not known"):
        await look_at(MqttListen(host="no-such-host.invalid"), Path(), CLOCK)
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    try:
        there = server.sockets[0].getsockname()[1]
        with pytest.raises(NotReached, match="does not speak OPC UA"):
            await look_at(OpcUaEndpoints(url=f"opc.tcp://127.0.0.1:{there}"), Path(), CLOCK)
    finally:
        server.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"span": ["hr:0+2", "hr:x"]}, "--range 为 hr:x;应为 表:起始+数量"),
        ({"span": ["hr:0+501"]}, "--range 为 hr:0+501"),
        ({"span": ["hr:0+"]}, "--range 为 hr:0+;"),
        ({"url": "modbus://127.0.0.1:1/one"}, "单元号为 one;应为 0 至 255 的整数"),
        ({"url": "modbus://127.0.0.1:99999/1"}, "应为 1 至 65535 的端口"),
        ({"framing": "ascii"}, "帧格式为 ascii;应为 tcp 或 rtu"),
    ],
)
def test_a_range_that_is_none_is_told_in_the_language_of_the_shell(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        scan(**{"url": "modbus://127.0.0.1:1/1", **given})
    assert said in refused.value.text("zh")


async def test_the_app_looks_through_a_process_of_its_own_and_is_bounded(tmp_path: Path) -> None:
    server, looker, person = ModbusServer(), Looker(tmp_path, CLOCK), uuid4()
    server.set("hr:0 float32", math.pi)
    await server.start()
    try:
        ask = ModbusScan(host=server.host, port=server.port, ranges=(ModbusRange(table="hr", count=2),))
        # The process is not there yet: what waits for its start counts too.
        at_once = await asyncio.gather(*(looker.look(ask, uuid4()) for _ in range(AT_ONCE + 2)), return_exceptions=True)
        assert [type(one) for one in at_once].count(TooManyLooks) == 2
        told = await looker.look(ask, person)
        assert told["items"][0]["readings"]["float32"] == pytest.approx(math.pi, rel=1e-6)
        with pytest.raises(NotReached, match="nothing listens"):
            await looker.look(ask.model_copy(update={"port": free_ports()}), person)
        looker._asked[person].extend([CLOCK.monotonic()] * PER_MINUTE)
        recorded: list[Any] = []

        async def first() -> None:
            recorded.append(ask)

        await looker.look(ask, uuid4(), first)
        with pytest.raises(TooManyLooks) as refused:
            await looker.look(ask, person, first)
        assert recorded == [ask], "what is refused for its number leaves no line in the audit record"
        assert refused.value.facts["seconds"] > 50
        await looker.look(ask, uuid4())
    finally:
        await looker.close()
        await server.stop()
