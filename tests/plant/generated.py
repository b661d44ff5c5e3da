"""Plants that nobody would write by hand: for tests that hold for whatever a plant may be."""

from typing import Any

from hypothesis import strategies as st

from anlan.model.places import Area, Level, Place, Position
from anlan.model.points import Calibration, Point, Reporting
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.rationalisation import AlarmClass, PriorityMatrix, Rationalised, Severity
from anlan.plant.description import (
    AlarmDefaults,
    AlarmSettings,
    CalculatedPoint,
    DataSettings,
    Plant,
    Post,
    Site,
    Trip,
    Vote,
    enterprise,
)
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
def watched(draw: Any, points: list[Point], place: str) -> tuple[list[CalculatedPoint], list[Vote], list[AlarmRule]]:
    """Of a plant with two measured points: their difference, a vote, a rate and a condition, each with alarms of its own."""
    if len(points) < 2:
        return [], [], []
    one, other = points[0].id, points[1].id
    calculated = CalculatedPoint(id="D-1", name=draw(labels), place=place, unit="Cel", expression=f"{one} - {other}")
    members = {"members": (one, other), "needed": draw(st.integers(1, 2)), "limit": 30.0}
    vote = Vote(id="AV-1", name=draw(labels), place=place, post="panel", time_to_respond=600.0, **members)
    rules = [
        *draw(rules_of("D-1", draw(st.sampled_from([{"L": -20.0}, {"H": 20.0, "L": -20.0}])))),
        *(draw(rules_of("AV-1", {"ST": None})) if draw(st.booleans()) else []),
        AlarmRule(id=f"{one}.ROC", point=one, kind="ROC", limit=3.0, window=7200.0, priority=draw(st.integers(3, 4)), enabled=draw(st.booleans())),  # type: ignore[arg-type]
        AlarmRule(id=f"{other}.IF-both", point=other, kind="IF", when=f"D-1 > 5 and {one} > 10", consequence=draw(words)),  # type: ignore[arg-type]
        *([AlarmRule(id=f"{one}.ROC.BAD", point=f"{one}.ROC", kind="BAD", on_delay=9.0)] if draw(st.booleans()) else []),  # type: ignore[arg-type]
    ]  # fmt: skip
    return [calculated], draw(st.sampled_from([[], [vote]])), rules


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
    measured = [point for point, _, _ in made if point.kind == "temperature"]
    calculated, votes, of_calculated = draw(watched(measured, draw(where)))
    known = {point.id for point, _, _ in made} | {one.id for one in (*calculated, *votes)} | {rule.id for rule in of_calculated}
    written = [*(rule for _, some, _ in made for rule in some), *of_calculated]
    rules = sorted((rule for rule in written if rule.point in known), key=lambda rule: rule.id)
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
        calculated=tuple(calculated),
        votes=tuple(votes),
        trips=tuple(trip for _, _, trip in made if trip is not None),
    )  # fmt: skip
