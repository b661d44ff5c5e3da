"""Which vote of a group is in force now: "2oo3 → 1oo2, AT-203 校验中". Pure, and the same arithmetic as the machine's (`machine._vote`).

A calibrating or maintained member leaves the vote, or counts as alarming, by the group's own choice; so does a faulty one. Every member that
leaves lowers what is needed by one, never below one; every member that counts as alarming is a vote already given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from anlan.model.quality import Reason, Severity, quality, reason_of

_BAD = quality(Severity.BAD)
NOBODY = "—"
_OUT = {Reason.CALIBRATION: "calibrating", Reason.MAINTENANCE: "inhibited"}


class Group(Protocol):
    """What is asked of a group (`plant.description.Vote` is one)."""

    @property
    def members(self) -> tuple[str, ...]: ...
    @property
    def needed(self) -> int: ...
    @property
    def fault(self) -> str: ...
    @property
    def calibration(self) -> str: ...


class Health(StrEnum):
    HEALTHY = "healthy"
    CALIBRATING = "calibrating"
    INHIBITED = "inhibited"
    FAULTY = "faulty"


@dataclass(frozen=True, slots=True)
class Member:
    id: str
    health: Health
    counts: str
    """`votes` by its value, `alarm` whatever it shows, or `left` the vote."""


@dataclass(frozen=True, slots=True)
class InForce:
    """`needed` of the `of` members that still vote by their values. 0 needed: the vote stands by members that count as alarming.
    `of` 0 and `needed` above 0: nobody votes any more."""

    designed: str
    needed: int
    of: int
    members: tuple[Member, ...]

    @property
    def text(self) -> str:
        return NOBODY if self.nobody else f"{self.needed}oo{self.of}"

    @property
    def nobody(self) -> bool:
        return self.of == 0 and self.needed > 0

    @property
    def degraded(self) -> bool:
        return self.text != self.designed

    @property
    def out(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.health is not Health.HEALTHY)


def in_force(group: Group, qualities: Iterable[int]) -> InForce:
    """`qualities`: the effective quality word of each member, in their order."""
    members = tuple(_member(group, one, word) for one, word in zip(group.members, qualities, strict=True))
    left = sum(member.counts == "left" for member in members)
    forced = sum(member.counts == "alarm" for member in members)
    designed = f"{group.needed}oo{len(members)}"
    if left == len(members):
        return InForce(designed, max(1, group.needed - left), 0, members)
    needed = max(0, max(1, group.needed - left) - forced)
    return InForce(designed, needed, len(members) - left - forced, members)


def _member(group: Group, identifier: str, word: int) -> Member:
    out = _OUT.get(reason_of(word))
    if out is not None:
        return Member(identifier, Health(out), "left" if group.calibration == "leave" else "alarm")
    if word >= _BAD:
        return Member(identifier, Health.FAULTY, "left" if group.fault == "leave" else "alarm")
    return Member(identifier, Health.HEALTHY, "votes")
