"""Everyone who reads the journal takes a late row for what it is: a correction that raised, ended and moved nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from late_node import SECOND, START, LateNode

from anlan.model.clock import HOUR
from anlan.model.events.alarms import ADDED, LATE, AlarmKind, AlarmTransition, Trigger
from anlan.model.words import Label
from anlan.monitor.engine import EngineConfig
from anlan.monitor.journal import Journal
from anlan.monitor.kpi import Columns, Facts, measure
from anlan.monitor.kpi.lives import is_annunciation
from anlan.monitor.rows import Standing, transition_row
from anlan.web.context import PlantView

ALARM = 10


@pytest.fixture
def node() -> LateNode:
    """HIGH 80: told from 3 to 5; late readings say from 2 to 5, and 7.5 to 8 as well; on again since 9."""
    config = EngineConfig.from_columns(
        1,
        {"number": [1]},
        {"number": [1], "source": [1]},
        {"number": [ALARM], "kind": [int(AlarmKind.HIGH)], "target": [1], "limit": [80.0], "priority": [2]},
    )
    node = LateNode(config)
    for at, value in (
        (1, 50.0),
        (3, 85.0),
        (4, 85.0),
        (5, 50.0),
        (6, 50.0),
        (7, 50.0),
        (8, 50.0),
        (9, 85.0),
        (2, 83.0),
        (7.5, 90.0),
    ):
        node.until(START + round(at * SECOND) - 1)
        node.at = max(node.at, START + round(at * SECOND))
        node.read((1, START + round(at * SECOND), value, 0))
    node.correct()
    assert [t.trigger for t in node.journal if t.trigger in LATE] == [Trigger.LATE_DATA, Trigger.LATE_DATA, Trigger.LATE_END]
    return node


def without(rows: list[AlarmTransition]) -> list[AlarmTransition]:
    return [t for t in rows if t.trigger not in LATE]


def test_what_stands_is_what_stood_before(node: LateNode, tmp_path: Path) -> None:
    """Also in alarms.db, where the last row of an alarm would otherwise say what stands."""
    journal = Journal.open(tmp_path / "alarms.db")
    for frame in node.frames:
        found = node.found[frame.n]
        journal.commit(frame.n, [found])
    live = without(node.journal)[-1]
    assert journal.last > live.n
    assert [t.n for t in journal.standing()] == [live.n]
    assert journal.raised()[ALARM].n == live.n
    assert [t.n for t in journal.story(ALARM, START + 6 * SECOND)] == [t.n for t in node.story(ALARM, START + 6 * SECOND)]
    assert journal.story(ALARM, START) == node.journal
    assert journal.story(ALARM, START + 9 * SECOND)[0].trigger is Trigger.CONDITION_OFF
    journal.close()


def test_no_measure_counts_it(node: LateNode) -> None:
    facts = {ALARM: Facts(2, "panel")}
    told, corrected = (
        measure(Columns.of_transitions(rows), facts, START, START + HOUR) for rows in (without(node.journal), node.journal)
    )
    assert str(told) == str(corrected)
    assert not any(is_annunciation(t) for t in node.journal if t.trigger in LATE)
    assert sum(is_annunciation(t) for t in node.journal) == 2


def test_the_list_of_alarms_does_not_move(node: LateNode) -> None:
    standing = Standing(node.journal[0])
    for t in node.journal:
        before, standing = standing, standing.after(t)
        if t.trigger in LATE:
            assert standing is before
    assert standing.last == without(node.journal)[-1]


def test_a_row_says_that_it_is_late_and_which_kind(node: LateNode) -> None:
    plant = PlantView(version=1, id="p", name=Label(zh="厂", en="Plant"))
    rows = [transition_row(plant, t, lambda person: "") for t in node.journal]
    assert [(row["late"], row["added"]) for row in rows] == [
        (t.trigger in LATE, t.trigger in LATE and t.episode >= ADDED) for t in node.journal
    ]
    late = [row for row in rows if row["late"]]
    assert [(row["trigger"], row["added"], (row["happened_at"] - START) / SECOND) for row in late] == [
        ("LATE_DATA", False, 2),
        ("LATE_DATA", True, 7.5),
        ("LATE_END", True, 8),
    ]
    assert all(row["before"] == row["after"] == "UNACKNOWLEDGED" for row in late)
    assert all(row["noticed_at"] > row["happened_at"] for row in late)
