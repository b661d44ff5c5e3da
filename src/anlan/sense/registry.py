"""Drivers found at the entry point `anlan.drivers`: ours and other packages' by the same door."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from anlan.model.errors import DriverError, InputError, NotFound
from anlan.model.points import Point
from anlan.sense.config import SourceConfig
from anlan.sense.driver import Driver, DriverConfig, Tag

C = TypeVar("C", bound=DriverConfig)

GROUP = "anlan.drivers"
API = 1


@dataclass(frozen=True, slots=True)
class Found:
    """One driver as it was found: where it comes from, and why it cannot be used if `fault` is not empty."""

    name: str
    origin: str
    package: str
    doc: str = ""
    fault: str = ""


@cache
def entries() -> Mapping[str, EntryPoint]:
    """Name → entry point, without importing any of them."""
    return {e.name: e for e in entry_points(group=GROUP)}


def driver(name: str) -> type[Driver]:
    """The driver class of that name; NotFound lists the names there are, DriverError says why one cannot be loaded."""
    if name not in entries():
        raise NotFound("there is no driver {name!r}; installed are: {known}", name=name, known=", ".join(sorted(entries())))
    try:
        loaded = _loaded(entries()[name])
    except Exception as error:
        raise DriverError("driver {name!r} cannot be loaded: {why}", name=name, why=repr(error)) from error
    if getattr(loaded, "API", None) != API:
        raise DriverError(
            "driver {name!r} is made for API {found}, this is API {api}",
            name=name,
            found=str(getattr(loaded, "API", None)),
            api=API,
        )
    return loaded


@cache
def _loaded(entry: EntryPoint) -> type[Driver]:
    """Once: a plant asks for its driver again with each of its points. What cannot be loaded is tried again."""
    loaded: type[Driver] = entry.load()
    return loaded


def drivers() -> list[Found]:
    """Every driver found, also those that fail to load, sorted by name: what `anlan drivers` prints."""
    return [_look(entry) for _, entry in sorted(entries().items())]


def _look(entry: EntryPoint) -> Found:
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else ""
    try:
        loaded = driver(entry.name)
    except DriverError as error:
        return Found(entry.name, entry.value, package, fault=str(error))
    return Found(entry.name, entry.value, package, doc=(loaded.__doc__ or "").strip().partition("\n")[0])


def driver_config(source: SourceConfig, folder: Path | None = None) -> DriverConfig:
    """The driver's own section, checked; InputError names the key, what was found and what is allowed.

    `folder` is the node's folder: drivers that keep files (certificates, rejected messages) get theirs below it unless told otherwise.
    """
    kind = driver(source.driver)
    options = dict(source.options)
    if folder is not None and "folder" in kind.Config.model_fields:
        options.setdefault("folder", folder)
    return checked(kind.Config, source.model_copy(update={"options": options}))


def checked(config: type[C], source: SourceConfig) -> C:
    """`source.options` as a `config`; InputError names the key, what was found and what is allowed."""
    try:
        return config.model_validate(dict(source.options))
    except ValidationError as error:
        raise InputError("source {source}: {problems}", source=source.id, problems="; ".join(_problems(error, config))) from error


def _problems(error: ValidationError, config: type[DriverConfig]) -> Iterable[str]:
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"]) or "options"
        found = "" if problem["type"] == "missing" else f", found {problem['input']!r}"
        known = f"; known are {', '.join(sorted(config.model_fields))}" if problem["type"] == "extra_forbidden" else ""
        yield f"{where}: {problem['msg']}{found}{known}"


def tag_of(number: int, point: Point, driver_name: str) -> Tag:
    """The point as its driver sees it; InputError when its address is wrong."""
    address = driver(driver_name).parse(point.address, point.model_dump())
    return Tag(number, point.id, address, point.reporting.period, point.unit, tuple(sorted(point.states)))


def is_name(name: str) -> bool:
    """Whether a driver may be called so: a Python module name."""
    return re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) is not None


def labels(states: Mapping[Any, Any]) -> dict[str, int]:
    """The names of a discrete point's states → their integers, for protocols that send names; both languages, any case."""
    found: dict[str, int] = {}
    for number, label in states.items():
        texts = label.values() if isinstance(label, Mapping) else (label.zh, label.en)
        found |= {str(text).casefold(): int(number) for text in texts if text}
    return found
