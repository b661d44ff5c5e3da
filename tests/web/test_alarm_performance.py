"""The alarm system's performance through the API: windows, posts, who may see what, floods now, the list in groups."""

from __future__ import annotations

from typing import Any

import pytest

from anlan.model.clock import DAY, MINUTE, SECOND
from anlan.monitor.flood import BY

pytestmark = pytest.mark.slow  # many nodes are built; the quick tests stay below three minutes

STORY = 12
"""How often AT-203 comes and goes."""


async def storm(node: Any, times: int = STORY) -> None:
    """AT-203 goes above H and back, again and again: each time one alarm at the chlorine post; the tank alarms once."""
    node.feed("LT-301", 85)
    for _ in range(times):
        node.feed("AT-203", 0.7)
        node.feed("AT-203", 0.1)
    await node.settle()


async def report(console: Any, query: str = "") -> dict[str, Any]:
    answer = await console.get(f"/api/v1/alarms/performance{query}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_the_measures_of_a_storm(node: Any, console: Any) -> None:
    await storm(node)
    await console.sign_in("gas")
    told = await report(console, "?window=hour")
    posts = {one["post"]: one for one in told["posts"]}
    assert told["to"] - told["from"] == 60 * MINUTE
    assert told["whole"]["figures"]["rate.count"] == STORY + 1
    gas, tanks = posts["gas"], posts["tanks"]
    assert (gas["figures"]["rate.count"], tanks["figures"]["rate.count"]) == (STORY, 1)
    assert (gas["figures"]["flood.count"], tanks["figures"]["flood.count"]) == (1, 0)
    assert gas["floods"][0]["ended_at"] is None
    assert gas["floods"][0]["count"] == STORY
    (actor,) = gas["actors"]
    assert (actor["id"], actor["count"], actor["share"]) == ("AT-203.H", STORY, 1.0)
    assert actor["index"] == pytest.approx(0.5), "every two seconds"
    assert gas["chattering"][0]["id"] == "AT-203.H"
    assert gas["figures"]["fleeting.count"] == STORY
    assert gas["priorities"] == {"2": STORY}
    assert sum(gas["periods"]["most"]) == STORY
    assert {one["measure"] for one in told["targets"]} >= {"rate.per_hour", "flood.share", "priority.1"}
    assert not any(one["verified"] for one in told["targets"])


async def test_of_one_post_only_and_none_of_an_unknown_one(node: Any, console: Any) -> None:
    await storm(node)
    await console.sign_in("gas")
    told = await report(console, "?post=tanks")
    assert (told["whole"], [one["post"] for one in told["posts"]]) == (None, ["tanks"])
    assert (await console.get("/api/v1/alarms/performance?post=nowhere")).status_code == 404


async def test_a_window_from_and_to(node: Any, console: Any) -> None:
    await storm(node)
    await console.sign_in("gas")
    now = node.clock.now()
    told = await report(console, f"?from={now - 10 * SECOND}&to={now + SECOND}")
    assert 0 < told["whole"]["figures"]["rate.count"] < STORY
    for query in (f"?from={now}", f"?from={now}&to={now}", f"?from=0&to={now}", "?window=year", f"?from=yesterday&to={now}"):
        assert (await console.get(f"/api/v1/alarms/performance{query}")).status_code == 422, query


async def test_who_sees_a_branch_is_told_of_its_alarms_alone(node: Any, console: Any) -> None:
    await storm(node)
    await console.sign_in("branch")
    told = await report(console)
    assert told["whole"]["figures"]["rate.count"] == 1
    assert [one["post"] for one in told["posts"]] == ["tanks"]
    assert [one["id"] for one in told["whole"]["actors"]] == ["LT-301.H"]
    floods = (await console.get("/api/v1/alarms/floods")).json()["items"]
    assert [one["post"] for one in floods] == ["tanks"]


async def test_who_may_not_see_alarms_sees_none_of_it(node: Any, console: Any) -> None:
    await console.sign_in("guest")
    for path in ("performance", "floods", "groups"):
        assert (await console.get(f"/api/v1/alarms/{path}")).status_code == 403


async def test_an_acknowledgement_is_measured(node: Any, console: Any) -> None:
    node.feed("AT-203", 0.7)
    node.clock.advance(90 * SECOND)
    await node.settle()
    await console.sign_in("gas")
    answer = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": 1, "priority": 2})
    assert answer.status_code == 200, answer.text
    await node.settle()
    told = (await report(console))["whole"]
    assert told["figures"]["acknowledge.median"] >= 90
    assert told["figures"]["acknowledge.waiting"] == told["figures"]["acknowledge.never"] == 0
    assert sum(told["acknowledge"]["classes"]) == told["acknowledge"]["count"] == 1


async def test_floods_now_and_after_ten_quiet_minutes(node: Any, console: Any) -> None:
    await storm(node)
    await console.sign_in("gas")
    rows = {row["post"]: row for row in (await console.get("/api/v1/alarms/floods")).json()["items"]}
    assert (rows["gas"]["in_ten_minutes"], rows["gas"]["count"], rows["gas"]["peak"]) == (STORY, STORY, STORY)
    assert rows["gas"]["began_at"] <= node.clock.now()
    assert (rows["tanks"]["in_ten_minutes"], rows["tanks"]["began_at"]) == (1, None)
    node.clock.advance(10 * MINUTE)
    rows = {row["post"]: row for row in (await console.get("/api/v1/alarms/floods")).json()["items"]}
    assert (rows["gas"]["in_ten_minutes"], rows["gas"]["began_at"]) == (0, None)


async def test_an_app_that_starts_in_a_flood_knows_of_it(node: Any, console: Any) -> None:
    """The journal's last hours are read when the board loads."""
    from anlan.monitor.live_floods import LiveFloods
    from anlan.monitor.service import AlarmService

    await storm(node)
    running = AlarmService.of(node.context).board
    await console.sign_in("gas")
    fresh = LiveFloods(node.context)
    fresh.load(running.cursor)
    at = node.clock.now()
    assert fresh._watch.now(at) == running.floods._watch.now(at)


@pytest.mark.parametrize("by", BY)
async def test_groups_hold_every_standing_alarm_once(node: Any, console: Any, by: str) -> None:
    node.feed("AT-203", 2.0)
    node.feed("LT-301", 95)
    await node.settle()
    await console.sign_in("gas")
    standing = {row["id"] for row in (await console.get("/api/v1/alarms")).json()["items"]}
    items = (await console.get(f"/api/v1/alarms/groups?by={by}")).json()["items"]
    assert sorted(alarm for one in items for alarm in one["alarms"]) == sorted(standing)
    assert {"AT-203.HH"} in [set(one["alarms"]) for one in items], "priority 1 stands alone"
    if by in {"unit", "point"}:
        assert {"LT-301.H", "LT-301.HH"} in [set(one["alarms"]) for one in items]


async def test_the_report_is_made_once_for_viewers_of_the_same(node: Any, consoles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from anlan.monitor import performance

    made: list[object] = []
    make = performance.make_report
    monkeypatch.setattr(performance, "make_report", lambda *given, **more: made.append(given) or make(*given, **more))
    await storm(node)
    for account in ("gas", "tanks", "branch"):
        one = consoles()
        await one.sign_in(account)
        await report(one, f"?from={node.clock.now() - DAY}&to={node.clock.now()}")
        await report(one, f"?from={node.clock.now() - DAY}&to={node.clock.now()}")
    assert len(made) == 2, "who sees everything shares; who sees a branch does not"


async def test_what_lies_before_the_journal_thins_nothing_out(node: Any, console: Any) -> None:
    """A node that has recorded for an hour and a half knows nothing of the 30 days before."""
    begun = node.clock.now()
    await storm(node)
    node.clock.advance(90 * MINUTE)
    await console.sign_in("gas")
    told = await report(console, "?window=30d")
    assert told["from"] < told["measured_from"] == begun
    hours = (told["to"] - begun) / (60 * MINUTE)
    assert told["whole"]["figures"]["rate.per_hour"] == pytest.approx((STORY + 1) / hours)
    before = await report(console, f"?from={begun - 2 * DAY}&to={begun - DAY}")
    assert set(before["whole"]["figures"].values()) == {None}, "unknown, not 0"
