"""The ISA-18.2 table: figure 3's arrows one by one, and what must hold whatever the walk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.model.events.alarms import AlarmState as S
from anlan.model.events.alarms import Trigger
from anlan.monitor import states

T = Trigger

FIGURE_3 = [
    # before, trigger, latching, condition on, after
    (S.NORMAL, T.CONDITION_ON, False, True, S.UNACKNOWLEDGED),
    (S.UNACKNOWLEDGED, T.ACKNOWLEDGE, False, True, S.ACKNOWLEDGED),
    (S.UNACKNOWLEDGED, T.CONDITION_OFF, False, False, S.RETURNED_UNACKNOWLEDGED),
    (S.ACKNOWLEDGED, T.CONDITION_OFF, False, False, S.NORMAL),
    (S.RETURNED_UNACKNOWLEDGED, T.ACKNOWLEDGE, False, False, S.NORMAL),
    (S.RETURNED_UNACKNOWLEDGED, T.CONDITION_ON, False, True, S.UNACKNOWLEDGED),
    (S.UNACKNOWLEDGED, T.CONDITION_OFF, True, False, S.LATCHED_UNACKNOWLEDGED),
    (S.ACKNOWLEDGED, T.CONDITION_OFF, True, False, S.LATCHED_ACKNOWLEDGED),
    (S.LATCHED_UNACKNOWLEDGED, T.ACKNOWLEDGE, True, False, S.LATCHED_ACKNOWLEDGED),
    (S.LATCHED_UNACKNOWLEDGED, T.RESET, True, False, None),
    (S.LATCHED_ACKNOWLEDGED, T.RESET, True, False, S.NORMAL),
    (S.LATCHED_ACKNOWLEDGED, T.CONDITION_ON, True, True, S.UNACKNOWLEDGED),
    (S.ACKNOWLEDGED, T.SHELVE, False, True, S.SHELVED),
    (S.SHELVED, T.UNSHELVE, False, True, S.UNACKNOWLEDGED),
    (S.SHELVED, T.UNSHELVE, False, False, S.NORMAL),
    (S.SHELVED, T.ACKNOWLEDGE, False, True, None),
    (S.UNACKNOWLEDGED, T.SUPPRESS, False, True, S.SUPPRESSED),
    (S.SHELVED, T.SUPPRESS, False, True, S.SUPPRESSED),
    (S.SUPPRESSED, T.UNSUPPRESS, False, True, S.UNACKNOWLEDGED),
    (S.SUPPRESSED, T.SHELVE, False, True, None),
    (S.NORMAL, T.REMOVE_FROM_SERVICE, False, False, S.OUT_OF_SERVICE),
    (S.SUPPRESSED, T.REMOVE_FROM_SERVICE, False, False, S.OUT_OF_SERVICE),
    (S.OUT_OF_SERVICE, T.RETURN_TO_SERVICE, False, True, S.UNACKNOWLEDGED),
    (S.OUT_OF_SERVICE, T.CONDITION_ON, False, True, S.OUT_OF_SERVICE),
    (S.NORMAL, T.ACKNOWLEDGE, False, False, None),
    (S.NORMAL, T.RESET, True, False, None),
    (S.ACKNOWLEDGED, T.ACKNOWLEDGE, False, True, None),
]


@pytest.mark.parametrize(("before", "trigger", "latching", "active", "after"), FIGURE_3)
def test_an_arrow_of_the_standard(before: S, trigger: Trigger, latching: bool, active: bool, after: S | None) -> None:
    assert states.after(before, trigger, latching=latching, active=active) is after


def test_no_arrow_is_given_twice() -> None:
    alone = sum(int((states.integer_table((row,)) != states.REFUSED).sum()) for row in states.ROWS)
    assert alone == int((states.TABLE != states.REFUSED).sum())


def test_every_state_can_be_reached_and_left_for_normal() -> None:
    reach = {before: {int(x) for x in np.unique(states.TABLE[before]) if x != states.REFUSED} for before in S}
    for _ in S:
        reach = {before: after.union(*(reach[S(x)] for x in after)) for before, after in reach.items()}
    assert all(after == set(S) for after in reach.values())


walks = st.lists(st.tuples(st.sampled_from(Trigger), st.booleans(), st.booleans()), max_size=40)


@given(walks)
def test_a_condition_that_comes_on_is_never_shown_as_normal(walk: list[tuple[Trigger, bool, bool]]) -> None:
    state = S.NORMAL
    for trigger, latching, active in walk:
        state = states.after(state, trigger, latching=latching, active=active) or state
    assert states.after(state, T.CONDITION_ON, latching=False, active=True) in {S.UNACKNOWLEDGED, None, *states.HIDDEN}
    assert (states.after(state, T.CONDITION_ON, latching=False, active=True) is None) == (state in states.ACTIVE)


@given(walks)
def test_only_a_person_or_a_removed_rule_ends_what_nobody_has_acknowledged(walk: list[tuple[Trigger, bool, bool]]) -> None:
    owed = {S.UNACKNOWLEDGED, S.RETURNED_UNACKNOWLEDGED, S.LATCHED_UNACKNOWLEDGED}
    by_people = {T.ACKNOWLEDGE, T.SHELVE, T.SUPPRESS, T.REMOVE_FROM_SERVICE, T.CONFIGURATION}
    state = S.NORMAL
    for trigger, latching, active in walk:
        after = states.after(state, trigger, latching=latching, active=active) or state
        assert state not in owed or after in owed or trigger in by_people
        state = after


def test_the_picture_has_every_arrow_that_moves() -> None:
    moving = [row for row in states.ROWS if row.before is not row.after]
    assert states.mermaid().count("-->") == len(moving) + 1
    assert "LATCHED_ACKNOWLEDGED --> NORMAL: reset" in states.mermaid()
