"""Which vote of a group is in force now: "2oo3 → 1oo2, AT-203 校验中". Pure, and the same arithmetic as the machine's (`machine._vote`).

A calibrating or maintained member leaves the vote, or counts as alarming, by the group's own choice; so does a faulty one. Every member that
leaves lowers what is needed by one, never below one; every member that counts as alarming is a vote already given. A member that nobody
sees (its source is lost, or it never spoke) counts as alarming beside another that does, and alone begins no vote.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from anlan.model.quality import Reason, Severity, quality, reason_of

_BAD = quality(Severity.BAD)
_OVER = (Reason.OVER_RANGE, Reason.OVER_RANGE_LATCHED)
UNSEEN = (Reason.COMMUNICATION, Reason.NO_DATA_YET, Reason.LAST_USABLE)
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
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Member:
    id: str
    health: Health
    counts: str
    """`votes` by its value, `alarm` whatever it shows, `supports` a vote that another has begun, or `left` the vote."""


@dataclass(frozen=True, slots=True)
class VoteInForce:
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


def in_force(group: Group, qualities: Iterable[int]) -> VoteInForce:
    """`qualities`: the effective quality word of each member, in their order."""
    members = tuple(_member(group, one, word) for one, word in zip(group.members, qualities, strict=True))
    left = sum(member.counts == "left" for member in members)
    forced = sum(member.counts == "alarm" for member in members)
    unseen = sum(member.counts == "supports" for member in members)
    designed = f"{group.needed}oo{len(members)}"
    if left == len(members):
        return VoteInForce(designed, max(1, group.needed - left), 0, members)
    needed = max(1, group.needed - left) - forced
    needed = max(0 if forced else 1, needed - unseen) if needed > 0 else 0
    return VoteInForce(designed, needed, len(members) - left - forced - unseen, members)


def _member(group: Group, identifier: str, word: int) -> Member:
    out = _OUT.get(reason_of(word))
    if out is not None:
        return Member(identifier, Health(out), "left" if group.calibration == "leave" else "alarm")
    if word >= _BAD and reason_of(word) in _OVER:
        return Member(
            identifier, Health.FAULTY, "alarm"
        )  # it has passed every limit within its range, whatever a fault counts as
    if word >= _BAD and group.fault == "alarm" and reason_of(word) in UNSEEN:
        return Member(identifier, Health.UNSEEN, "supports")
    if word >= _BAD:
        return Member(identifier, Health.FAULTY, "left" if group.fault == "leave" else "alarm")
    return Member(identifier, Health.HEALTHY, "votes")
