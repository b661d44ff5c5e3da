"""Who is on duty: written by shift and post, read by whoever works here."""

from __future__ import annotations

from typing import Any

import pytest

from anlan.model.clock import HOUR


async def person(console: Any, account: str) -> str:
    everyone = (await console.get("/api/v1/people")).json()["items"]
    return next(one["id"] for one in everyone if one["account"] == account)


async def test_a_shift_is_written_and_read(console: Any, node: Any) -> None:
    await console.sign_in("admin")
    gas, both, tanks = [await person(console, one) for one in ("gas", "both", "tanks")]
    now = (await console.get("/api/v1/roster/now")).json()
    assert (now["day"], now["shift"]["id"], now["posts"]) == ("2026-01-01", "day", {})
    slot = {"day": "2026-01-01", "shift": "day", "post": "gas"}
    assert (await console.put("/api/v1/roster", json={**slot, "people": [gas, both, gas]})).status_code == 200
    assert sorted((await console.get("/api/v1/roster/now")).json()["posts"]["gas"]) == sorted([gas, both])
    week = (await console.get("/api/v1/roster?from=2025-12-29&days=7")).json()
    assert [(one["day"], one["shift"], one["post"]) for one in week["items"]] == [("2026-01-01", "day", "gas")] * 2
    assert (await console.put("/api/v1/roster", json={**slot, "people": []})).status_code == 200
    assert (await console.get("/api/v1/roster?from=2026-01-01&days=1")).json()["items"] == []
    whole = {"day": "2026-01-01", "shift": "night", "people": [tanks]}
    assert (await console.put("/api/v1/roster", json=whole)).status_code == 200
    leaves = [one for one in (await console.get("/api/v1/audit?limit=1000")).json()["items"] if one["action"] == "roster.put"]
    assert len(leaves) == 3


async def test_after_midnight_the_night_shift_is_still_yesterdays(console: Any, node: Any) -> None:
    node.clock.advance(18 * HOUR)
    await console.sign_in("admin")
    now = (await console.get("/api/v1/roster/now")).json()
    assert (now["day"], now["shift"]["id"]) == ("2026-01-01", "night")
    week = (await console.get("/api/v1/roster")).json()
    assert (week["from"], week["today"]) == ("2026-01-01", "2026-01-02")  # the shift that runs is in the week that is shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shift": "evening"}, "no shift evening"),
        ({"post": "laboratory"}, "no post laboratory"),
        ({"day": "1.3.2026"}, "2026-03-01"),
        ({"post": "gas"}, "holds no role at the post gas"),
    ],
)
async def test_what_can_t_be_is_refused(console: Any, change: dict[str, str], said: str) -> None:
    await console.sign_in("admin")
    body = {"day": "2026-01-01", "shift": "day", "post": "tanks", "people": [await person(console, "tanks")], **change}
    answer = await console.put("/api/v1/roster", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


async def test_whoever_works_at_none_of_its_places_writes_no_post_s_roster(console: Any) -> None:
    await console.sign_in("branch")
    tanks = await person(console, "tanks")
    slot = {"day": "2026-01-01", "shift": "day"}
    assert (await console.put("/api/v1/roster", json={**slot, "post": "tanks", "people": [tanks]})).status_code == 200
    assert (await console.put("/api/v1/roster", json={**slot, "post": "gas", "people": []})).status_code == 403
    assert (await console.put("/api/v1/roster", json={**slot, "people": []})).status_code == 403
