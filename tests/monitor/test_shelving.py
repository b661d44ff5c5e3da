"""Which alarms may be put aside: the rule of DOMAIN.md 3 and 16, over every kind of point there is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from anlan.model.events.alarms import AlarmKind
from anlan.model.kinds import kinds
from anlan.model.languages import translate
from anlan.monitor.shelving import may_remove, may_shelve

K = AlarmKind
LEVELS = (K.LOW_LOW, K.LOW, K.HIGH, K.HIGH_HIGH, K.STATE, K.BAD_QUALITY, K.STALE)


def why_not(kind: AlarmKind, point: str | None, safety: bool = False) -> str | None:
    return may_shelve(SimpleNamespace(kind=kind), SimpleNamespace(kind=point, safety=safety) if point else None)


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        (K.HIGH_HIGH, "gas.toxic"),
        (K.HIGH_HIGH, "gas.combustible"),
        (K.HIGH_HIGH, "gas.combustible.line"),
        (K.LOW_LOW, "gas.oxygen"),
        (K.STATE, "fire.callpoint"),
        (K.STATE, "fire.flame"),
        (K.BAD_QUALITY, "fire.detector"),
        (K.STATE, "sif"),
        (K.STATE, "trip"),
        (K.STATE, "esd.button"),
        (K.STATE, "bypass"),
        (K.STATE, "person.sos"),
        (K.LOSS_OF_VIEW, None),
    ],
)
def test_what_guards_life_is_not_shelved(kind: AlarmKind, point: str | None) -> None:
    found = why_not(kind, point)
    assert found is not None
    assert translate(found, "zh") != found


@pytest.mark.parametrize(
    ("kind", "point"), [(K.HIGH, "gas.toxic"), (K.HIGH_HIGH, "pressure"), (K.STATE, "running"), (K.STALE, "gas.toxic")]
)
def test_a_nuisance_may_be_shelved(kind: AlarmKind, point: str) -> None:
    assert why_not(kind, point) is None


def test_no_alarm_of_the_fire_or_safety_system_slips_through() -> None:
    for kind in kinds():
        refused = {level for level in LEVELS if why_not(level, kind) is not None}
        if (
            kind.startswith("fire.")
            or kind in {"sif", "trip", "first.out", "bypass", "vote", "person.sos", "person.still"}
            or kind.startswith("esd.")
        ):
            assert refused == set(LEVELS), kind
        elif not kind.startswith("gas."):
            assert refused == set(), kind


@pytest.mark.parametrize(
    ("kind", "point", "safety", "alone"),
    [
        (K.HIGH, "pressure", False, True),
        (K.HIGH, "pressure", True, False),
        (K.HIGH, "gas.toxic", True, False),
        (K.HIGH, "gas.toxic", False, False),
        (K.STATE, "fire.smoke", False, False),
        (K.STATE, "trip", True, False),
    ],
)
def test_one_person_alone_takes_nothing_out_of_service_that_guards_safety(
    kind: AlarmKind, point: str, safety: bool, alone: bool
) -> None:
    found = may_remove(SimpleNamespace(kind=kind), SimpleNamespace(kind=point, safety=safety))
    assert (found is None) == alone
    assert found is None or translate(found, "zh") != found
