"""Which change of which field makes a safety alarm weaker: one table for each kind of thing that a plant writes. Pure.

A judge is given the thing as it will be, the field's old value and its new one, which differ. A field without a judge counts as loosened,
so that a later release opens no way past the second person by adding one. Where it takes more than a glance to see that a change
cannot make an alarm later, quieter, rarer or gone, there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anlan.model.events.alarms import AlarmKind
from anlan.model.points import Calibration, Point, Reporting
from anlan.model.principles import principles
from anlan.monitor.config import AlarmRule
from anlan.monitor.detectors.config import DetectorLimit
from anlan.monitor.rationalisation import AlarmClass
from anlan.plant.description import CalculatedPoint, Vote
from anlan.sense.config import SourceConfig

Judge = Callable[[Any, Any, Any], bool]
Table = Mapping[str, Judge]

HIGHS = frozenset(
    {AlarmKind.HIGH, AlarmKind.HIGH_HIGH, AlarmKind.RATE, AlarmKind.DEVIATION, AlarmKind.TIME_IN_STATE, AlarmKind.COUNT}
)
"""Kinds that are on at or above their limit: the higher it is, the later they come."""
LOWS = frozenset({AlarmKind.LOW, AlarmKind.LOW_LOW, AlarmKind.FROZEN})


def weaker(table: Table, before: Any, after: Any) -> list[str]:
    """Fields of `before` that `after`, of the same model, makes weaker."""
    names = [name for name in type(before).model_fields if getattr(before, name) != getattr(after, name)]
    return [name for name in names if table.get(name, _always)(after, getattr(before, name), getattr(after, name))]


# --- judges ----------------------------------------------------------------------------------------------------------------


def _always(after: Any, old: Any, new: Any) -> bool:
    return True


def _never(after: Any, old: Any, new: Any) -> bool:
    """Words and records: what is said of it, not what it does."""
    return False


def _higher(after: Any, old: Any, new: Any) -> bool:
    return bool(new > old)


def _lower(after: Any, old: Any, new: Any) -> bool:
    return bool(new < old)


def _ended(after: Any, old: Any, new: Any) -> bool:
    """A demand or a statement that was there is not any more."""
    return bool(old) and not new


def _was_given(after: Any, old: Any, new: Any) -> bool:
    """Saying it for the first time is no loosening, saying something else is."""
    return bool(old)


def _fewer(after: Any, old: Any, new: Any) -> bool:
    return not set(old) <= set(new)


def _higher_or_none(after: Any, old: float | None, new: float | None) -> bool:
    return old is not None and (new is None or new > old)


def _lower_or_none(after: Any, old: float | None, new: float | None) -> bool:
    return old is not None and (new is None or new < old)


def _rarer(after: Any, old: int, new: int) -> bool:
    """An interval in days of which 0 is none."""
    return old > 0 and (new == 0 or new > old)


def _limit(after: AlarmRule, old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return True
    return new > old if after.kind in HIGHS else new < old if after.kind in LOWS else True


def _window(after: AlarmRule, old: float, new: float) -> bool:
    """More times are counted over longer, a smaller spread is seen over shorter; what a rate makes of another window nobody can tell."""
    return new < old if after.kind is AlarmKind.COUNT else new > old if after.kind is AlarmKind.FROZEN else True


def _direction(after: AlarmRule, old: str, new: str) -> bool:
    return new != "both"


def _shelving(after: AlarmClass, old: float, new: float) -> bool:
    """0 is to the end of the shift, which is as long as may be."""
    return after.shelvable and old > 0 and (new == 0 or new > old)


def _reporting(after: Point, old: Reporting, new: Reporting) -> bool:
    """Later to notice that nothing comes any more. On change without a stated time, silence is never stale."""
    if old.mode != new.mode or new.period > old.period:
        return True
    if new.mode == "on_change":
        return _higher_or_none(after, old.stale_after, new.stale_after)
    return new.deadline > old.deadline


def _principle(after: Point, old: str, new: str) -> bool:
    """A catalytic bead's reading over range is held; without that it can read low again above the explosive range."""
    held, holds = (one in principles() and principles()[one].latches for one in (old, new))
    return not new or (held and not holds)


def _calibration(after: Point, old: Calibration | None, new: Calibration | None) -> bool:
    """A date that moves because it was calibrated again is what calibrations are for. One that is gone takes its alarm with it."""
    if old is None or new is None or new.due <= old.due:
        return False
    return new.last is None or (old.last is not None and new.last <= old.last)


def _vote_limit(after: Vote, old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return True
    return new > old if after.side == "high" else new < old


def _leaves(after: Vote, old: str, new: str) -> bool:
    """A member that no longer counts as an alarm."""
    return new != "alarm"


def _neutral(*names: str) -> dict[str, Judge]:
    return dict.fromkeys(names, _never)


# --- tables ----------------------------------------------------------------------------------------------------------------

RULE: Table = {
    **_neutral("id", "consequence", "corrective_action", "time_to_respond", "cause", "basis", "severity", "rationalised"),
    "limit": _limit,
    "states": _fewer,
    # Until an alarm has ended, what exceeds its limit again is no new one and makes no sound.
    "dead_band": _higher,
    "off_delay": _higher,
    "on_delay": _higher,
    "latching": _ended,
    "priority": _higher,
    "post": _ended,
    "enabled": _ended,
    "alarm_class": _ended,
    "window": _window,
    "direction": _direction,
    "suppress_when": lambda after, old, new: bool(new),
}

CLASS: Table = {
    **_neutral("id", "name"),
    "comment_required": _ended,
    "shelvable": lambda after, old, new: bool(new),
    "max_shelving": _shelving,
    "test_interval": _rarer,
    "review_interval": _rarer,
    "training": _ended,
}

POINT: Table = {
    # Where it stands on the map and how it is written; its place is judged: that decides who sees it and which state point is its own.
    **_neutral("id", "name", "subject", "position", "accuracy", "decimals", "was"),
    "gas": _was_given,
    "principle": _principle,
    "range_high": _higher_or_none,
    "range_low": _lower_or_none,
    "reporting": _reporting,
    "safety": _ended,
    "calibration": _calibration,
}
"""Of points that are safety-related or detect a hazard. The words of states are judged: a detector's own state is read from them."""

SOURCE: Table = {**_neutral("id", "name"), "keep_alive": _higher}

VOTE: Table = {
    # What only its two alarms have is judged there, where a rule that the plant wrote itself may stand in their stead.
    **_neutral("id", "name", "position", "priority", "on_delay", "post", "fewest"),
    **_neutral("consequence", "corrective_action", "time_to_respond"),
    "members": _fewer,
    "needed": _higher,
    "limit": _vote_limit,
    "states": _fewer,
    "fault": _leaves,
    "calibration": _leaves,
}
"""Its dead-band is judged both ways: a narrower one parts excursions that would have met, a wider one makes two of them one."""

CALCULATED: Table = _neutral("id", "name", "position", "decimals")
"""Alarms stand on them: what another formula does to them nobody can tell from its text."""

DETECTOR: Table = {
    **_neutral("hazard", "gas", "basis"),
    "error": _higher_or_none,
    "t90": _higher_or_none,
    "interval": _higher_or_none,
}

JUDGED: Mapping[type, Table] = {
    AlarmRule: RULE,
    AlarmClass: CLASS,
    Point: POINT,
    SourceConfig: SOURCE,
    Vote: VOTE,
    CalculatedPoint: CALCULATED,
    DetectorLimit: DETECTOR,
}
