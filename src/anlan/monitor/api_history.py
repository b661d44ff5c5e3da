"""Routes of the history: readings in bulk (Arrow IPC or JSON columns) and trends folded for drawing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from anlan.model.clock import Micros, to_datetime
from anlan.model.errors import InputError
from anlan.model.languages import Language
from anlan.model.quality import SEVERITY_SHIFT, Severity
from anlan.monitor.choice import Instant, Points, chosen_points, span
from anlan.monitor.overdue_spans import Spans, as_counted, spans_by_point
from anlan.monitor.reading_export import as_csv, as_parquet
from anlan.monitor.units_then import Stretch, in_unit, must_convert, scales_or_nothing, stretches, stretches_now
from anlan.store.scaling import Scale
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context

ARROW = "application/vnd.apache.arrow.stream"
MOST_POINTS = 1_000
MOST_ROWS = 5_000_000
MOST_JSON_ROWS = 100_000
MOST_DRAWN = 50
MOST_IN_A_FILE = {"csv": 1_000_000, "parquet": 5_000_000}
"""Readings. A sheet of Excel has 1,048,576 lines."""
FILES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
BATCH = 65_536

Unit = Annotated[
    Literal["then", "now"], Query(description="values as they were kept, or in the unit of today where that is exact")
]
Units = Mapping[int, Sequence[Stretch]]
Told = Mapping[str, list[dict[str, Any]]]


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["history"])

    @router.get(
        "/readings", dependencies=[require("history.view")], responses={200: {"content": {ARROW: {}, "application/json": {}}}}
    )
    async def readings(
        request: Request,
        asker: Asker,
        points: Points,
        start: Instant,
        end: Instant,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="rows; JSON gives at most 100,000")] = MOST_JSON_ROWS,
        unit: Unit = "then",
    ) -> Response:
        """Raw readings, start ≤ time < end, by point and time: an Arrow IPC stream if Accept asks for it, else JSON columns.

        `truncated` (in the stream's schema metadata or the JSON) says that there were more than `limit`. `quality` is what the source sent;
        `overdue` in the JSON: when the detector's calibration was overdue, so that a good reading was worth an uncertain one. `units` (in the
        stream's metadata `anlan.units`): the unit and the name of each stretch. A point that was renamed or taken away is found by its old id too.
        """
        numbers = chosen_points(context.plant, asker, points, action="history.view", most=MOST_POINTS, ever=True)
        first, last = span(start, end)
        units = _units(context, numbers, first, last)
        steps = _converted(context, units) if unit == "now" else []
        arrow = ARROW in request.headers.get("accept", "")
        rows = limit if arrow else min(limit, MOST_JSON_ROWS)
        table = await asyncio.to_thread(partial(context.history.read, numbers, first, last, limit=rows + 1))
        truncated = table.num_rows > rows
        table = in_unit(table.slice(0, rows), steps)
        ids = {number: context.plant.point_ever(number).id for number in numbers}
        told = {ids[number]: [one.told() for one in units[number]] for number in numbers}
        if arrow:
            return StreamingResponse(_ipc(table, ids, truncated, told), media_type=ARROW)
        overdue = await asyncio.to_thread(spans_by_point, context.plant, context.journal, numbers)
        return Json(await asyncio.to_thread(_columns, table, ids, truncated, overdue, told))

    @router.get(
        "/readings/export",
        dependencies=[require("history.view")],
        responses={200: {"content": {"text/csv": {}, "application/vnd.apache.parquet": {}}}},
    )
    async def export(
        asker: Asker,
        points: Points,
        start: Instant,
        end: Instant,
        format: Literal["csv", "parquet"] = "csv",
        unit: Unit = "then",
    ) -> Response:
        """All raw readings of a span as a file, start ≤ time < end, by point and time.

        CSV: in the session's language, with a token in that of Accept-Language, times in the site's zone, at most 1,000,000 readings. Parquet: fixed columns, UTC, at most 5,000,000. More
        than that is refused, never cut. Each line has the unit and the name of its time; with `unit=now` those of today.
        """
        numbers = chosen_points(context.plant, asker, points, action="history.view", most=MOST_POINTS, ever=True)
        first, last = span(start, end)
        most = MOST_IN_A_FILE[format]
        units = _units(context, numbers, first, last)
        steps = _converted(context, units) if unit == "now" else []
        table = await asyncio.to_thread(partial(context.history.read, numbers, first, last, limit=most + 1))
        if table.num_rows > most:
            raise InputError(
                "there are more than {most} readings, too many for one file: choose a shorter span or fewer points",
                most=f"{most:,}",
            )
        if unit == "now":
            units = {number: stretches_now(context.plant, number) for number in numbers}
        body = await asyncio.to_thread(_file, context, in_unit(table, steps), units, format, asker.language)
        name = f"readings-{context.plant.id}-{_stamp(first)}-{_stamp(last)}.{format}"
        return Response(body, media_type=FILES[format], headers={"Content-Disposition": f'attachment; filename="{name}"'})

    @router.get("/trend", dependencies=[require("history.view")])
    async def trend(
        asker: Asker,
        points: Points,
        start: Instant,
        end: Instant,
        buckets: Annotated[int, Query(ge=1, le=4000, description="spans a point, about")] = 800,
        unit: Unit = "now",
    ) -> Response:
        """Readings folded into spans of one round width: least, greatest, first, last, mean of the usable ones, and how many were bad.

        `quality` is the worst of a span, and what it was worth: of a detector whose calibration was overdue a good one is uncertain. In the unit
        of today; a stretch that was kept in one that does not become it exactly has no values and stands in `units` with `converts` false.
        """
        numbers = chosen_points(context.plant, asker, points, action="history.view", most=MOST_DRAWN, ever=True)
        first, last = span(start, end)
        units = _units(context, numbers, first, last)
        steps = scales_or_nothing(chain(*units.values())) if unit == "now" else []
        table = await asyncio.to_thread(partial(context.history.trend, numbers, first, last, buckets, scales=steps))
        ids = {number: context.plant.point_ever(number).id for number in numbers}
        told = {ids[number]: [one.told() for one in units[number]] for number in numbers}
        overdue = await asyncio.to_thread(spans_by_point, context.plant, context.journal, numbers)
        return Json(await asyncio.to_thread(_folded, table, ids, overdue, told))

    return router


def _units(context: Context, numbers: list[int], start: Micros, end: Micros) -> Units:
    return {number: stretches(context.plant, number, start, end) for number in numbers}


def _converted(context: Context, units: Units) -> list[Scale]:
    """Raises InputError where a stretch does not become the unit of today exactly."""
    found = [one for some in units.values() for one in some]
    must_convert(found, {number: context.plant.point_ever(number) for number in units})
    return scales_or_nothing(found)


def _file(context: Context, table: pa.Table, units: Units, format: Literal["csv", "parquet"], language: Language) -> bytes:
    overdue = spans_by_point(context.plant, context.journal, list(units))
    found = [one for some in units.values() for one in some]
    if format == "csv":
        return as_csv(table, found, overdue, context.plant.zone, language)
    return as_parquet(table, found, overdue)


def _stamp(at: Micros) -> str:
    return f"{to_datetime(at):%Y%m%dT%H%M%SZ}"


def _ipc(table: pa.Table, ids: dict[int, str], truncated: bool, units: Told) -> Iterator[bytes]:
    """The stream in pieces; its schema's metadata tells the points' ids by number, and the units of each."""
    told = {
        "anlan.points": json.dumps({str(number): one for number, one in ids.items()}),
        "anlan.units": json.dumps(units),
        "anlan.truncated": str(truncated).lower(),
    }
    schema = table.schema.with_metadata(told)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in table.to_batches(max_chunksize=BATCH):
            writer.write_batch(batch)
    body = sink.getvalue()
    for at in range(0, body.size, 1 << 20):
        yield body.slice(at, min(1 << 20, body.size - at)).to_pybytes()


def _columns(table: pa.Table, ids: dict[int, str], truncated: bool, overdue: Mapping[int, Spans], units: Told) -> dict[str, Any]:
    told = {
        ids[number]: {
            "time": part["time"],
            "value": part["value"],
            "quality": part["quality"],
            "overdue": overdue.get(number, ()),
            "units": units[ids[number]],
        }
        for number, part in _by_point(table, list(ids)).items()
    }
    return {"points": told, "rows": table.num_rows, "truncated": truncated}


def _folded(table: pa.Table, ids: dict[int, str], overdue: Mapping[int, Spans], units: Told) -> dict[str, Any]:
    width = int(table["width"][0].as_py()) if table.num_rows else None
    told = {}
    for number, part in _by_point(table, list(ids)).items():
        words = as_counted(np.asarray(part["quality"]), np.asarray(part["time"]), width or 0, number, overdue)
        told[ids[number]] = {
            **{name: part[name] for name in ("time", "min", "max", "first", "last", "avg")},
            "quality": words,
            "rows": part["count"],
            "bad": np.asarray(part["count"]) - np.asarray(part["usable"]),
            "uncertain": words >> SEVERITY_SHIFT == Severity.UNCERTAIN,
            "units": units[ids[number]],
        }
    return {"width": width, "points": told}


def _by_point(table: pa.Table, numbers: list[int]) -> dict[int, dict[str, npt.NDArray[Any]]]:
    """The table's columns cut by point; it is sorted by point. A point without rows gets empty columns."""
    columns = {name: table[name].combine_chunks().to_numpy(zero_copy_only=False) for name in table.column_names}
    edges = {number: np.searchsorted(columns["point"], [number, number + 1]) for number in numbers}
    return {number: {name: column[low:high] for name, column in columns.items()} for number, (low, high) in edges.items()}
