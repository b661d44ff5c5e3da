"""A change made on an older version comes onto the current one whole, or says what stands in its way."""

from pathlib import Path

import pytest
from works import gas, line, write

from anlan.model.words import Label
from anlan.plant.concerned import concerned, every
from anlan.plant.description import CalculatedPoint, Plant, Vote
from anlan.plant.difference import differences
from anlan.plant.folder import load
from anlan.plant.merging import Moved, rebased
from anlan.plant.service import with_rule


def places_concerned(before: Plant, after: Plant) -> tuple[str, ...]:
    return tuple(every(places for _, places in concerned(before, after, differences(before, after))))


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return load(write(tmp_path, line(), gas("20")))


def limit(plant: Plant, alarm: str, value: float) -> Plant:
    return with_rule(plant, next(r for r in plant.rules if r.id == alarm).model_copy(update={"limit": value}))


def point(plant: Plant, identifier: str, **change: object) -> Plant:
    points = tuple(p.model_copy(update=change) if p.id == identifier else p for p in plant.points)
    return plant.model_copy(update={"points": points})


def texts(before: Plant, after: Plant) -> list[str]:
    return sorted(change.text() for change in differences(before, after))


def test_both_changes_stand_when_they_touch_different_things(plant: Plant) -> None:
    asked, now = limit(plant, "AT-1.H", 24.0), limit(plant, "LT-101.H", 85.0)
    merged = rebased(plant, asked, now)
    assert texts(now, merged) == texts(plant, asked)
    assert texts(asked, merged) == texts(plant, now)
    assert rebased(plant, asked, plant) == asked
    gone = plant.model_copy(update={"rules": tuple(r for r in plant.rules if r.id != "AT-1.H")})
    assert texts(now, rebased(plant, gone, now)) == ["alarm AT-1.H removed"]


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda p: limit(p, "AT-1.H", 18.0),
        lambda p: with_rule(p, next(r for r in p.rules if r.id == "AT-1.H").model_copy(update={"on_delay": 1.0})),
        lambda p: point(p, "AT-1", range_high=90.0),
        lambda p: p.model_copy(update={"rules": tuple(r for r in p.rules if r.point != "AT-1"), "points": tuple(q for q in p.points if q.id != "AT-1")}),
    ],
)  # fmt: skip
def test_what_it_touches_has_moved_on(plant: Plant, meanwhile: object) -> None:
    with pytest.raises(Moved, match="AT-1"):
        rebased(plant, limit(plant, "AT-1.H", 24.0), meanwhile(plant))  # type: ignore[operator]


def test_whose_right_is_asked(plant: Plant) -> None:
    here = plant.points_by_id["AT-1"].place
    assert places_concerned(plant, limit(plant, "AT-1.H", 24.0)) == (here,)
    root = plant.places[0].path
    assert places_concerned(plant, point(plant, "AT-1", place=root)) == (here, root)
    posts = plant.model_copy(update={"posts": ()})
    assert set(places_concerned(plant, posts)) == {root}


def test_no_part_of_a_plant_changes_untold(plant: Plant) -> None:
    """What is told nowhere concerns no place, and would be signed away beside a change of the signer's own branch."""
    told = {
        "site",
        "alarms",
        "data",
        "safety",
        "detectors",
        "places",
        "posts",
        "shifts",
        "areas",
        "sources",
        "points",
        "rules",
        "trips",
    }
    assert set(Plant.model_fields) == told | {"calculated", "votes", "documents", "cameras", "drawings", "hazards"}
    vote = Vote(id="V-1", name=Label(zh="表决"), place="works/U200", members=("AT-1", "AT-2"), needed=1, limit=20.0)
    formula = CalculatedPoint(id="C-1", name=Label(zh="算"), place="works/U200", expression="LT-101 * 2")
    before = plant.model_copy(update={"votes": (vote,), "calculated": (formula,)})
    for part, id in (("votes", "V-1"), ("calculated", "C-1")):
        after = limit(before.model_copy(update={part: ()}), "AT-1.H", 19.0)
        (change,) = [one for one in differences(before, after) if one.id == id]
        assert change.after is None
        assert places_concerned(before, after) == ("works/U100", "works")
