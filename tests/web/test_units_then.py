"""History in the unit and under the name of its time, and in those of today where that is exact."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from anlan.model.clock import SECOND
from anlan.model.words import Label
from anlan.monitor.search.service import Search
from anlan.web.context import PointThen

ARROW = "application/vnd.apache.arrow.stream"
GAS, TANK = 1, 2


@pytest.fixture
async def changed(node: Any, console: Any) -> Any:
    """The tank's level was given as a share of 1 for five readings, called LT-300; the gas detector was one for ammonia; a third point is gone."""
    for n in range(5):
        node.feed("LT-301", n / 10)
        node.feed("AT-203", 7.0)
    await node.settle()
    at = node.clock.now()
    node.clock.advance(SECOND)
    for n in range(5):
        node.feed("LT-301", 50.0 + n)
        node.feed("AT-203", 0.2)
    await node.settle()
    view = node.context.plant
    tank, gas = view.points[TANK], view.points[GAS]
    share = tank.model_copy(update={"unit": "1", "id": "LT-300", "name": Label(zh="旧液位", en="Old level")})
    gone = tank.model_copy(update={"id": "LT-999", "place": "hualan/U300"})
    node.context.plant = replace(
        view,
        points={**view.points, GAS: gas.model_copy(update={"gas": "Cl2"})},
        past={
            TANK: (PointThen(at, share),),
            GAS: (PointThen(at, gas.model_copy(update={"gas": "NH3"})),),
            77: (PointThen(at, gone),),
        },
    )
    node.at = at
    await console.sign_in("safety")
    return node


def whole(node: Any) -> dict[str, Any]:
    return {"start": str(node.clock.now() - 3600 * SECOND), "end": str(node.clock.now() + SECOND)}


async def test_readings_stay_in_the_unit_of_their_time_and_convert_on_request(changed: Any, console: Any) -> None:
    asked = {"points": "LT-301", **whole(changed)}
    then = (await console.get("/api/v1/readings", params=asked)).json()["points"]["LT-301"]
    assert then["value"] == [0.0, 0.1, 0.2, 0.3, 0.4, 50.0, 51.0, 52.0, 53.0, 54.0]
    assert [(one["id"], one["unit"], one["since"], one["until"], one["converts"]) for one in then["units"]] == [
        ("LT-300", "1", None, changed.at, True),
        ("LT-301", "%", changed.at, None, True),
    ]
    now = (await console.get("/api/v1/readings", params={**asked, "unit": "now"})).json()["points"]["LT-301"]
    assert now["value"] == pytest.approx([0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 51.0, 52.0, 53.0, 54.0])
    by_old_name = (await console.get("/api/v1/readings", params={**asked, "points": "LT-300"})).json()
    assert by_old_name["points"]["LT-301"] == then


async def test_what_does_not_convert_is_refused_or_left_out_never_relabelled(changed: Any, console: Any) -> None:
    asked = {"points": "AT-203", **whole(changed)}
    refused = await console.get("/api/v1/readings", params={**asked, "unit": "now"})
    assert refused.status_code == 422
    assert "AT-203" in refused.json()["detail"]
    later = {**asked, "start": str(changed.at), "unit": "now"}
    assert (await console.get("/api/v1/readings", params=later)).json()["points"]["AT-203"]["value"] == [0.2] * 5
    trend = (await console.get("/api/v1/trend", params={**asked, "buckets": 4000})).json()["points"]["AT-203"]
    drawn = [(time, value) for time, value in zip(trend["time"], trend["last"], strict=True) if value is not None]
    assert {value for _, value in drawn} == {0.2}
    assert all(time >= changed.at - SECOND for time, _ in drawn)
    assert [one["converts"] for one in trend["units"]] == [False, True]
    kept = (await console.get("/api/v1/trend", params={**asked, "unit": "then"})).json()["points"]["AT-203"]
    assert max(kept["max"]) == 7.0


async def test_a_trend_is_folded_in_the_unit_of_today(changed: Any, console: Any) -> None:
    asked = {"points": "LT-301", "buckets": 1, **whole(changed)}
    trend = (await console.get("/api/v1/trend", params=asked)).json()["points"]["LT-301"]
    assert (min(trend["min"]), max(trend["max"])) == (0.0, 54.0)
    assert np.average(trend["avg"], weights=trend["rows"]) == pytest.approx(np.mean([0, 10, 20, 30, 40, 50, 51, 52, 53, 54]))


async def test_files_and_streams_tell_it_too(changed: Any, console: Any) -> None:
    asked = {"points": "LT-301", **whole(changed)}
    sheet = (await console.get("/api/v1/readings/export", params=asked)).content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(sheet)))[1:]
    assert [(row[0], row[1], row[5]) for row in (rows[0], rows[-1])] == [("LT-300", "Old level", "1"), ("LT-301", "Level", "%")]
    now = (await console.get("/api/v1/readings/export", params={**asked, "unit": "now"})).content.decode("utf-8-sig")
    first = list(csv.reader(io.StringIO(now)))[2]
    assert (first[0], float(first[3]), first[5]) == ("LT-301", pytest.approx(10.0), "%")
    stream = pa.ipc.open_stream((await console.get("/api/v1/readings", params=asked, headers={"Accept": ARROW})).content)
    units = json.loads(stream.schema.metadata[b"anlan.units"])
    assert [one["unit"] for one in units["LT-301"]] == ["1", "%"]


async def test_a_point_that_is_gone_is_found_and_read(changed: Any, console: Any) -> None:
    asked = {"points": "LT-999", **whole(changed)}
    assert (await console.get("/api/v1/readings", params=asked)).json()["points"]["LT-999"]["units"][0]["unit"] == "%"
    assert (await console.get("/api/v1/points/LT-999")).json()["retired"] == changed.at
    found = (await console.get("/api/v1/points", params={"search": "LT-99"})).json()["items"]
    assert [(one["id"], one["retired"]) for one in found] == [("LT-999", changed.at)]
    assert "LT-999" not in {one["id"] for one in (await console.get("/api/v1/points")).json()["items"]}
    await Search.of(changed.context).things()  # as it does each second
    hit = (await console.get("/api/v1/search", params={"q": "LT-999"})).json()["items"][0]
    assert (hit["id"], hit["href"]) == ("LT-999", "/trends?points=LT-999")
    assert (await console.get("/api/v1/live", params={"points": "LT-999"})).status_code == 404


async def test_of_another_branch_it_stays_hidden(changed: Any, console: Any) -> None:
    await console.sign_in("gas")
    for path in ("readings", "trend", "readings/export"):
        assert (await console.get(f"/api/v1/{path}", params={"points": "LT-999", **whole(changed)})).status_code in {200, 404}
    assert (await console.get("/api/v1/readings", params={"points": "LT-998", **whole(changed)})).status_code == 404
