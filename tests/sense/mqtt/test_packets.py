"""The broker's packets: any bytes are survived, and what paho writes is read as it was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from anlan.sense.mqtt.packets import (
    Malformed,
    Message,
    NeedMore,
    Packet,
    Type,
    connect,
    decode,
    frame,
    matches,
    publish,
    published,
    subscriptions,
    unsubscriptions,
)


def outcome(buffer: bytes) -> str:
    """What reading a buffer as far as it goes comes to; nothing but Malformed may be raised."""
    try:
        while isinstance(packet := decode(buffer), Packet):
            buffer = buffer[packet.used :]
            {Type.CONNECT: connect}.get(packet.type, bytes)(packet.body)
            for version in (4, 5):
                {Type.PUBLISH: published}.get(packet.type, lambda p, v: None)(packet, version)
                {Type.SUBSCRIBE: subscriptions, Type.UNSUBSCRIBE: unsubscriptions}.get(packet.type, lambda b, v: None)(
                    packet.body, version
                )
    except Malformed:
        return "malformed"
    return "more"


BODIES = st.binary(max_size=60) | st.binary(max_size=30).map(lambda b: b"\0\4MQTT\5" + b)


@given(st.binary(max_size=200) | st.builds(frame, st.sampled_from(Type), BODIES, st.integers(0, 15)))
def test_any_bytes_are_packets_or_malformed(buffer: bytes) -> None:
    assert outcome(buffer) in {"malformed", "more"}


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.binary(max_size=300),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    st.sampled_from([4, 5]),
)
def test_a_published_message_comes_back(topic: str, payload: bytes, qos: int, retain: bool, dup: bool, version: int) -> None:
    message = Message(topic, payload, qos, retain, 77 if qos else 0, dup)
    packet = decode(publish(message, version))
    assert isinstance(packet, Packet)
    assert published(packet, version) == message


@given(st.binary(min_size=1, max_size=300), st.integers(0, 299))
def test_part_of_a_packet_needs_more(payload: bytes, cut: int) -> None:
    whole = frame(Type.PUBLISH, payload)
    assert decode(whole[: min(cut, len(whole) - 1)]) == NeedMore()


@pytest.mark.parametrize("buffer", [b"\x10\xff\xff\xff\xff\x01", b"\x00\x00"])
def test_what_no_version_allows_is_malformed(buffer: bytes) -> None:
    with pytest.raises(Malformed):
        decode(buffer)


LEVELS = st.lists(st.sampled_from(["a", "b", "$SYS", "+", "#", ""]), min_size=1, max_size=4).map("/".join)


@given(LEVELS.filter(lambda f: f and "#" not in f[:-1]), LEVELS.filter(lambda t: not set(t) & set("+#")))
def test_filters_match_as_paho_says(filter: str, topic: str) -> None:
    assert matches(filter, topic) == topic_matches_sub(filter, topic)
