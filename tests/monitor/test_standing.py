"""How an alarm came to where it stands, folded from its transitions by hand."""

from __future__ import annotations

from typing import Any

from anlan.model.events.alarms import AlarmState, AlarmTransition, Trigger
from anlan.monitor.rows import story_of


def moved(n: int, trigger: Trigger, before: AlarmState, after: AlarmState, **rest: Any) -> AlarmTransition:
    fields = {
        "n": n,
        "frame": n,
        "alarm": 1,
        "episode": 1,
        "happened_at": n,
        "noticed_at": n,
        "value": 9.0,
        "quality": 0,
        "limit": 8.0,
    }
    return AlarmTransition(**{**fields, "trigger": trigger, "before": before, "after": after, **rest})


ON = moved(1, Trigger.CONDITION_ON, AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED)
SEEN = moved(2, Trigger.ACKNOWLEDGE, AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, who="zhang", post="panel")
ASIDE = moved(3, Trigger.SHELVE, AlarmState.ACKNOWLEDGED, AlarmState.SHELVED)


def test_an_alarm_that_comes_back_latched_waits_for_a_new_answer() -> None:
    back = moved(4, Trigger.UNSHELVE, AlarmState.SHELVED, AlarmState.LATCHED_UNACKNOWLEDGED)
    story = story_of([back, ASIDE, SEEN, ON])
    assert story is not None
    assert (story.raised, story.answered, story.hidden) == (ON, None, None)


def test_what_hides_it_is_told_while_it_does() -> None:
    story = story_of([ASIDE, SEEN, ON])
    assert story is not None
    assert (story.raised, story.answered, story.hidden) == (ON, SEEN, ASIDE)
