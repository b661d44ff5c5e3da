"""Ids of the points and alarms that stand beside another because something is calculated for it or told of it. One place spells them.

AV-300    a vote       AV-300.ST it is met · AV-300.HEALTHY members able to vote
TI-101.H  an alarm     TI-101.H.SUP the condition that suppresses it
BP-07     a bypass     BP-07.APPROVED told by the node · BP-07.IF bypassed without approval
AT-203    a detector   AT-203.DUE told by the node · AT-203.DUE.ST its calibration is overdue
XV-1.ZSC  a position   XV-1.ZSC.IF not reached within its stroke time
V-201     a tank       V-201.MASS the mass in it · V-201.MASS.H above its design maximum quantity
"""

from __future__ import annotations

_HEALTHY, _SUPPRESSOR, _APPROVED, _DUE, _MASS = ".HEALTHY", ".SUP", ".APPROVED", ".DUE", ".MASS"
ONLY_FOR_OTHERS = (_SUPPRESSOR, _HEALTHY)
"""Tails of calculated points that nobody looks at for their own sake."""


def healthy_of(vote: str) -> str:
    return vote + _HEALTHY


def met_alarm_of(vote: str) -> str:
    return f"{vote}.ST"


def suppressor_of(alarm: str) -> str:
    return alarm + _SUPPRESSOR


def is_suppressor(point: str) -> bool:
    return point.endswith(_SUPPRESSOR)


def approval_of(bypass: str) -> str:
    return bypass + _APPROVED


def mass_of(content: str) -> str:
    return content + _MASS


def due_of(detector: str) -> str:
    return detector + _DUE


def condition_alarm_of(point: str) -> str:
    """The alarm that the plant makes for a bypass without approval, or a position that is not reached."""
    return f"{point}.IF"
