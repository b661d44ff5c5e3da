"""alarms.db: all or nothing, what stands, other readers beside the writer."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from engine_leading import facts, lead, tell
from engine_stories import make_story

from anlan.model.errors import StoreError
from anlan.model.events.alarms import AlarmState, Trigger
from anlan.monitor.engine import LEDGER, Engine, Transitions
from anlan.monitor.journal import Journal, JournalReader
from anlan.monitor.recovery import same
from anlan.monitor.states import HIDDEN


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alarms.db"


def a_run(length: int = 200) -> tuple[list[Transitions], Engine]:
    return lead(tell(make_story(11, length)).parts)


def test_what_was_committed_is_read_back_field_by_field(path: Path) -> None:
    found, engine = a_run()
    journal = Journal.open(path)
    journal.commit(engine.frame, found, engine.ledger)
    events = [event for one in found for event in one.events()]
    read = journal.read(0, 10_000)
    assert len(events) > 30
    assert all(same(a, b) for a, b in zip(events, read, strict=True))
    assert (journal.done, journal.last) == (engine.frame, events[-1].n)
    assert journal.read(events[3].n, 2)[0].n == events[4].n
    assert any(event.who for event in read)


def test_standing_is_the_last_transition_of_each_alarm_that_is_not_normal(path: Path) -> None:
    found, engine = a_run()
    journal = Journal.open(path)
    for one in found:
        journal.commit(one.frame, [one])
    events = {event.alarm: event for one in found for event in one.events()}
    expected = {n: e for n, e in events.items() if e.after is not AlarmState.NORMAL}
    assert {t.alarm: t.n for t in journal.standing()} == {n: e.n for n, e in expected.items()}
    assert {t.alarm: t.after for t in journal.standing()} == engine.standing()
    raised = journal.raised()
    assert raised.keys() == expected.keys()
    begins = {Trigger.CONDITION_ON, Trigger.UNSHELVE, Trigger.RETURN_TO_SERVICE}
    assert all(raised[n].episode == e.episode for n, e in expected.items())
    assert all(raised[n].trigger in begins or raised[n].after in HIDDEN for n in expected)


def test_the_ledger_balances(path: Path) -> None:
    found, engine = a_run()
    journal = Journal.open(path)
    journal.commit(engine.frame, found, engine.ledger)
    ledger = journal.ledger()
    assert ledger[1]["received"] > 0
    assert all(row["received"] == sum(row[name] for name in LEDGER[1:5]) for row in ledger.values())


def test_commands_are_kept_with_their_answers(path: Path) -> None:
    found, engine = a_run()
    Journal.open(path).commit(engine.frame, found)
    answers = {result.id: (int(result.accepted), result.transition) for one in found for _, result in one.results}
    kept = apsw.Connection(str(path)).execute("SELECT id, accepted, transition_n FROM command").fetchall()
    assert {row[0]: (row[1], row[2]) for row in kept} == answers


def test_another_connection_reads_while_the_writer_goes_on(path: Path) -> None:
    found, _ = a_run()
    journal = Journal.open(path)
    reader = JournalReader.open(path)
    for one in found:
        journal.commit(one.frame, [one])
        assert reader.done == one.frame
    Journal.checkpoint(path)
    assert reader.last == journal.last
    assert [t.n for t in reader.between(found[50].frame, found[120].frame)] == [
        int(n) for one in found[51:121] for n in one.rows["n"]
    ]


def test_an_alarm_tells_its_own_story(path: Path) -> None:
    found, engine = a_run()
    journal = Journal.open(path)
    journal.commit(engine.frame, found)
    events = [event for one in found for event in one.events()]
    number = events[0].alarm
    assert [t.n for t in journal.of_alarm(number)] == [e.n for e in reversed(events) if e.alarm == number]


def test_a_failed_commit_leaves_nothing_and_the_next_handle_goes_on(path: Path) -> None:
    found, engine = a_run()
    journal = Journal.open(path)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"alarms.db could not be written"):
        journal.commit(engine.frame, found)
    other.close()
    journal.close()
    fresh = Journal.open(path)
    assert (fresh.done, fresh.last) == (0, 0)
    fresh.commit(engine.frame, found)
    assert fresh.last == sum(len(facts(one)) for one in found)


def test_a_reader_before_there_is_a_journal_is_told(path: Path) -> None:
    with pytest.raises(StoreError, match="could not be opened"):
        JournalReader.open(path)


def test_a_journal_from_the_future_is_refused(path: Path) -> None:
    Journal.open(path).close()
    apsw.Connection(str(path)).execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="99"):
        Journal.open(path)


def test_a_new_incarnation_keeps_where_the_old_one_ended(path: Path) -> None:
    journal = Journal.open(path)
    journal.begin_incarnation("a", 1)
    journal.commit(17)
    journal.begin_incarnation("b", 2)
    assert (journal.incarnation, journal.done) == ("b", 0)
    rows = apsw.Connection(str(path)).execute("SELECT id, before, done_before FROM incarnation ORDER BY begun_at").fetchall()
    assert rows == [("a", "", 0), ("b", "a", 17)]
