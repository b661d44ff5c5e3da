"""The search box over the API: what it finds, in which order, where it leads, and what it keeps from whom."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from anlan.model.words import Label
from anlan.web import shell

pytestmark = pytest.mark.slow  # many nodes are built; the quick tests stay below three minutes


async def search(console: Any, q: str, **rest: Any) -> dict[str, Any]:
    answer = await console.get("/api/v1/search", params={"q": q, **rest})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["what"], row["id"]) for row in found["items"]]


@pytest.mark.parametrize("q", ["AT-203", "at203", "203"])
async def test_a_tag_finds_its_point_before_its_alarms(console: Any, q: str) -> None:
    await console.sign_in("safety")
    found = await search(console, q)
    assert ids(found)[:3] == [("point", "AT-203"), ("alarm", "AT-203.H"), ("alarm", "AT-203.HH")]
    point = found["items"][0]
    assert (point["href"], point["where"]["zh"], point["unit"], point["decimals"]) == ("/points/AT-203", "氯库", "ppm", 1)


@pytest.mark.parametrize("q", ["氯气", "lvqi", "lq", "lüqì", "氯qi", "chlorine"])
async def test_a_name_is_found_as_it_is_read_and_in_english(console: Any, q: str) -> None:
    await console.sign_in("safety")
    assert ("point", "AT-203") in ids(await search(console, q))


async def test_words_must_all_fit_and_may_be_those_of_the_place(console: Any) -> None:
    await console.sign_in("safety")
    assert ("point", "LT-301") in ids(await search(console, "罐区 yewei"))
    assert ids(await search(console, "氯库 yewei")) == []
    assert ids(await search(console, "AT-203 高高")) == [("alarm", "AT-203.HH")]


async def test_an_alarm_leads_to_its_story_while_it_stands(node: Any, console: Any) -> None:
    node.context.page_actions["/alarms/master"] = "alarm.view"
    await console.sign_in("safety")
    assert (await search(console, "LT-301.HH"))["items"][0]["href"] == "/alarms/master?alarm=LT-301.HH"
    node.tick("up")
    node.feed("LT-301", 95.0)
    await node.settle()
    row = (await search(console, "LT-301.HH"))["items"][0]
    assert (row["href"], row["stands"], row["priority"]) == ("/alarms?alarm=LT-301.HH", True, 2)


async def test_a_source_and_its_alarm(console: Any) -> None:
    await console.sign_in("safety")
    found = await search(console, "gqwg")  # 罐区网关
    assert ids(found) == [("source", "modbus"), ("alarm", "modbus.VIEW")]
    assert found["counts"] == {"source": 1, "alarm": 1}


async def test_people_only_for_who_may_see_them(console: Any) -> None:
    await console.sign_in("safety")
    assert ("person", "both") in ids(await search(console, "liangg"))  # 两岗
    await console.sign_in("gas")
    assert ids(await search(console, "liangg")) == []


async def test_pages_only_for_who_may_open_them(node: Any, console: Any) -> None:
    shell.add_way(node.context, shell.Way("/trends", "trends", "Trends", "history.view"))
    node.context.page_actions["/trends"] = "history.view"
    await console.sign_in("safety")
    assert (await search(console, "qushi"))["items"][0]["href"] == "/trends"
    await console.sign_in("guest")
    assert ids(await search(console, "qushi")) == []


async def test_a_branch_finds_its_branch_alone(console: Any) -> None:
    await console.sign_in("branch")
    assert ("point", "LT-301") in ids(await search(console, "LT-301"))
    found = await search(console, "AT-203")
    assert (found["items"], found["counts"]) == ([], {})


async def test_who_may_only_see_the_plant_gets_no_way_to_values(console: Any) -> None:
    await console.sign_in("guest")
    (row,) = (await search(console, "LT-301"))["items"]
    assert (row["what"], row["href"], "point" in row) == ("point", None, False)


async def test_a_new_version_is_found_by_its_names(node: Any, console: Any) -> None:
    await console.sign_in("safety")
    assert ids(await search(console, "xinjia")) == []
    points = node.context.plant.points
    renamed = points[2].model_copy(update={"name": Label(zh="新加液位", en="New level")})
    node.context.plant = replace(node.context.plant, version=2, points={**points, 2: renamed})
    async with asyncio.timeout(10):
        while (found := await search(console, "xinjia"))["version"] != 2:
            await asyncio.sleep(0.05)
    assert ("point", "LT-301") in ids(found)


@pytest.mark.parametrize("q", ["", "   ", "--", "\n", "%", "'; DROP TABLE", "a" * 100, "液" * 100, "\x00", "🙂"])
async def test_anything_may_be_typed(console: Any, q: str) -> None:
    await console.sign_in("safety")
    assert (await search(console, q))["items"] == []


async def test_too_long_is_said(console: Any) -> None:
    await console.sign_in("safety")
    answer = await console.get("/api/v1/search", params={"q": "a" * 101})
    assert (answer.status_code, answer.json()["code"]) == (422, "input")
