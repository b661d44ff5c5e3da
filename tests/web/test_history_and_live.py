"""Readings in bulk, trends, live snapshots and the streams: as a program reads them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import math
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anlan.model.clock import SECOND, isoformat
from anlan.model.quality import BAD_COMMUNICATION, Flag, Reason, Severity, quality
from anlan.monitor import api_history, reading_export

ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture
async def filled(node: Any, console: Any) -> Any:
    """Ten readings of the gas detector, a second apart, one of them bad, and one of the tank."""
    for n in range(10):
        node.feed("AT-203", n / 10, BAD_COMMUNICATION if n == 4 else 0)
    node.feed("LT-301", 95.0)
    await node.settle()
    await console.sign_in("gas")
    return node


def whole(node: Any) -> dict[str, Any]:
    return {"start": str(node.context.live.time[1] - 60 * SECOND), "end": str(node.clock.now() + SECOND)}


async def test_readings_as_json_columns(filled: Any, console: Any) -> None:
    told = (await console.get("/api/v1/readings", params={"points": "AT-203,LT-301", **whole(filled)})).json()
    assert told["points"]["AT-203"]["value"] == [n / 10 for n in range(10)]
    assert told["points"]["LT-301"]["value"] == [95.0]
    assert (told["rows"], told["truncated"]) == (11, False)


async def test_readings_as_an_arrow_stream(filled: Any, console: Any) -> None:
    params = {"points": "AT-203,LT-301", "limit": 7, **whole(filled)}
    answer = await console.get("/api/v1/readings", params=params, headers={"Accept": ARROW})
    assert answer.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.column_names == ["point", "time", "value", "quality"]
    assert table.num_rows == 7
    metadata = table.schema.metadata
    assert json.loads(metadata[b"anlan.points"]) == {"1": "AT-203", "2": "LT-301"}
    assert metadata[b"anlan.truncated"] == b"true"


async def test_times_are_told_both_ways(filled: Any, console: Any) -> None:
    start, end = filled.context.live.time[1] - 2 * SECOND, filled.context.live.time[1]
    by_number = await console.get("/api/v1/readings", params={"points": "AT-203", "start": str(start), "end": str(end)})
    by_text = await console.get(
        "/api/v1/readings", params={"points": "AT-203", "start": isoformat(int(start)), "end": isoformat(int(end))}
    )
    assert by_number.json() == by_text.json()
    assert by_number.json()["rows"] == 2


@pytest.mark.parametrize(
    "params",
    [
        {"points": "AT-203", "start": "2026-01-01T00:00:00", "end": "2026-01-02T00:00:00Z"},
        {"points": "AT-203", "start": "5", "end": "5"},
        {"points": "AT-203", "start": "yesterday", "end": "5"},
        {"points": "AT-203", "start": "0", "end": "9" * 30},
        {"points": "AT-203", "start": "-5", "end": "5"},
        {"points": " , ", "start": "0", "end": "5"},
        {"points": ",".join(f"P{n}" for n in range(1001)), "start": "0", "end": "5"},
    ],
)
async def test_a_span_or_choice_that_means_nothing_is_refused(console: Any, params: dict[str, str]) -> None:
    await console.sign_in("gas")
    answer = await console.get("/api/v1/readings", params=params)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "input"


@pytest.mark.parametrize(("per_second", "unit"), [(1, "s"), (1000, "ms"), (10**9, "ns")])
async def test_a_time_in_another_unit_is_refused_with_what_was_meant(
    filled: Any, console: Any, per_second: int, unit: str
) -> None:
    end = filled.clock.now()
    params = {"points": "AT-203", "start": str(end // SECOND * per_second), "end": str(end)}
    for address in ("/api/v1/readings", "/api/v1/readings/export", "/api/v1/trend", "/api/v1/audit"):
        answer = await console.get(address, params=params)
        if address.endswith("audit"):
            await console.sign_in("admin")
            answer = await console.get(address, params=params)
        assert answer.status_code == 422, (address, answer.text)
        detail = answer.json()["detail"]
        assert f"{params['start']} is 2026-" in detail
        assert detail.endswith(f"in {unit}, but µs were expected: write {end // SECOND * SECOND}"), detail


async def test_points_are_named_one_by_one_or_together(filled: Any, console: Any) -> None:
    together = "points=AT-203,LT-301"
    apart = "points=AT-203&points=LT-301&points=AT-203"
    span = "&start={start}&end={end}".format(**whole(filled))
    for address in ("live?", f"readings?{span}&", f"trend?{span}&buckets=2&", f"readings/export?{span}&"):
        one, other = [await console.get(f"/api/v1/{address}{points}") for points in (together, apart)]
        assert one.status_code == other.status_code == 200, (address, other.text)
        if address.startswith("live"):
            assert [item["point"] for item in other.json()["items"]] == ["AT-203", "LT-301"]
        else:
            assert one.content == other.content, address


async def test_a_trend_keeps_extremes_and_says_what_was_bad(filled: Any, console: Any) -> None:
    told = (await console.get("/api/v1/trend", params={"points": "AT-203", "buckets": 1, **whole(filled)})).json()
    line = told["points"]["AT-203"]
    assert sum(line["rows"]) == 10
    assert sum(line["bad"]) == 1
    assert min(v for v in line["min"] if v is not None) == 0.0
    assert max(v for v in line["max"] if v is not None) == 0.9


async def test_not_a_number_is_told_as_null_with_its_quality(node: Any, console: Any) -> None:
    node.feed("AT-203", math.nan, 2 << 14 | 19)
    await node.settle()
    await console.sign_in("gas")
    item = (await console.get("/api/v1/live?points=AT-203")).json()["items"][0]
    assert item["value"] is None
    assert (item["quality"]["severity"], item["quality"]["reason"]) == ("bad", "not_a_number")
    never = (await console.get("/api/v1/live?points=LT-301")).json()["items"][0]
    assert (never["value"], never["time"], never["quality"]["reason"]) == (None, None, "no_data_yet")
    assert "NaN" not in (await console.get("/api/v1/readings", params={"points": "AT-203", **whole(node)})).text


async def test_without_the_core_nothing_is_live(node: Any, console: Any) -> None:
    node.feed("AT-203", 0.1)
    node.context.live.link(False)
    await console.sign_in("gas")
    told = (await console.get("/api/v1/live?points=AT-203")).json()
    assert told["connected"] is False
    assert told["items"][0]["quality"]["severity"] == "bad"


async def test_sources_say_what_their_points_are_worth(node: Any, console: Any) -> None:
    node.feed("AT-203", 0.1)
    await console.sign_in("gas")
    row = (await console.get("/api/v1/sources")).json()["items"][0]
    assert (row["id"], row["state"], row["points"], row["good"], row["no_data"]) == ("modbus", "up", 2, 1, 1)
    assert (await console.get("/api/v1/sources/none")).status_code == 404


async def test_the_journal_by_position(filled: Any, console: Any) -> None:
    forward = (await console.get("/api/v1/journal?after=0&limit=2")).json()
    position = f"{filled.log.incarnation}:2"
    assert [row["n"] for row in forward["items"]] == [1, 2]
    assert forward["next"] == position
    more = (await console.get("/api/v1/journal", params={"after": position})).json()
    assert [row["n"] for row in more["items"]] == list(range(3, 3 + len(more["items"])))
    backward = (await console.get("/api/v1/journal?before=3")).json()
    assert [row["n"] for row in backward["items"]] == [2, 1]


@pytest.mark.parametrize(
    "address", ["/api/v1/journal?after=0123abcd:1", "/api/v1/events?after=0123abcd:1", "/api/v1/events?after=99999"]
)
async def test_a_position_that_cannot_be_continued_is_gone(filled: Any, console: Any, address: str) -> None:
    answer = await console.get(address)
    assert answer.status_code == 410
    assert answer.json()["facts"]["snapshot"] == "/api/v1/alarms"


@pytest.mark.parametrize(
    "address", ["/api/v1/journal?after=x", "/api/v1/events?after=:", "/api/v1/events?after=1e3", "/api/v1/journal?after=-1"]
)
async def test_what_is_no_position_is_said_so(console: Any, address: str) -> None:
    await console.sign_in("gas")
    assert (await console.get(address)).status_code == 422


async def test_the_status_tells_of_a_core_that_is_away(node: Any, console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from anlan.model.errors import Unavailable

    async def away() -> dict[str, Any]:
        raise Unavailable("the core is not connected")

    await console.sign_in("gas")
    assert (await console.get("/api/v1/status")).json()["core"]["connected"] is True
    monkeypatch.setattr(node.core, "status", away)
    assert (await console.get("/api/v1/status")).json()["core"] == {"connected": False, "why": "the core is not connected"}


async def test_a_lost_source_names_its_safety_points(node: Any, console: Any) -> None:
    node.tick(modbus="up")
    node.feed("AT-203", 0.1)
    node.tick(modbus="down")
    await node.settle()
    await console.sign_in("gas")
    rows = {row["id"]: row for row in (await console.get("/api/v1/alarms")).json()["items"]}
    assert rows["modbus.VIEW"]["safety_points"] == ["AT-203"]
    assert rows["modbus.VIEW"]["priority"] == 1
    await asyncio.sleep(0)


async def test_readings_as_a_sheet_in_the_readers_language_and_the_sites_zone(filled: Any, console: Any) -> None:
    filled.feed("AT-203", 0.25, int(quality(Severity.UNCERTAIN, Reason.CALIBRATION, Flag.DEMO)))
    await filled.settle()
    await console.sign_in("gas", language="zh")
    answer = await console.get("/api/v1/readings/export", params={"points": "LT-301,AT-203", **whole(filled)})
    assert answer.headers["content-disposition"].startswith('attachment; filename="readings-hualan-')
    assert answer.content[:3] == b"\xef\xbb\xbf"  # without it Excel reads Chinese as something else
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 12
    first, unsure, bad = rows[0], rows[10], rows[4]
    assert [first["测点"], first["名称"], first["数值"], first["单位"]] == ["AT-203", "氯气", "0", "ppm"]
    assert first["时间"] == "2026-01-01T08:00:01.000000+08:00"
    assert (unsure["上送质量"], unsure["按此计"]) == ("存疑: 校验 (演示)", "存疑")
    assert (bad["上送质量"], bad["按此计"]) == ("无效: 通讯中断", "无效")


async def test_readings_as_parquet(filled: Any, console: Any) -> None:
    params = {"points": "AT-203,LT-301", "format": "parquet", **whole(filled)}
    table = pq.read_table(io.BytesIO((await console.get("/api/v1/readings/export", params=params)).content))
    assert table["point"].to_pylist() == ["AT-203"] * 10 + ["LT-301"]
    assert table["value"].to_pylist() == [n / 10 for n in range(10)] + [95.0]
    assert table["severity"].to_pylist()[4] == "bad"
    raw = (await console.get("/api/v1/readings", params={"points": "AT-203", **whole(filled)})).json()["points"]["AT-203"]
    assert [at.timestamp() * 1e6 for at in table["time"].to_pylist()[:10]] == raw["time"]


async def test_a_file_is_never_cut(filled: Any, console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(api_history.MOST_IN_A_FILE, "csv", 10)
    assert (await console.get("/api/v1/readings/export", params={"points": "AT-203", **whole(filled)})).status_code == 200
    refused = await console.get("/api/v1/readings/export", params={"points": "AT-203,LT-301", **whole(filled)})
    assert refused.status_code == 422
    assert "more than 10 readings" in refused.json()["detail"]


async def test_a_file_holds_nothing_of_another_branch(filled: Any, console: Any) -> None:
    await console.sign_in("branch")
    hidden = await console.get("/api/v1/readings/export", params={"points": "AT-203,LT-301", **whole(filled)})
    assert hidden.status_code == 404


def test_times_of_a_sheet_keep_the_offset_of_their_day() -> None:
    """Against the standard library, over the hour that a zone leaves out and the one that it has twice."""
    moments = [datetime(2026, month, day, hour, 59, 59, 999_999, UTC) for month, day in ((3, 29), (10, 25)) for hour in range(4)]
    told = reading_export.local_times(np.array([int(one.timestamp()) * SECOND + 999_999 for one in moments]), "Europe/Berlin")
    assert told.to_pylist() == [one.astimezone(ZoneInfo("Europe/Berlin")).isoformat() for one in moments]
