"""What a node tells of itself as points, so that its own faults are alarms like any other: they sound, are journalled, explained and counted.

In: `data/node_alarms.csv`. Out: points and rules that every plant has beside its own. Their source is the node (number 0), which core feeds;
no device and no driver stands behind it, and whether core itself lives is the watchdog's business.
"""

from __future__ import annotations

from functools import cache

from anlan.model.frames import NODE_ID, NODE_SOURCE
from anlan.model.points import Point, Reporting, Subject
from anlan.model.tables import read_table
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.plant.description import Plant

STATES = {0: Label(zh="无故障", en="no fault"), 1: Label(zh="故障", en="fault")}
SOURCES = ((NODE_SOURCE, NODE_ID),)
"""As the engine's columns want them."""
KEEP_ALIVE = 3600.0
"""s; shown only: on change, silence of the node's own points means unchanged."""


@cache
def node_ids() -> tuple[str, ...]:
    """Ids of the node's points."""
    return tuple(row["id"] for row in _table())


def node_points(plant: Plant) -> list[Point]:
    """They stand at the enterprise itself."""
    top = plant.places[0].path if plant.places else ""
    return [
        Point(
            id=row["id"],
            place=top,
            name=Label(zh=row["zh"], en=row["en"]),
            kind="fault",
            subject=Subject.SAFETY_SYSTEM,
            states=STATES,
            source=NODE_ID,
            address=row["id"],
            reporting=Reporting(mode="on_change", period=KEEP_ALIVE),
        )
        for row in _table()
    ]


def node_rules(plant: Plant) -> list[AlarmRule]:
    """One for each point; the post is that of the enterprise, else the plant's first."""
    post = plant.post_of(plant.places[0].path) if plant.places else ""
    post = post or (plant.posts[0].id if plant.posts else "")
    return [_rule(row, post) for row in _table()]


def _rule(row: dict[str, str], post: str) -> AlarmRule:
    return AlarmRule.model_validate(
        {
            "id": f"{row['id']}.ST",
            "point": row["id"],
            "kind": "ST",
            "states": (1,),
            "priority": int(row["priority"]),
            "on_delay": float(row["on_delay"]),
            "post": post,
            "time_to_respond": float(row["time_to_respond"]),
            "consequence": Label(zh=row["consequence_zh"], en=row["consequence_en"]),
            "corrective_action": Label(zh=row["action_zh"], en=row["action_en"]),
        }
    )


@cache
def _table() -> tuple[dict[str, str], ...]:
    return tuple(read_table("node_alarms.csv", "anlan.plant"))
