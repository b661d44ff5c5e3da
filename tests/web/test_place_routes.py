"""Places over the console's socket and the API: counts of those that were asked for and may be seen, and the cameras that look at alarms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from websockets.asyncio.client import connect

from anlan.model.links import Camera
from anlan.model.words import Label
from anlan.web.context import PlantView

CAMERA = Camera(id="CAM-1", name=Label(zh="罐区", en="Tanks"), place="hualan/U300", link="https://video.example/1")


async def told_of_places(address: str, console: Any, places: list[str]) -> dict[str, Any]:
    """The first counts that a console is sent that asks for these."""
    cookie = "; ".join(f"{name}={value}" for name, value in console.cookies.items())
    headers = {"Cookie": cookie, "Origin": f"http://{address}"}
    async with connect(f"ws://{address}/api/v1/live/ws", additional_headers=headers) as socket:
        await socket.send(orjson.dumps({"points": [], "also": [f"place:{path}" for path in places]}).decode())
        while "pl" not in (frame := orjson.loads(await socket.recv())):
            pass
    found: dict[str, Any] = frame["pl"]
    return found


async def test_counts_of_the_places_that_were_asked_for(node: Any, console: Any, address: str) -> None:
    await console.sign_in("safety")
    node.tick("up")
    node.feed("AT-203", 0.1)
    node.feed("LT-301", 85.0)
    await node.settle()
    found = await told_of_places(address, console, ["hualan", "hualan/U300", "hualan/U999"])
    assert {path: (one["whole"]["within"], one["whole"]["outside"], one["whole"]["of"]) for path, one in found.items()} == {
        "hualan": (1, 1, 2),
        "hualan/U300": (0, 1, 1),
    }


async def test_a_branch_is_told_of_its_branch(console: Any, address: str) -> None:
    await console.sign_in("branch")
    found = await told_of_places(address, console, ["hualan", "hualan/U200", "hualan/U300"])
    assert list(found) == ["hualan/U300"]
    assert found["hualan/U300"]["named"]["unknown"] == ["LT-301"]


async def test_an_alarm_tells_the_camera_that_looks_at_it(
    node_of: Callable[[Callable[[PlantView], PlantView]], Any], console_maker: Any, hashed: str
) -> None:
    from anlan.guard.people import Held, NewPerson, add_person

    node = node_of(lambda plant: replace(plant, cameras=(CAMERA,)))
    with node.records.session() as session:
        add_person(session, NewPerson("safety", Label(zh="安"), (Held("safety_officer"),)), hashed, node.clock, must_change=False)
    app = node.app()
    async with app.router.lifespan_context(app):
        console = console_maker(app)
        await console.sign_in("safety")
        node.tick("up")
        node.feed("LT-301", 85.0)
        node.feed("AT-203", 0.6)
        await node.settle()
        rows = {row["id"]: row["cameras"] for row in (await console.get("/api/v1/alarms")).json()["items"]}
        told = {"id": "CAM-1", "name": {"zh": "罐区", "en": "Tanks"}, "link": "https://video.example/1"}
        assert rows == {"LT-301.H": [told], "AT-203.H": []}
        assert (await console.get("/api/v1/points/LT-301")).json()["cameras"] == [told]
        await console.aclose()
