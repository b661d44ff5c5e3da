"""The pages of this room, in the order in which the navigation shows them."""

from __future__ import annotations

from anlan.monitor import (
    pages_alarms,
    pages_blind,
    pages_handover,
    pages_overview,
    pages_performance,
    pages_place,
    pages_point,
    pages_replay,
    pages_safety,
    pages_trends,
    pages_wall,
)
from anlan.monitor.evacuation import pages as pages_evacuation
from anlan.monitor.proof import pages as pages_proof
from anlan.web import pages_people, pages_settings, pages_stations
from anlan.web.context import Context


def pages(context: Context) -> None:
    for one in (
        pages_overview,
        pages_place,
        pages_blind,
        pages_alarms,
        pages_safety,
        pages_performance,
        pages_trends,
        pages_replay,
        pages_handover,
        pages_evacuation,
        pages_proof,
        pages_people,
        pages_stations,
        pages_settings,
        pages_point,
        pages_wall,
    ):
        one.pages(context)
