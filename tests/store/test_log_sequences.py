"""Known rows against the plainest model there is: a set of (source, epoch, seq)."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.model.frames import Kind, Part
from anlan.model.readings import Readings
from anlan.store.sequences import Sequences

PIECES = st.lists(st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(0, 40), st.integers(1, 15)), max_size=30)


def part(source: int, epoch: int, first_seq: int, rows: int) -> Part:
    seq = np.arange(first_seq, first_seq + rows)
    readings = Readings(seq.astype(np.uint32), seq.astype(np.int64), seq.astype(np.float64), np.zeros(rows, np.uint16))
    return Part.of_readings(source, epoch, first_seq, 0, readings)


def seqs(pieces: list[Part]) -> list[int]:
    """The numbers, as the rows themselves carry them."""
    return [int(seq) for piece in pieces for seq in piece.readings().time]


@settings(deadline=None)
@given(PIECES)
def test_exactly_what_was_not_noted_is_fresh(history: list[tuple[int, int, int, int]]) -> None:
    sequences = Sequences()
    known: set[tuple[int, int, int]] = set()
    for source, epoch, first, rows in history:
        pieces = sequences.pieces(part(source, epoch, first, rows))
        assert seqs(pieces) == [seq for seq in range(first, first + rows) if (source, epoch, seq) not in known]
        for piece in pieces:
            assert piece.first_seq == int(piece.readings().time[0])
            assert piece.rows == len(piece.readings())
            sequences.note(piece)
        known |= {(source, epoch, seq) for seq in range(first, first + rows)}


@settings(deadline=None)
@given(PIECES)
def test_a_copy_knows_the_same(history: list[tuple[int, int, int, int]]) -> None:
    sequences = Sequences()
    for piece in history:
        sequences.note(part(*piece))
    copy = Sequences.from_bytes(sequences.to_bytes())
    assert copy.ends() == sequences.ends()
    assert all(copy.pieces(part(s, e, 0, 60)) == sequences.pieces(part(s, e, 0, 60)) for s in (1, 2) for e in (1, 2, 3))


@settings(deadline=None)
@given(PIECES, PIECES)
def test_a_scratch_layer_leaves_what_is_below_alone(
    below: list[tuple[int, int, int, int]], above: list[tuple[int, int, int, int]]
) -> None:
    sequences, together = Sequences(), Sequences()
    for piece in below:
        sequences.note(part(*piece))
        together.note(part(*piece))
    before = sequences.to_bytes()
    scratch = Sequences(over=sequences)
    for piece in above:
        scratch.note(part(*piece))
        together.note(part(*piece))
    assert sequences.to_bytes() == before
    assert all(scratch.pieces(part(s, e, 0, 60)) == together.pieces(part(s, e, 0, 60)) for s in (1, 2) for e in (1, 2, 3))


def test_rows_lost_before_later_ones_arrived_stay_wanted() -> None:
    sequences = Sequences()
    sequences.note(part(1, 5, 0, 10))
    sequences.note(part(1, 5, 20, 10))
    assert sequences.ends() == {1: (5, 10)}
    assert sequences.fresh(part(1, 5, 10, 10)) == part(1, 5, 10, 10)
    assert seqs(sequences.pieces(part(1, 5, 5, 40))) == [*range(10, 20), *range(30, 45)]


def test_the_oldest_epochs_are_forgotten_first() -> None:
    sequences = Sequences()
    for epoch in range(1, 9):
        sequences.note(part(1, epoch, 0, 5))
    assert sequences.ends() == {1: (8, 5)}
    assert sequences.fresh(part(1, 5, 0, 5)) is None
    assert sequences.fresh(part(1, 4, 0, 5)) == part(1, 4, 0, 5)


def test_commands_and_ticks_are_always_fresh() -> None:
    sequences = Sequences()
    tick = Part(Kind.TICK, 0, 1, 3, 3, 0, b"{}")
    sequences.note(tick)
    assert sequences.fresh(tick) is tick
    assert sequences.pieces(tick) == [tick]
    assert sequences.ends() == {}
