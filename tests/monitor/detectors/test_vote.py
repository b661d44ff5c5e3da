"""The vote in force: by hand for the cases people know, and against the machine that decides for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest

from anlan.model.quality import GOOD, Reason, Severity, quality
from anlan.monitor.detectors.vote import Health, in_force
from anlan.monitor.kernel.machine import _vote

CALIBRATION, MAINTENANCE = quality(Severity.BAD, Reason.CALIBRATION), quality(Severity.BAD, Reason.MAINTENANCE)
FAULT, LATCHED = quality(Severity.BAD, Reason.SENSOR_FAILURE), quality(Severity.BAD, Reason.OVER_RANGE_LATCHED)
LOST = quality(Severity.BAD, Reason.COMMUNICATION)
UNSURE = quality(Severity.UNCERTAIN, Reason.LAST_USABLE)


@dataclass(frozen=True)
class Group:
    needed: int
    members: tuple[str, ...] = ("AT-201", "AT-202", "AT-203")
    fault: str = "alarm"
    calibration: str = "leave"


@pytest.mark.parametrize(
    ("group", "words", "expected"),
    [
        (Group(2), (GOOD, GOOD, GOOD), "2oo3"),
        (Group(2), (GOOD, UNSURE, GOOD), "2oo3"),
        (Group(2), (GOOD, GOOD, CALIBRATION), "1oo2"),
        (Group(2), (GOOD, GOOD, MAINTENANCE), "1oo2"),
        (Group(2), (GOOD, GOOD, FAULT), "1oo2"),
        (Group(2), (GOOD, GOOD, LATCHED), "1oo2"),
        (Group(2), (GOOD, CALIBRATION, FAULT), "0oo1"),
        (Group(2), (GOOD, CALIBRATION, MAINTENANCE), "1oo1"),
        (Group(2), (CALIBRATION,) * 3, "—"),
        (Group(2), (FAULT,) * 3, "0oo0"),
        (Group(2), (GOOD, FAULT, FAULT), "0oo1"),
        (Group(2, fault="leave"), (GOOD, GOOD, FAULT), "1oo2"),
        (Group(2, calibration="alarm"), (GOOD, GOOD, CALIBRATION), "1oo2"),
        (Group(3), (GOOD, GOOD, CALIBRATION), "2oo2"),
        (Group(1), (GOOD, GOOD, CALIBRATION), "1oo2"),
        (Group(2), (GOOD, GOOD, LOST), "1oo2"),
        (Group(2), (GOOD, LOST, LOST), "1oo1"),
        (Group(2), (LOST, LOST, LOST), "—"),
        (Group(2), (GOOD, FAULT, LOST), "0oo1"),
        (Group(2, fault="leave"), (GOOD, GOOD, LOST), "1oo2"),
        (Group(2, fault="leave"), (GOOD, LATCHED, LATCHED), "0oo1"),
    ],
)  # fmt: skip
def test_known_cases(group: Group, words: tuple[int, ...], expected: str) -> None:
    found = in_force(group, words)
    assert found.text == expected
    assert found.degraded is (expected != f"{group.needed}oo3")


def test_it_says_who_is_out_and_why() -> None:
    found = in_force(Group(2), (GOOD, GOOD, CALIBRATION))
    assert [(m.id, m.health, m.counts) for m in found.out] == [("AT-203", Health.CALIBRATING, "left")]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_machine_agrees_in_every_case(size: int) -> None:
    """With `n` of the voting members seeing gas, the machine's vote stands exactly when n reaches what is said to be needed."""
    for needed, fault, calibration in product(range(1, size + 1), ("alarm", "leave"), ("leave", "alarm")):
        group = Group(needed, tuple(f"M{i}" for i in range(size)), fault, calibration)
        packed = np.int64(size | needed << 8 | (fault == "alarm") << 16 | (calibration == "leave") << 17)
        for words in product((GOOD, CALIBRATION, MAINTENANCE, FAULT, LATCHED, LOST), repeat=size):
            told = in_force(group, words)
            voters = [i for i, m in enumerate(told.members) if m.counts == "votes"]
            assert len(voters) == told.of
            for seeing in range(told.of + 1):
                v, q = np.zeros(size), np.array(words, np.int64)
                v[voters[:seeing]] = 1.0
                beyond = [i for i, word in enumerate(words) if word == LATCHED]
                v[beyond], q[beyond] = 1.0, GOOD  # as the group's expression gives it: `… or over_range(AT-201)`
                _vote(packed, v, q, 0)
                unknown = q[0] >= quality(Severity.BAD)
                assert unknown or told.text != "—"
                # Unknown: nobody is left, or too many are not seen and none of the others votes.
                assert not unknown or told.text == "—" or (LOST in words and seeing == 0)
                assert unknown or bool(v[0]) == (seeing >= told.needed), (group, words, seeing)
