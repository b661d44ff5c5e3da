"""How healthy a barrier is, by what the plant tells of its items: effective, degraded, failed, or not known.

Lost items are counted: an item is lost when one of its facts is true. What is unknown stays what it was last known to be where that was adverse, so
that losing sight of a barrier never makes it better; how much of it is unknown stands beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from anlan.model.words import Label
from anlan.risk.bowties.model import Barrier, Item
from anlan.risk.studies.facts import Binding, Fact

Facts = Mapping[Binding, Fact]


class Health(StrEnum):
    EFFECTIVE = "effective"
    DEGRADED = "degraded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    UNWATCHED = "unwatched"
    """Nothing on this node tells of it."""


@dataclass(frozen=True, slots=True)
class ItemState:
    """`lost` None: unknown, and never known to be lost. `known` False: what is said is the last that was known."""

    item: Item
    lost: bool | None
    known: bool
    why: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class BarrierHealth:
    """`shown`: what is told of it; `counted`: by what the frequency is computed. They differ while what is unknown could be worse."""

    barrier: Barrier
    shown: Health
    counted: Health
    items: tuple[ItemState, ...] = ()

    @property
    def lost(self) -> int:
        return sum(one.lost is True for one in self.items)

    @property
    def unknown(self) -> int:
        return sum(not one.known for one in self.items)

    def pfd(self) -> float | None:
        """The chance that the barrier itself fails on demand; None where a fault tree's gate says it (and nothing is lost)."""
        match self.counted:
            case Health.FAILED:
                return 1.0
            case Health.DEGRADED:
                return self.barrier.degraded
            case _:
                return self.barrier.pfd


def health_of(barrier: Barrier, facts: Facts | None) -> BarrierHealth:
    """`facts` None: the baseline, in which nothing is lost."""
    watch = barrier.watch
    if watch is None:
        return BarrierHealth(barrier, Health.UNWATCHED, Health.EFFECTIVE)
    if facts is None:
        return BarrierHealth(barrier, Health.EFFECTIVE, Health.EFFECTIVE)
    items = tuple(_item_state(item, facts) for item in watch.items)
    lost = sum(one.lost is True for one in items)
    at_worst = lost + sum(not one.known and one.lost is not True for one in items)
    counted, worst = (_health(watch.needs, len(items), n) for n in (lost, at_worst))
    return BarrierHealth(barrier, counted if counted == worst else Health.UNKNOWN, counted, items)


def _health(needs: int, of: int, lost: int) -> Health:
    if of - lost < needs:
        return Health.FAILED
    return Health.DEGRADED if lost else Health.EFFECTIVE


def _item_state(item: Item, facts: Facts) -> ItemState:
    found = [facts[bound.binding] for bound in item.bounds]
    adverse = [one for one in found if one.adverse]
    if adverse:
        return ItemState(item, True, any(one.known for one in adverse), tuple(one.why for one in adverse))
    unknown = [one for one in found if not one.known]
    if unknown:
        return ItemState(item, None, False, tuple(one.why for one in unknown))
    return ItemState(item, False, True, tuple(one.why for one in found))
