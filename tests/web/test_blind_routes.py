"""What can't be seen now, over the API and pushed to a console, on a node's own stores."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import orjson
import pytest

from anlan.model.clock import MINUTE, SECOND
from anlan.model.quality import BAD_COMMUNICATION, Reason, Severity, quality
from anlan.monitor import blind_spots
from anlan.monitor.blindness import Blind

FAULT = int(quality(Severity.BAD, Reason.SENSOR_FAILURE))


async def blind(console: Any) -> dict[str, Any]:
    answer = await console.get("/api/v1/blind")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def looked_at_later(node: Any, console: Any) -> dict[str, Any]:
    node.clock.advance(2 * SECOND)  # it is computed at most once a second
    return await blind(console)


async def test_a_faulty_point_and_one_without_data(node: Any, console: Any) -> None:
    await console.sign_in("safety")
    node.tick("up")
    node.feed("AT-203", 0.1, FAULT)
    await node.settle()
    found = await blind(console)
    assert found["connected"] is True
    assert found["counts"] == {"no_data": 1, "fault": 1}
    first, second = found["items"]
    assert (first["point"], first["cause"], first["safety"], first["since_is"]) == ("AT-203", "fault", True, "noticed")
    assert first["affected"] == ["AT-203.H", "AT-203.HH"]
    assert (first["post_name"]["zh"], first["place_name"]["zh"]) == ("氯库岗", "氯库")
    assert (second["point"], second["since"]) == ("LT-301", None)
    node.feed("AT-203", 0.1)
    node.feed("LT-301", 50.0)
    await node.settle()
    assert (await looked_at_later(node, console))["items"] == []


async def test_since_when_it_was_noticed_stays_while_the_cause_does(node: Any, console: Any) -> None:
    await console.sign_in("safety")
    node.feed("LT-301", 50.0)
    node.feed("AT-203", 0.1, FAULT)
    await node.settle()
    since = (await blind(console))["items"][0]["since"]
    assert (await looked_at_later(node, console))["items"][0]["since"] == since
    node.feed("AT-203", 0.1)
    assert (await looked_at_later(node, console))["items"] == []
    node.feed("AT-203", 0.1, FAULT)
    assert (await looked_at_later(node, console))["items"][0]["since"] > since


async def test_a_lost_source_and_a_core_that_is_away(node: Any, console: Any) -> None:
    await console.sign_in("safety")
    node.feed("AT-203", 0.1)
    node.feed("LT-301", 50.0)
    node.context.sources[1].state = "down"
    live = node.context.live
    live.quality[:] = BAD_COMMUNICATION
    await node.settle()
    source, *points = (await blind(console))["items"]
    assert (source["source"], source["point"], source["points"], source["safety_points"]) == ("modbus", None, 2, 1)
    assert {(p["point"], p["cause"], p["since_is"]) for p in points} == {
        ("AT-203", "communication", "last_heard"),
        ("LT-301", "communication", "last_heard"),
    }
    live.quality[:] = 0
    live.link(False)
    away = await looked_at_later(node, console)
    assert (away["connected"], away["counts"]) == (False, {"communication": 2})


async def test_a_shelved_alarm_is_told_with_its_end(node: Any, console: Any) -> None:
    await console.sign_in("tanks")
    node.feed("AT-203", 0.1)
    node.feed("LT-301", 85.0)
    await node.settle()
    until = int(node.clock.now()) + 5 * MINUTE
    body = {"episode": 1, "priority": 3, "until": until, "reason": "液位计检修"}
    assert (await console.post("/api/v1/alarms/LT-301.H/shelve", json=body)).status_code == 200
    await node.settle()
    (row,) = (await blind(console))["items"]
    assert (row["cause"], row["alarm"], row["until"], row["by"], row["reason"]) == (
        "shelved",
        "LT-301.H",
        until,
        "tanks",
        "液位计检修",
    )


async def test_each_person_is_told_of_the_places_they_may_see(node: Any, console: Any, consoles: Any) -> None:
    await console.sign_in("branch")  # safety officer of U300 only
    assert [row["point"] for row in (await blind(console))["items"]] == ["LT-301"]
    other = consoles("10.0.0.8")
    await other.sign_in("guest")  # contractor: no live values
    assert (await other.get("/api/v1/blind")).status_code == 403


async def test_a_console_that_wants_it_is_told_when_it_changes(node: Any, console: Any, address: str) -> None:
    from websockets.asyncio.client import connect

    await console.sign_in("safety")
    node.feed("AT-203", 0.1)
    node.feed("LT-301", 50.0)
    await node.settle()
    cookie = "; ".join(f"{name}={value}" for name, value in console.cookies.items())
    async with connect(
        f"ws://{address}/api/v1/live/ws",
        additional_headers={"Cookie": cookie},
        origin=f"http://{address}",  # type: ignore[arg-type]
    ) as socket:
        assert "bl" not in orjson.loads(await socket.recv())
        await socket.send('{"points": [], "also": ["blind"]}')

        async def told() -> dict[str, Any]:
            while True:
                frame: dict[str, Any] = orjson.loads(await socket.recv())
                if "bl" in frame:
                    found: dict[str, Any] = frame["bl"]
                    return found
                node.clock.advance(SECOND)

        assert (await told())["items"] == []
        node.feed("AT-203", 0.1, FAULT)
        assert [row["point"] for row in (await told())["items"]] == ["AT-203"]


async def test_after_a_change_of_the_plant_it_tells_of_the_new_one_and_is_prepared_beside_the_event_loop(
    node: Any, console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[threading.Thread] = []

    class Watched(Blind):
        def __init__(self, *given: Any) -> None:
            made.append(threading.current_thread())
            super().__init__(*given)

    monkeypatch.setattr(blind_spots, "Blind", Watched)
    await console.sign_in("safety")
    assert [row["point"] for row in (await blind(console))["items"]] == ["AT-203", "LT-301"]
    plant = node.context.plant
    other = plant.points[1].model_copy(update={"id": "AT-999"})
    node.context.plant = replace(plant, version=plant.version + 1, points={**plant.points, 1: other})
    assert [row["point"] for row in (await blind(console))["items"]] == ["AT-999", "LT-301"]
    assert len(made) >= 2
    assert threading.current_thread() not in made  # where the event loop runs
