"""What is exported reads back as the same plant, whatever is in it."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from works import write

from anlan.model.errors import InputError
from anlan.model.places import Area, Level, Place, Position
from anlan.model.points import Calibration, Point, Reporting
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.rationalisation import AlarmClass, PriorityMatrix, Rationalised, Severity
from anlan.plant.description import AlarmDefaults, AlarmSettings, DataSettings, Plant, Post, Site, Trip, enterprise
from anlan.plant.folder import check, load
from anlan.plant.writing import export_folder
from anlan.sense.config import SourceConfig

texts = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="﻿"), min_size=1, max_size=12)
labels = st.builds(Label, zh=texts | st.just(""), en=texts | st.just("")).filter(lambda label: bool(label.zh or label.en))
words = st.just(Label()) | labels
ids = st.from_regex(r"[A-Z][A-Za-z0-9_\-]{0,6}", fullmatch=True).filter(
    lambda i: i.casefold() not in ("na", "nil", "none", "null")
)
seconds = st.floats(0, 3600).map(lambda v: round(v, 3)) | st.integers(0, 600).map(float)


@st.composite
def rules_of(draw: Any, point: str, limits: dict[str, float | None]) -> list[AlarmRule]:
    return [
        AlarmRule(
            id=f"{point}.{kind}",
            point=point,
            kind=kind,  # type: ignore[arg-type]
            limit=limit,
            states=(1,) if kind == "ST" else (),
            dead_band=draw(st.sampled_from([0.0, 0.25])) if limit is not None else 0.0,
            on_delay=draw(seconds),
            off_delay=draw(seconds),
            latching=draw(st.booleans()),
            priority=draw(st.integers(3, 4)),
            post=draw(st.sampled_from(["", "panel", "shift"])),
            consequence=draw(words),
            corrective_action=draw(words),
            time_to_respond=draw(st.sampled_from([0.0, 7200.0])),
            enabled=draw(st.booleans()),
            cause=draw(words),
            basis=draw(words),
            severity=draw(st.sampled_from(["", "minor"])),
            alarm_class=draw(st.sampled_from(["", "critical"])),
            rationalised=draw(st.none() | st.builds(Rationalised, by=texts, on=st.dates())),
        )
        for kind, limit in limits.items()
    ]


@st.composite
def analogue(draw: Any, number: int, place: str) -> tuple[Point, list[AlarmRule], Trip | None]:
    identifier = f"P-{number}"
    point = Point(
        id=identifier,
        place=place,
        name=draw(labels),
        kind="temperature",
        unit="Cel",
        source="plc",
        address=f"hr:{number * 2} float32",
        range_low=draw(st.none() | st.floats(-500, -100)),
        range_high=draw(st.none() | st.floats(500, 1e9)),
        accuracy=draw(st.none() | st.floats(0, 10)),
        decimals=draw(st.integers(0, 9)),
        response_factor=draw(st.floats(0.1, 10)),
        reporting=Reporting(
            mode=draw(st.sampled_from(["cyclic", "on_change"])),
            period=draw(st.floats(0.1, 3600)),
            stale_after=draw(st.none() | st.floats(0.1, 3600)),
        ),
        safety=draw(st.booleans()),
        calibration=draw(st.none() | st.builds(Calibration, due=st.dates(), last=st.none() | st.dates(), certificate=texts)),
        position=draw(st.none() | st.builds(Position, x=st.floats(-1e4, 1e4), y=st.floats(-1e4, 1e4), z=st.floats(-1e4, 1e4))),
        was=draw(st.sampled_from(["", f"OLD-{number}"])),
    )
    kinds = draw(st.sets(st.sampled_from(["HH", "H", "L", "LL"])))
    limits = {"LL": -40.5, "L": -20.0, "H": 20.0, "HH": 40.25}
    rules = draw(rules_of(identifier, {kind: limits[kind] for kind in kinds}))
    return (
        point,
        rules,
        draw(st.none() | st.just(Trip(point=identifier, low=-50.0, high=50.5)) | st.just(Trip(point=identifier, low=-50.0))),
    )


@st.composite
def discrete(draw: Any, number: int, place: str) -> tuple[Point, list[AlarmRule], None]:
    point = Point(
        id=f"S-{number}",
        place=place,
        name=draw(labels),
        kind="trip",
        subject="safety_system",  # type: ignore[arg-type]
        safety=True,
        source="plc",
        address=f"di:{number}",
        states={0: draw(labels), 1: draw(labels)},
    )
    return point, draw(rules_of(point.id, {"ST": None})), None


@st.composite
def plants(draw: Any) -> Plant:
    site = Site(
        id=draw(ids),
        name=draw(labels),
        region="320582",
        sector=tuple(draw(st.lists(texts, max_size=2))),
        demo=draw(st.booleans()),
    )
    places = [enterprise(site)]
    for unit in draw(st.lists(ids, unique=True, min_size=1, max_size=3)):
        posts = st.sampled_from(["", "panel", "shift"])
        places.append(
            Place(
                id=unit, name=draw(labels), level=Level.UNIT, parent=site.id, post=draw(posts), sector=draw(texts | st.just(""))
            )
        )
        above = places[-1].path
        places += [
            Place(id=item, name=draw(labels), level=Level.EQUIPMENT, parent=above, post=draw(posts))
            for item in draw(st.lists(ids, unique=True, max_size=2))
        ]
    where = st.sampled_from([p.path for p in places])
    made = [draw(analogue(n, draw(where))) for n in range(draw(st.integers(0, 4)))] + [
        draw(discrete(n, draw(where))) for n in range(draw(st.integers(1, 2)))
    ]
    rules = sorted((rule for _, some, _ in made for rule in some), key=lambda rule: rule.id)
    defaults = AlarmDefaults(
        on_delay=draw(st.none() | seconds), latching=draw(st.none() | st.booleans()), priority=draw(st.none() | st.integers(3, 4))
    )
    return Plant(
        site=site,
        posts=(Post(id="panel", name=draw(labels)), Post(id="shift", name=draw(labels))),
        places=tuple(places),
        areas=tuple(draw(st.lists(st.builds(Area, id=st.just("A"), name=labels, place=where, kind=texts, polygon=st.just([(0, 0), (1.5, 0), (0, 1)])), max_size=1))),
        sources=(SourceConfig(id="plc", driver="modbus", name=draw(words), keep_alive=draw(st.floats(0.1, 60)), options={"host": draw(texts), "unit": 2}),),
        alarms=AlarmSettings(defaults=defaults, stale=draw(st.sampled_from(["safety", "all", "none"])), classes=(draw(st.builds(AlarmClass, id=st.just("critical"), name=labels, comment_required=st.booleans(), max_shelving=seconds)),), priority_matrix=PriorityMatrix(within=(180.0,), severities=(Severity(id="minor", name=draw(words), meaning=draw(words), priorities=(2, None)),))),
        data=DataSettings(gas_temperature=draw(st.floats(0, 40))),
        points=tuple(point for point, _, _ in made),
        rules=tuple(rules),
        trips=tuple(trip for _, _, trip in made if trip is not None),
    )  # fmt: skip


@given(plant=plants())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
def test_an_exported_folder_reads_back_as_the_same_plant(tmp_path: Path, plant: Plant) -> None:
    export_folder(plant, tmp_path, replace=True)
    checked = check(tmp_path)
    assert [f.text() for f in checked.findings if f.fatal and f.name != "late-alarm"] == []
    assert checked.plant == plant
    assert checked.plant is not None
    assert checked.plant.to_json().decode() == plant.to_json().decode()


@given(plant=plants())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=30)
def test_canonical_json_reads_back_as_the_same_plant(plant: Plant) -> None:
    again = Plant.from_json(plant.to_json())
    assert again == plant
    assert again.to_json() == plant.to_json()


def test_the_demo_s_own_folder_survives_two_exports(tmp_path: Path) -> None:
    plant = load(write(tmp_path / "works"))
    export_folder(plant, tmp_path / "a")
    export_folder(load(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a" / "plant.yaml").read_text("utf-8") == (tmp_path / "b" / "plant.yaml").read_text("utf-8")
    assert load(tmp_path / "b") == plant


def test_an_export_overwrites_only_when_told(tmp_path: Path) -> None:
    folder = write(tmp_path)
    plant = load(folder)
    with pytest.raises(InputError, match=r"already holds plant.yaml, points.csv; say --replace to overwrite it"):
        export_folder(plant, folder)
    export_folder(plant, folder, replace=True)
    assert load(folder) == plant


def test_a_folder_is_written_whole_or_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full while the second file is written."""
    plant = load(Path(str(files("anlan.sense.demo") / "plant")))
    export_folder(plant, tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    synced: list[int] = []

    def full(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    smaller = plant.model_copy(update={"points": plant.points[:3], "rules": ()})
    with pytest.raises(OSError, match="No space left"):
        export_folder(smaller, tmp_path, replace=True)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
