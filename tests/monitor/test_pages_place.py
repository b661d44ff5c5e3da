"""What of a place is shown to whom, and what a wall's link means; on a small plant, without a browser."""

from __future__ import annotations

from uuid import uuid4

import pytest

from anlan.guard.principal import Grant, Principal
from anlan.model.errors import NotFound
from anlan.model.links import Camera, Document
from anlan.model.places import Level, Place
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.monitor.pages_place import _below, body, cameras_at, documents_of, points_of
from anlan.monitor.pages_wall import View, in_language, seconds, view_of
from anlan.web.context import PlantView

NAME = Label(zh="名", en="name")


def plant() -> PlantView:
    places = [
        Place(id="w", name=Label(zh="厂", en="Works"), level=Level.ENTERPRISE),
        Place(id="U1", name=Label(zh="一单元", en="Unit 1"), parent="w"),
        Place(id="U1-2", name=Label(zh="一之二", en="Unit 1-2"), parent="w"),
        Place(id="T", name=Label(zh="储罐", en="Tank"), parent="w/U1", level=Level.EQUIPMENT),
    ]
    points = [
        Point(id=name, place=place, name=NAME, kind=kind, source="plc", address="1")
        for name, place, kind in [
            ("LT-1", "w/U1/T", "level"),
            ("AT-1", "w/U1", "gas.toxic"),
            ("PI-2", "w/U1-2", "pressure"),
            ("LT-1.H.SUP", "w/U1/T", "calculated"),
        ]
    ]
    documents = [
        Document(id="D0", name=NAME, kept="safe"),
        Document(id="D1", name=NAME, place="w/U1", link="https://a.example/1"),
        Document(id="D2", name=NAME, place="w/U1-2", kept="shelf"),
        Document(id="D3", name=NAME, place="w/U1/T", kept="shelf"),
    ]
    cameras = [
        Camera(id="C1", name=NAME, place="w/U1", link="https://c.example/1"),
        Camera(id="C2", name=NAME, points=("PI-2",), link="rtsp://c.example/2"),
    ]
    return PlantView(
        version=1,
        id="w",
        name=Label(zh="厂", en="Works"),
        places={place.path: place for place in places},
        points=dict(enumerate(points, 1)),
        documents=documents,
        cameras=cameras,
    )


def person(place: str = "", actions: tuple[str, ...] = ("live.view", "history.view")) -> Principal:
    grants = (Grant("role", place, frozenset(actions)),)
    return Principal(person=uuid4(), account="x", name=NAME, session=uuid4(), grants=grants)


def ids(some: list[Point] | list[Document] | list[Camera]) -> list[str]:
    return [one.id for one in some]


@pytest.mark.parametrize(
    ("path", "points"), [("w", ["LT-1", "AT-1", "PI-2"]), ("w/U1", ["LT-1", "AT-1"]), ("w/U1-2", ["PI-2"]), ("w/U1/T", ["LT-1"])]
)
def test_points_of_a_place_and_below_without_helpers(path: str, points: list[str]) -> None:
    assert ids(points_of(plant(), path, person())) == points


def test_a_branch_sees_its_branch() -> None:
    mine = person("w/U1")
    assert ids(points_of(plant(), "w", mine)) == ["LT-1", "AT-1"]
    assert [place.id for place in _below(plant(), "w", mine)] == ["U1"]
    deep = person("w/U1/T")
    assert [place.id for place in _below(plant(), "w", deep)] == ["U1"]
    assert ids(points_of(plant(), "w/U1", deep)) == ["LT-1"]


@pytest.mark.parametrize(
    ("path", "documents"),
    [("w", ["D0", "D1", "D2", "D3"]), ("w/U1", ["D0", "D1", "D3"]), ("w/U1/T", ["D0", "D1", "D3"]), ("w/U1-2", ["D0", "D2"])],
)
def test_documents_of_a_place_of_those_above_and_below(path: str, documents: list[str]) -> None:
    assert ids(documents_of(plant(), path, person())) == documents


def test_documents_of_another_branch_are_not_shown() -> None:
    assert ids(documents_of(plant(), "w", person("w/U1"))) == ["D1", "D3"]


@pytest.mark.parametrize(("path", "cameras"), [("w", ["C1", "C2"]), ("w/U1", ["C1"]), ("w/U1/T", ["C1"]), ("w/U1-2", ["C2"])])
def test_cameras_that_look_at_a_place(path: str, cameras: list[str]) -> None:
    view = plant()
    assert ids(cameras_at(view, path, points_of(view, path, person()), person())) == cameras


def test_cameras_of_another_branch_are_not_shown() -> None:
    view = plant()
    for branch, seen in (("w/U1", ["C1"]), ("w/U1-2", ["C2"]), ("w/U1/T", ["C1"])):
        mine = person(branch)
        assert ids(cameras_at(view, "w", points_of(view, "w", mine), mine)) == seen, branch
    assert "c.example/2" not in body(view, view.places["w"], person("w/U1"))
    assert "c.example/1" not in body(view, view.places["w"], person("w/U1-2"))


def test_names_of_the_plant_folder_cannot_break_the_page() -> None:
    view = plant()
    evil = Label(zh="<script>alert(1)</script>", en='"><img src=x onerror=alert(1)>')
    hostile = PlantView(
        version=1,
        id="w",
        name=evil,
        places={path: place.model_copy(update={"name": evil}) for path, place in view.places.items()},
        points={number: point.model_copy(update={"name": evil}) for number, point in view.points.items()},
        documents=[one.model_copy(update={"name": evil, "kept": evil.zh}) for one in view.documents],
        cameras=[one.model_copy(update={"name": evil}) for one in view.cameras],
    )
    made = body(hostile, hostile.places["w/U1"], person())
    assert "<script" not in made
    assert "<img" not in made


@pytest.mark.parametrize(
    ("asked", "view"),
    [
        ("overview", View("overview")),
        ("alarms", View("alarms")),
        ("trend:LT-1,PI-2,LT-1", View("trend", ("LT-1", "PI-2"))),
        ("place:w/U1", View("place", ("w/U1",))),
    ],
)
def test_a_view_of_the_wall(asked: str, view: View) -> None:
    assert view_of(plant(), person(), asked) == view


@pytest.mark.parametrize(
    "asked",
    ["", "x", "overview:1", "trend", "trend:", "trend:,", "trend:XX", "place", "place:", "place:w/U9", "place:../w", "<b>"],
)
def test_what_is_no_view(asked: str) -> None:
    with pytest.raises(NotFound):
        view_of(plant(), person(), asked)


@pytest.mark.parametrize("asked", ["trend:PI-2", "place:w/U1-2", "place:w"])
def test_a_wall_shows_nobody_more_than_they_may_see(asked: str) -> None:
    with pytest.raises(NotFound):
        view_of(plant(), person("w/U1"), asked)


@pytest.mark.parametrize(("asked", "found"), [("", 20), ("5", 5), ("3600", 3600)])
def test_how_long_a_view_stays(asked: str, found: int) -> None:
    assert seconds(asked) == found


@pytest.mark.parametrize("asked", ["4", "3601", "-5", "1.5", "x", "٥", "9" * 30])
def test_what_is_no_number_of_seconds(asked: str) -> None:
    with pytest.raises(NotFound):
        seconds(asked)


def test_the_language_of_the_link_counts() -> None:
    mine = person()
    assert (in_language(mine, "en").language, in_language(mine, "").language, in_language(mine, "fr").language) == (
        "en",
        "zh",
        "zh",
    )
