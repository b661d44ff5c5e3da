"""报警链周检: whether an alarm of this node reaches the ears of a person, proven once a week with a condition that is marked 演练.

In: a person at a console who starts the proof and says whether they heard it. Out: a row with the time of each stage and the result, an audit leaf, and a
fault of the node where no proof was heard for more than seven days or the last one failed. Log, engine, journal, socket and sound are those of every
alarm; the point is one of the node's own (`node.proof`), so that no point of the plant is touched, and performance measures leave it out.
"""

from __future__ import annotations

from typing import Protocol

POINT = "node.proof"


class OfPoint(Protocol):
    @property
    def point(self) -> str: ...


def is_proof(rule: OfPoint) -> bool:
    """Whether the alarm is the proof's: an exercise, which counts in no measure."""
    return rule.point == POINT
