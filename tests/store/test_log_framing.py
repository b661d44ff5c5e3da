"""The bytes of a frame: what goes in comes out, and no other bytes pass for it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.model.errors import Corrupt, StoreError
from anlan.model.frames import Kind, Part
from anlan.store.framing import decode, decode_heads, encode

PARTS = st.lists(
    st.builds(
        Part,
        kind=st.sampled_from(Kind),
        source=st.integers(0, 2**32 - 1),
        epoch=st.integers(0, 2**62),
        first_seq=st.integers(0, 2**62),
        received_at=st.integers(-(2**62), 2**62),
        rows=st.integers(0, 2**32 - 1),
        body=st.binary(max_size=50),
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)
@given(st.integers(1, 2**60), PARTS)
def test_a_frame_comes_back_as_it_was(n: int, parts: list[Part]) -> None:
    raw = encode(n, parts)
    frame, damaged = decode(n, decode_heads(n, raw.heads), raw.bodies)
    assert frame.n == n
    assert list(frame.parts) == parts
    assert damaged == []


@settings(deadline=None)
@given(PARTS, st.data())
def test_any_flipped_bit_is_found(parts: list[Part], data: st.DataObject) -> None:
    raw = encode(9, parts)
    whole = bytearray(raw.heads + raw.bodies)
    at = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[at // 8] ^= 1 << at % 8
    heads, bodies = bytes(whole[: len(raw.heads)]), bytes(whole[len(raw.heads) :])
    assert not _passes(heads, bodies)


def _passes(heads: bytes, bodies: bytes) -> bool:
    try:
        return decode(9, decode_heads(9, heads), bodies)[1] == []
    except (Corrupt, StoreError):
        return False


@settings(deadline=None)
@given(PARTS, st.integers(0, 400))
def test_a_frame_cut_short_is_found(parts: list[Part], length: int) -> None:
    raw = encode(9, parts)
    whole = raw.heads + raw.bodies
    cut = whole[: min(length, len(whole) - 1)]
    assert not _passes(cut[: len(raw.heads)], cut[len(raw.heads) :])


def test_a_good_frame_in_a_wrong_place_is_found() -> None:
    raw = encode(9, [Part(Kind.TICK, 0, 0, 0, 0, 0, b"{}")])
    with pytest.raises(Corrupt):
        decode_heads(10, raw.heads)


def test_only_the_damaged_part_is_left_out() -> None:
    parts = [Part(Kind.READINGS, source, 1, 100, 5, 10, b"%d" % source * 20) for source in (1, 2, 3)]
    raw = encode(4, parts)
    bodies = raw.bodies[:25] + b"?" + raw.bodies[26:]
    frame, damaged = decode(4, decode_heads(4, raw.heads), bodies)
    assert list(frame.parts) == [parts[0], parts[2]]
    assert [(head.source, head.epoch, head.first_seq, head.rows) for head in damaged] == [(2, 1, 100, 10)]


def test_the_body_of_a_lone_part_is_not_copied() -> None:
    body = b"x" * 1000
    assert encode(1, [Part(Kind.TICK, 0, 0, 0, 0, 0, body)]).bodies is body
