"""What a person adds to a plant that runs: a source, places, points with their first limits. Checked as a folder is, each mistake at its cell.

    plant + Addition ──▶ draft ──▶ the folder's own checks ──▶ the plant with it, or every mistake with row and column

Only added: what a point reads or is called changes in the folder. Options that name files of this machine are not taken from a browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anlan.model.errors import AnlanError, InputError
from anlan.model.events.alarms import AlarmKind
from anlan.model.places import Id, Level, Place
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.plant.checks import check_draft
from anlan.plant.columns import REQUIRED, SUFFIXES, column_names, per_alarm
from anlan.plant.description import Plant, Post
from anlan.plant.draft import Draft, PlaceIndex, draft_of
from anlan.plant.findings import Finding, Findings, Where
from anlan.plant.rows import read_points
from anlan.plant.sheet import Row, Sheet
from anlan.sense.config import SourceConfig

LIST, PLANT = "list", "plant"
"""Files that findings name: what is added, and what was there."""
FIRST_ROW = 2
"""Line of the first point in the list: the header is line 1."""
OPTIONS: Mapping[str, frozenset[str]] = {
    "opcua": frozenset({"url", "security", "username", "publishing"}),
    "modbus": frozenset({"host", "port", "framing", "unit", "max_requests_per_second", "timeout"}),
    "mqtt": frozenset({"host", "port", "version", "client_id", "username", "topics", "tls"}),
}
"""Driver → what the console may set. Paths are not among them: a file of this machine would be sent to whoever listens at the address."""


class NewPlace(BaseModel):
    """`path` without the enterprise: `U100`, `U100/V-101`. The place above must be there, or stand before it in the list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, Field(min_length=1, max_length=300)]
    name: Label
    post: Annotated[str, Field(max_length=64)] = ""


class NewSource(BaseModel):
    """`password` is kept in a file of the node and never in a version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    driver: Annotated[str, Field(max_length=40)]
    name: Label = Label()
    options: dict[str, Any] = Field(default_factory=dict, max_length=40)
    password: Annotated[str, Field(max_length=200)] = ""


class Addition(BaseModel):
    """`points`: one mapping column → text for each, as a line of points.csv. `limits`: alarms of points that are there, by the same columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    posts: Annotated[tuple[Post, ...], Field(max_length=20)] = ()
    places: Annotated[tuple[NewPlace, ...], Field(max_length=200)] = ()
    source: NewSource | None = None
    points: Annotated[tuple[dict[str, str], ...], Field(max_length=5000)] = ()
    limits: Annotated[tuple[dict[str, str], ...], Field(max_length=50)] = ()

    @property
    def empty(self) -> bool:
        return not (self.posts or self.places or self.source or self.points or self.limits)


@dataclass(frozen=True, slots=True)
class Added:
    """`plant` is None while a finding is fatal. `findings` are those of what is added, mistakes of the whole included."""

    plant: Plant | None
    findings: tuple[Finding, ...]


def add(plant: Plant, addition: Addition, secret: Path | None = None) -> Added:
    """`secret`: the file in which the source's password will stand. Raises InputError for an addition that adds nothing."""
    if addition.empty:
        raise InputError("nothing is added: choose at least one point, place or limit")
    findings, draft = Findings(), draft_of(plant, Where(PLANT))
    draft.where |= {("point", point.id): Where(PLANT) for point in plant.points}
    _posts(draft, addition.posts, findings)
    _places(draft, addition.places, findings)
    if addition.source is not None:
        _source(draft, addition.source, findings, secret)
    places = PlaceIndex(draft.places)
    _points(draft, addition.points, places, findings)
    _limits(draft, addition.limits, places, findings)
    check_draft(draft, places, findings)
    told = tuple(f for f in findings if f.fatal or f.error.file == LIST)
    return Added(None if findings.fatal else draft.finished(), told)


def limits_in(addition: Addition) -> bool:
    """Whether it brings alarms, which takes the right to configure these too."""
    alarms = {*SUFFIXES, "trip"}
    return bool(addition.limits) or any(text.strip() for row in addition.points for key, text in row.items() if key in alarms)


def _posts(draft: Draft, posts: Iterable[Post], findings: Findings) -> None:
    known = {post.id for post in draft.posts}
    for post in posts:
        if post.id in known:
            findings.mistake("duplicate-id", "there is a post {id} already", Where(LIST), id=post.id)
        known.add(post.id)
        draft.posts.append(post)


def _places(draft: Draft, places: Iterable[NewPlace], findings: Findings) -> None:
    root = draft.places[0].path
    for new in places:
        known = {place.path for place in draft.places}
        path = new.path.strip("/").removeprefix(f"{root}/")
        parent, _, own = path.rpartition("/")
        above = f"{root}/{parent}" if parent else root
        if f"{above}/{own}" in known:
            findings.mistake("duplicate-place", "there is a place {path} already", Where(LIST), path=path)
        elif above not in known:
            findings.mistake("unknown-place", "the place {above}, in which {path} is to stand, is not there", Where(LIST), above=parent, path=path)  # fmt: skip
        else:
            level = Level.EQUIPMENT if parent else Level.UNIT
            try:
                draft.places.append(Place(id=own, name=new.name, level=level, parent=above, post=new.post))
            except ValidationError as wrong:
                problem = wrong.errors(include_url=False)[0]
                findings.mistake("place", "the place {path}: {problem}", Where(LIST), path=path, problem=problem["msg"])


def _source(draft: Draft, new: NewSource, findings: Findings, secret: Path | None) -> None:
    from anlan.sense.registry import driver_config

    where = Where(LIST)
    if any(source.id == new.id for source in draft.sources):
        findings.mistake("duplicate-id", "there is a source {id} already", where, id=new.id)
        return
    known = OPTIONS.get(new.driver, frozenset())
    strange = sorted(new.options.keys() - known)
    if strange or new.options.get("tls"):
        findings.mistake(
            "source-option",
            "{option} of a {driver} source cannot be set here: write it into plant.yaml",
            where,
            option=", ".join(strange) or "tls",
            driver=new.driver,
        )
        return
    options = dict(new.options) | ({"password_file": str(secret)} if new.password and secret is not None else {})
    source = SourceConfig(id=new.id, driver=new.driver, name=new.name, options=options)
    try:
        driver_config(source)
    except AnlanError as wrong:
        findings.wrong("source-option", InputError(wrong.message, **wrong.facts), where)
        return
    draft.sources.append(source)


def _points(draft: Draft, points: tuple[dict[str, str], ...], places: PlaceIndex, findings: Findings) -> None:
    if not points:
        draft.read_sources = None
        return
    columns = _columns(points, findings)
    for line, row in enumerate(points, FIRST_ROW):
        if draft.where.get(("point", row.get("id", "").strip())) == Where(PLANT):
            findings.mistake("duplicate-id", "the point {id} is in the plant already", Where(LIST, line), id=row["id"].strip())
            del draft.where["point", row["id"].strip()]  # told; the rest of its line is read all the same
    sheet = Sheet(LIST, "", (Row(1, columns), *_rows(points, columns)))
    already = draft.read_sources
    read_points(sheet, draft, places, findings)
    draft.read_sources = already  # other sources of the plant are not idle because this list is not theirs


def _columns(rows: tuple[dict[str, str], ...], findings: Findings) -> tuple[str, ...]:
    """Our own names, whatever is filled in anywhere; a strange one is told by the header's own check."""
    given = {key for row in rows for key, text in row.items() if text.strip()} | set(REQUIRED)
    known = [name for name in _all_columns() if name in given]
    return (*known, *sorted(given - set(known)))


def _all_columns() -> list[str]:
    return [*column_names(), *(f"{name}_{suffix}" for name in column_names() if name in per_alarm() for suffix in SUFFIXES)]


def _alarm_columns() -> frozenset[str]:
    return frozenset({*SUFFIXES, *per_alarm(), *(f"{name}_{suffix}" for name in per_alarm() for suffix in SUFFIXES)})


def _rows(rows: tuple[dict[str, str], ...], columns: tuple[str, ...]) -> list[Row]:
    return [Row(line, tuple(row.get(name, "").strip() for name in columns)) for line, row in enumerate(rows, FIRST_ROW)]


def _limits(draft: Draft, limits: tuple[dict[str, str], ...], places: PlaceIndex, findings: Findings) -> None:
    """Each as an alarm of a point that is there: read by the same cells as in a list."""
    by_id = {point.id: point for point in draft.points}
    for line, row in enumerate(limits, FIRST_ROW):
        where, point = Where(LIST, line), by_id.get(row.get("id", "").strip())
        if point is None:
            findings.mistake("unknown-point", "the point {point} is not in the list", where, point=row.get("id", "—"), hint="—")
            continue
        for name in sorted(row.keys() - _alarm_columns() - {"id"}):
            findings.mistake("unknown-column", "unknown column {column}", where, column=name, hint="")
        rules = _rules_of(row, line, point.place, draft, places, findings)
        for rule in rules:
            if rule.id in draft.rules:
                findings.mistake(
                    "duplicate-id", "there is an alarm {id} already: change it under Master alarms", where, id=rule.id
                )
            elif rule.kind is AlarmKind.STATE and not point.states:
                findings.mistake("no-states", "{id} has no states", where, id=point.id)
            draft.rules[rule.id] = rule
            draft.where["rule", rule.id] = where
        if not rules and not any(f.fatal and f.error.line == line for f in findings):
            findings.mistake("empty", "no limit is given: HH, H, L, LL or the alarming states were expected", where)


def _rules_of(
    row: dict[str, str], line: int, place: str, draft: Draft, places: PlaceIndex, findings: Findings
) -> list[AlarmRule]:
    """By the reader of lists itself: a line of the point's alarm cells, read into a draft of its own."""
    alarm = {key: text for key, text in row.items() if key in _alarm_columns()}
    aside = Draft(site=draft.site, posts=draft.posts, places=draft.places, sources=draft.sources, alarms=draft.alarms)
    own = next(point for point in draft.points if point.id == row["id"].strip())
    cells = {
        "id": own.id, "place": place, "kind": own.kind, "source": own.source, "address": own.address, "unit": own.unit,
        "name_zh": own.name.zh, "name_en": own.name.en, "gas": own.gas or "", **alarm,
    }  # fmt: skip
    read_points(Sheet(LIST, "", (Row(1, tuple(cells)), Row(line, tuple(cells.values())))), aside, places, findings)
    return list(aside.rules.values())


def problems(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """As routes tell them: `row` counts from 0 in what was sent (None: of the whole), `column` where the mistake names one."""
    found = []
    for finding in findings:
        facts, error = finding.error.facts, finding.error
        found.append(
            {
                "row": error.line - FIRST_ROW if error.file == LIST and error.line >= FIRST_ROW else None,
                "column": str(facts.get("column") or facts.get("key") or _column_of(finding.name)),
                "fatal": finding.fatal,
                "name": finding.name,
                "zh": _words(finding, "zh"),
                "en": _words(finding, "en"),
            }
        )
    return found


_COLUMN_OF = {
    "duplicate-id": "id", "reserved-id": "id", "id": "id", "address": "address", "same-address": "address", "unknown-source": "source",
    "missing-unit": "unit", "range": "range_high", "trip-side": "trip", "unknown-point": "id",
}  # fmt: skip


def _column_of(name: str) -> str:
    """Of a finding that is of one cell by its nature."""
    return _COLUMN_OF.get(name) or (name.removeprefix("unknown-") if name.removeprefix("unknown-") in column_names() else "")


def _words(finding: Finding, language: str) -> str:
    """Without the file and line, which the page shows by the row itself."""
    return (
        finding.error.text(language)
        .removeprefix(f"{finding.error.file}:{finding.error.line}: ")
        .removeprefix(f"{finding.error.file}: ")
    )
