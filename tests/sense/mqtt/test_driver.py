"""The MQTT driver over the wire, beyond the contract, in both versions of the protocol."""

from __future__ import annotations

import asyncio
import datetime
import gc
import ipaddress
import math
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from anlan.model.quality import Reason, Severity, quality
from anlan.sense.driver import LinkState
from anlan.sense.mqtt.driver import MqttDriver
from anlan.sense.mqtt.harness import Harness
from anlan.sense.mqtt.packets import Message
from tests.sense.benches import last, reading, told

T = 1_700_000_000_000_000
BOTH = pytest.mark.parametrize("version", ["3.1.1", "5"])
TOPIC = {"filter": "plant/{tag}", "point": "{tag}", "value": "$.v", "time": "$.t"}


@BOTH
async def test_messages_become_readings_and_are_acknowledged(version: str, tmp_path: Path) -> None:
    harness, acknowledged = Harness(), []
    harness.on_acknowledged = lambda client, message: acknowledged.append(message.topic)
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1", "T-2 | *2 open=1"], tmp_path, version=version) as bench:
        await bench.until_state(LinkState.UP)
        harness.publish("plant/T-1", {"v": 1.5, "t": T})
        harness.publish("plant/T-2", {"v": "open", "t": T})
        harness.publish("plant/T-2", {"v": None, "t": T + 1})
        await bench.until(lambda: len(acknowledged) == 3, "acknowledgements")
        assert bench.witness.rows[:2] == [(1, T, 1.5, 0), (2, T, 1.0, 0)]
        value, word = last(bench, 2)
        assert math.isnan(value)
        assert word == quality(Severity.BAD, Reason.UNSPECIFIED)


@BOTH
async def test_what_cannot_be_read_is_kept_acknowledged_and_holds_nothing_up(version: str, tmp_path: Path) -> None:
    harness, acknowledged = Harness(), []
    harness.on_acknowledged = lambda client, message: acknowledged.append(message.payload)
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, version=version) as bench:
        await bench.until_state(LinkState.UP)
        for payload in (b"\xff\xfe", b"", b"[1,2", {"v": {}, "t": 1}, {"v": 1}, {"v": "word", "t": T}, {"v": 7, "t": T}):
            harness.publish("plant/T-1", payload)
        await bench.until(lambda: len(acknowledged) == 7, "acknowledgements")
        assert bench.witness.rows == [(1, T, 7.0, 0)]
        assert bench.driver.counters["rejected"] == 6  # type: ignore[attr-defined]
        assert len((tmp_path / "rejects" / "contract.jsonl").read_bytes().splitlines()) == 6
        assert bench.witness.states == [LinkState.UP]


@BOTH
async def test_a_poisoned_message_is_rejected_and_the_next_ones_are_read(version: str, tmp_path: Path) -> None:
    """The least time of a .NET device in a zone ahead of UTC, and a fault of our own: neither may come again for ever."""
    harness, acknowledged = Harness(), []
    harness.on_acknowledged = lambda client, message: acknowledged.append(message.payload)
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, version=version) as bench:
        await bench.until_state(LinkState.UP)
        template = bench.driver._templates[0]  # type: ignore[attr-defined]
        whole = template.map
        template.map = lambda captures, payload, at: 1 // 0 if payload == b"poison" else whole(captures, payload, at)
        for payload in ({"v": 1, "t": "0001-01-01T00:00:00+08:00"}, b"poison", {"v": 7, "t": T}):
            harness.publish("plant/T-1", payload)
        await bench.until(lambda: len(acknowledged) == 3, "acknowledgements")
        assert bench.witness.rows == [(1, T, 7.0, 0)]
        rejects = (tmp_path / "rejects" / "contract.jsonl").read_text("utf-8")
        assert "0001-01-01T00:00:00+08:00' lies outside" in rejects
        assert "ZeroDivisionError" in rejects


OTHER = {"filter": "other/{tag}", "point": "other.{tag}", "value": "$.v", "time": "$.t"}


@BOTH
async def test_a_topic_that_the_broker_refuses_does_not_end_the_others(version: str, tmp_path: Path) -> None:
    harness = Harness()
    harness.forbidden.add("other/+")
    await harness.start()
    options = {"version": version, "topics": [TOPIC | {"point": "plant.{tag}"}, OTHER]}
    async with reading(MqttDriver, harness, ["plant.T-1", "other.T-1"], tmp_path, **options) as bench:
        await bench.until(lambda: told(bench, 2), "the point of the refused topic as bad")
        assert last(bench, 2)[1] == quality(Severity.BAD, Reason.CONFIGURATION)
        harness.publish("plant/T-1", {"v": 7, "t": T})
        await bench.until(lambda: told(bench, 1), "the other topic")
        assert last(bench, 1) == (7.0, 0)
        assert bench.driver.counters["refused_subscriptions"] == 1  # type: ignore[attr-defined]
        harness.forbidden.clear()
        await bench.until(lambda: bench.driver.counters["refused_subscriptions"] == 0, "the subscription")  # type: ignore[attr-defined]
        harness.publish("other/T-1", {"v": 8, "t": T})
        await bench.until(lambda: last(bench, 2) == (8.0, 0), "the topic that was refused")
        assert bench.witness.states == [LinkState.UP]


async def test_a_broker_that_refuses_every_topic_is_down_and_names_one(tmp_path: Path) -> None:
    harness = Harness()
    harness.forbidden.add("plant/+")
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path) as bench:
        await bench.until_state(LinkState.DOWN)
        assert "refuses the subscription plant/+" in bench.witness.reason


async def test_a_reject_is_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    harness, kept = Harness(), []
    path = tmp_path / "rejects" / "contract.jsonl"
    harness.on_acknowledged = lambda client, message: kept.append(path.read_bytes())
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path) as bench:
        await bench.until_state(LinkState.UP)
        harness.publish("plant/T-1", b"nonsense")
        await bench.until(lambda: bool(kept), "the acknowledgement")
    assert b"nonsense" in kept[0]


async def test_topics_of_others_are_no_rejects(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path) as bench:
        await bench.until_state(LinkState.UP)
        harness.publish("plant/T-9", {"v": 1, "t": T})
        await bench.until(lambda: bench.driver.counters["unknown_keys"] == 1, "the stranger")  # type: ignore[attr-defined]
        assert bench.driver.counters["rejected"] == 0  # type: ignore[attr-defined]


@BOTH
async def test_a_resend_within_one_run_is_answered_and_not_delivered_twice(version: str, tmp_path: Path) -> None:
    harness, acknowledged = Harness(), []
    harness.on_acknowledged = lambda client, message: acknowledged.append(message.payload)
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, version=version) as bench:
        await bench.until_state(LinkState.UP)
        bench.witness.open.clear()
        for n in range(5):
            harness.publish("plant/T-1", {"v": n, "t": T + n})
        await bench.until(lambda: bench.witness.waiting > 0, "a held delivery")
        await harness.stop()
        await bench.until_state(LinkState.UP, LinkState.DOWN)
        await harness.start()
        await bench.until(lambda: bench.driver.counters["duplicates"] >= 5, "the resend")  # type: ignore[attr-defined]
        assert acknowledged == []
        bench.witness.open.set()
        await bench.until(lambda: len(acknowledged) == 5, "acknowledgements")
        assert [row[2] for row in bench.witness.rows] == [0.0, 1.0, 2.0, 3.0, 4.0]


async def test_a_resend_after_our_own_restart_is_marked_redelivered(tmp_path: Path) -> None:
    harness, marks = Harness(), []
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path) as bench:
        await bench.until_state(LinkState.UP)
        bench.witness.open.clear()
        harness.publish("plant/T-1", {"v": 1, "t": T})
        await bench.until(lambda: bench.witness.waiting > 0, "a held delivery")
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path) as bench:
        deliver = bench.witness.deliver

        async def marked(readings: Any, *, redelivered: bool = False) -> None:
            marks.append((redelivered, readings.value.tolist()))
            await deliver(readings)

        bench.witness.deliver = marked  # type: ignore[method-assign]
        await bench.until(lambda: bool(marks), "the resend")
    assert (True, [1.0]) in marks


async def test_a_broker_that_forgot_us_is_not_told_old_numbers(tmp_path: Path) -> None:
    """Packet numbers begin anew in a new session: an acknowledgement for the old one would free a message we do not have yet."""
    harness, acknowledged, gate = Harness(), [], asyncio.Semaphore(0)
    harness.on_acknowledged = lambda client, message: acknowledged.append(message.payload)
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path) as bench:
        await bench.until_state(LinkState.UP)
        deliver = bench.witness.deliver

        async def one_by_one(readings: Any, *, redelivered: bool = False) -> None:
            await gate.acquire()
            await deliver(readings)

        bench.witness.deliver = one_by_one  # type: ignore[method-assign]
        harness.publish("plant/T-1", {"v": 1, "t": T})
        await bench.until(lambda: bench.driver.counters["messages"] == 1, "the first message")  # type: ignore[attr-defined]
        await harness.stop()
        harness.forget()
        await bench.until_state(LinkState.UP, LinkState.DOWN)
        await harness.start()
        await bench.until_state(LinkState.UP, LinkState.DOWN, LinkState.UP)
        harness.publish("plant/T-1", {"v": 2, "t": T + 1})
        await bench.until(lambda: bench.driver.counters["messages"] == 2, "the second message")  # type: ignore[attr-defined]
        gate.release()
        await bench.until(lambda: 1.0 in bench.witness.values(), "the first value")
        await asyncio.sleep(0.1)
        assert acknowledged == []
        gate.release()
        await bench.until(lambda: bool(acknowledged), "the acknowledgement")
        assert bench.witness.values() == {1.0, 2.0}


async def test_qos_0_beyond_the_queue_is_dropped_and_counted(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, queue=10) as bench:
        await bench.until_state(LinkState.UP)
        bench.witness.open.clear()
        for n in range(50):
            harness.route(Message("plant/T-1", b'{"v":%d,"t":%d}' % (n, T + n), 0))
        await bench.until(lambda: bench.driver.counters["dropped"] >= 39, "dropped messages")  # type: ignore[attr-defined]
        bench.witness.open.set()
        await bench.until(lambda: len(bench.witness.rows) >= 10, "the others")
        assert bench.witness.states == [LinkState.UP]


async def test_qos_1_beyond_the_queue_waits_in_the_socket(tmp_path: Path) -> None:
    harness, acknowledged = Harness(most_unacknowledged=60_000), []
    harness.on_acknowledged = lambda client, message: acknowledged.append(1)
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, queue=10) as bench:
        await bench.until_state(LinkState.UP)
        bench.witness.open.clear()
        for n in range(3000):
            harness.publish("plant/T-1", {"v": n, "t": T + n})
        await bench.until(lambda: bench.witness.waiting > 0, "a held delivery")
        await asyncio.sleep(0.2)
        assert len(bench.driver._queue) <= 210  # type: ignore[attr-defined]
        bench.witness.open.set()
        await bench.until(lambda: len(acknowledged) == 3000, "all acknowledgements")
        assert [row[2] for row in bench.witness.rows] == [float(n) for n in range(3000)]


async def test_a_retained_message_is_marked_redelivered(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    harness.publish("plant/T-1", {"v": 4, "t": T}, retain=True)
    async with reading(MqttDriver, harness, ["T-1"], tmp_path) as bench:
        await bench.until(lambda: told(bench, 1), "the retained value")
        assert last(bench, 1) == (4.0, 0)


@BOTH
async def test_a_wrong_password_is_told(version: str, tmp_path: Path) -> None:
    harness = Harness(users={"anlan": "right"})
    await harness.start()
    secret = tmp_path / "password"
    secret.write_text("wrong\n")
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, version=version, username="anlan", password_file=secret) as bench:
        await bench.until_state(LinkState.DOWN)
        assert "refuses us" in bench.witness.reason
        secret.write_text("right\n")
        await bench.until_state(LinkState.DOWN, LinkState.UP)


def certified(folder: Path) -> ssl.SSLContext:
    """A server's TLS context for 127.0.0.1; `ca.pem` in the folder is what a client needs to believe it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(5)
    made = made.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = made.add_extension(address, critical=False).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    (folder / "ca.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


async def test_tls_with_an_authority_of_our_own(tmp_path: Path) -> None:
    harness = Harness(tls=certified(tmp_path))
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, tls={"ca": tmp_path / "ca.pem"}) as bench:
        await bench.until_state(LinkState.UP)
        for n in range(300):
            harness.publish("plant/T-1", {"v": n, "t": T + n})
        await bench.until(lambda: len(bench.witness.rows) == 300, "values over TLS")


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # paho leaves a socket whose handshake failed to the collector
@pytest.mark.slow
async def test_tls_with_a_stranger_is_refused(tmp_path: Path) -> None:
    harness = Harness(tls=certified(tmp_path))
    await harness.start()
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, tls={}) as bench:
        await bench.until_state(LinkState.DOWN)
        assert "CERTIFICATE_VERIFY_FAILED" in bench.witness.reason
    gc.collect()
