"""Templates that turn JSON messages into readings: which topics, where in the message, under which key. Pure.

    topics:
      - filter: plant/{area}/gas/{tag}        # {name} captures one level; + and # match as in MQTT
        items: $.samples[*]                   # optional: many readings in one message
        point: "{tag}.{field}"                # the key; {name} a capture, {field} the field, {$.id} something in the item
        fields: {ppm: $.ppm, temp: $.t}       # or value: $.value
        time: $.ts                            # optional; without it the time of receipt
        time_form: ms                         # auto, s, ms, us, iso
        zone: Asia/Shanghai                   # of ISO times without one
        quality: $.state                      # optional
        qualities: {ok: good, cal: bad.calibration}   # or hj212
        values: {open: 1, closed: 0}          # words that stand for integers

A point's address is its key. Whatever in a message does not fit is one reject with its reason; the rest of it still counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from anlan.model.errors import InputError
from anlan.model.quality import GOOD, Reason, Severity, quality
from anlan.model.reasons import by_code, named
from anlan.sense.mqtt import paths
from anlan.sense.mqtt.times import TimeForm, instant

NO_VALUE = quality(Severity.BAD, Reason.UNSPECIFIED)
UNKNOWN_QUALITY = quality(Severity.UNCERTAIN, Reason.UNSPECIFIED)
_CAPTURE = re.compile(r"\{([a-z_][a-z0-9_]*)\}$")
_LEVEL = re.compile(r"([^+#{}]*|\+)$")
_HOLE = re.compile(r"\{([^{}]+)\}")


class TopicConfig(BaseModel):
    """One entry of `topics:`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filter: str = Field(min_length=1, max_length=1000)
    point: str = Field(min_length=1)
    items: str = "$"
    value: str = "$.value"
    fields: dict[str, str] = Field(default_factory=dict)
    time: str = ""
    time_form: TimeForm = "auto"
    zone: str = ""
    quality: str = ""
    qualities: dict[str, str] | str = Field(default_factory=dict)
    values: dict[str, int] = Field(default_factory=dict)
    qos: int = Field(default=1, ge=0, le=1)

    @field_validator("zone")
    @classmethod
    def _zone(cls, zone: str) -> str:
        if zone:
            try:
                ZoneInfo(zone)
            except (KeyError, ValueError) as error:
                raise ValueError(f"there is no time zone {zone!r}; write e.g. Asia/Shanghai") from error
        return zone

    @model_validator(mode="after")
    def _compiles(self) -> TopicConfig:
        try:
            Template(self)
        except InputError as error:
            raise ValueError(str(error)) from error
        return self


@dataclass(frozen=True, slots=True)
class Row:
    """One value found: `time` is None where the message has none; `value` is a number, or a word that no table knew."""

    key: str
    time: int | None
    value: float | str
    quality: int


@dataclass(slots=True)
class Mapped:
    """What a message came to."""

    rows: list[Row] = field(default_factory=list)
    rejects: list[str] = field(default_factory=list)


class Template:
    """One compiled entry of `topics:`; InputError when a path or a name in it is wrong."""

    def __init__(self, config: TopicConfig) -> None:
        self.config = config
        self.filter, self._names = _filter(config.filter)
        self._items = paths.parse(config.items)
        self._fields = {name: paths.parse(p) for name, p in (config.fields or {"value": config.value}).items()}
        self._time = paths.parse(config.time) if config.time else None
        self._quality = paths.parse(config.quality) if config.quality else None
        self._qualities = _qualities(config.qualities)
        self._values = {word.casefold(): number for word, number in config.values.items()}
        self._holes = self._checked_holes(config.point)
        self._keys = re.compile(".+".join(re.escape(part) for part in _HOLE.split(config.point)[::2]), re.DOTALL)

    def makes(self, key: str) -> bool:
        """Whether some message could give a reading under `key`."""
        return self._keys.fullmatch(key) is not None

    def captures(self, topic: str) -> dict[str, str] | None:
        """What the {names} of the filter caught in `topic`; None if it does not match."""
        given, wanted = topic.split("/"), self.filter.split("/")
        if given[0].startswith("$") and wanted[0] in {"+", "#"}:
            return None
        for level, want in enumerate(wanted):
            if want == "#":
                break
            if level >= len(given) or want not in {"+", given[level]}:
                return None
        else:
            if len(given) != len(wanted):
                return None
        return {name: given[level] for level, name in self._names.items()}

    def map(self, captures: Mapping[str, str], payload: bytes, received_at: int) -> Mapped:
        """The rows and rejects of one message; any bytes are survived."""
        found = Mapped()
        try:
            document = orjson.loads(payload)
        except ValueError as error:
            found.rejects.append(f"not JSON: {error}")
            return found
        try:
            for item in paths.each(document, self._items):
                self._item(item, captures, received_at, found)
        except (paths.Missing, RecursionError) as missing:
            found.rejects.append(str(missing))
        return found

    def _item(self, item: Any, captures: Mapping[str, str], received_at: int, found: Mapped) -> None:
        try:
            time = (
                None
                if self._time is None
                else instant(paths.find(item, self._time), self.config.time_form, self.config.zone, received_at)
            )
            word = GOOD if self._quality is None else self._judged(paths.find(item, self._quality))
        except (paths.Missing, ValueError) as wrong:
            found.rejects.append(str(wrong))
            return
        for name, path in self._fields.items():
            try:
                found.rows.append(self._row(self._key(item, captures, name), time, paths.find(item, path), word))
            except (paths.Missing, ValueError) as wrong:
                # A device that leaves a field out of a message has simply not measured it this time, if it has several.
                if len(self._fields) == 1 or isinstance(wrong, ValueError):
                    found.rejects.append(str(wrong))

    def _row(self, key: str, time: int | None, held: Any, word: int) -> Row:
        if held is None:
            return Row(key, time, math.nan, word if word >> 14 == Severity.BAD else NO_VALUE)
        if isinstance(held, bool | int | float):
            return Row(key, time, float(held), word)
        if not isinstance(held, str):
            raise ValueError(f"{key}: {str(held)[:80]!r} is not a value")
        known = self._values.get(held.strip().casefold())
        return Row(key, time, float(known) if known is not None else held.strip(), word)

    def _judged(self, held: Any) -> int:
        text = str(held).strip()
        return self._qualities.get(text.casefold(), UNKNOWN_QUALITY)

    def _key(self, item: Any, captures: Mapping[str, str], name: str) -> str:
        parts = {**captures, "field": name}
        for hole, path in self._holes.items():
            parts[hole] = str(paths.find(item, path))
        return _HOLE.sub(lambda m: parts[m[1]], self.config.point)

    def _checked_holes(self, point: str) -> dict[str, tuple[paths.Step, ...]]:
        known = {*self._names.values(), "field"}
        holes: dict[str, tuple[paths.Step, ...]] = {}
        for hole in _HOLE.findall(point):
            if hole.startswith("$"):
                holes[hole] = paths.parse(hole)
            elif hole not in known:
                raise InputError(
                    "point {point!r}: {{{hole}}} is not captured by the filter; known are {known}",
                    point=point,
                    hole=hole,
                    known=", ".join(sorted(known)),
                )
        return holes


def _filter(text: str) -> tuple[str, dict[int, str]]:
    """(MQTT filter, level → captured name); InputError when it is no filter."""
    levels, names = text.split("/"), {}
    for number, level in enumerate(levels):
        match = _CAPTURE.match(level)
        if match is not None:
            names[number] = match[1]
            levels[number] = "+"
        elif not _LEVEL.match(level) and not (level == "#" and number == len(levels) - 1):
            raise InputError(
                "topic filter {filter!r}: {level!r} is not a level; + stands alone, # alone and last, {{name}} alone",
                filter=text,
                level=level,
            )
    if len(set(names.values())) < len(names) or "field" in names.values():
        raise InputError("topic filter {filter!r}: each captured name may occur once, and none may be called field", filter=text)
    return "/".join(levels), names


def _qualities(config: Mapping[str, str] | str) -> dict[str, int]:
    if config == "hj212":
        return {flag.casefold(): quality(row.severity, row.reason) for flag, row in by_code("hj212").items()}
    if isinstance(config, str):
        raise InputError("qualities: {found!r} is not a table we know; write hj212, or a mapping word: quality", found=config)
    return {str(held).casefold(): _named(word) for held, word in config.items()}


def _named(word: str) -> int:
    try:
        return named(word)
    except KeyError:
        known = ", ".join(by_code("code"))
        raise InputError(
            "{found!r} is not a quality; write good, uncertain or bad, or one of them with a reason as in bad.calibration; reasons are {known}",
            found=word,
            known=known,
        ) from None


def matching(templates: list[Template], topic: str) -> Iterator[tuple[Template, dict[str, str]]]:
    """Every template whose filter the topic falls under, with what it captured."""
    for template in templates:
        captures = template.captures(topic)
        if captures is not None:
            yield template, captures
