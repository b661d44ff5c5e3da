"""The response card over the API, on a node's own stores: countdown, judgement, a person's answer and where it is kept."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from anlan.guard.records import AuditLeaf
from anlan.model.clock import HOUR, MINUTE, SECOND
from anlan.model.frames import Kind
from anlan.model.quality import Reason, Severity, quality
from anlan.monitor.board import Board
from anlan.monitor.compile import compile_config
from anlan.monitor.past import CONFIG
from anlan.monitor.program import Instruction, Op, Program
from anlan.monitor.records import ResponseAnswer
from anlan.monitor.service import AlarmService
from anlan.store.migrating import check_models_match_migrations

pytestmark = pytest.mark.slow  # many nodes are built; the quick tests stay below three minutes

TANK = {"episode": 1, "priority": 3}
BAD = int(quality(Severity.BAD, Reason.SENSOR_FAILURE))


async def card(console: Any, alarm: str = "LT-301.H") -> dict[str, Any]:
    answer = await console.get(f"/api/v1/alarms/{alarm}/response")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def acknowledged(node: Any, console: Any, level: float = 85.0) -> None:
    """A stop at 85 % (H 80, latching), acknowledged at its post."""
    node.tick("up")
    node.feed("LT-301", level)
    await node.settle()
    await console.sign_in("tanks")
    answer = await console.post("/api/v1/alarms/LT-301.H/acknowledge", json=TANK)
    assert answer.status_code == 200, answer.text
    await node.settle()


async def fall(node: Any, start: float, by: float, seconds: int) -> None:
    """Its level is told each second while it moves, as a point that reports on change does."""
    for second in range(seconds):
        node.feed("LT-301", start - by * second / 60)
    await node.settle()


async def say(console: Any, effect: str = "worked", **more: Any) -> Any:
    return await console.post("/api/v1/alarms/LT-301.H/response", json={"episode": 1, "effect": effect, **more})


async def test_an_alarm_never_announced_has_no_card_to_fill(node: Any, console: Any) -> None:
    await console.sign_in("tanks")
    found = await card(console)
    assert (found["state"], found["announced_at"], found["verdict"], found["answers"]) == ("NORMAL", None, None, [])


async def test_the_level_falls_after_the_acknowledgement(node: Any, console: Any) -> None:
    await acknowledged(node, console)
    await fall(node, 85.0, 1.2, 120)
    found = await card(console)
    assert (found["state"], found["verdict"], found["basis"], found["because"]) == ("ACKNOWLEDGED", "returning", "limit", "trend")
    assert found["clears_at"] == 80
    assert found["value"] == pytest.approx(85 - 1.2 * 119 / 60)
    assert found["distance"] == pytest.approx(found["value"] - 80)
    assert found["slope_low"] <= -1.2 <= found["slope_high"]
    line = 60 * found["distance"] / 1.2
    assert found["back"]["earliest"] <= line <= found["back"]["latest"]
    assert found["readings"] >= 119
    assert found["announced_at"] <= found["acknowledged_at"] <= found["at"]
    assert found["respond_by"] is None  # the rule names no time


async def test_what_the_acknowledgement_found_is_no_part_of_the_trend(node: Any, console: Any) -> None:
    node.tick("up")
    for second in range(60):
        node.feed("LT-301", 81 + second / 10)  # rises up to the acknowledgement
    await node.settle()
    await console.sign_in("tanks")
    await console.post("/api/v1/alarms/LT-301.H/acknowledge", json=TANK)
    await node.settle()
    await fall(node, 86.9, 1.2, 90)
    assert (await card(console))["slope"] == pytest.approx(-1.2, abs=0.15)


async def test_a_value_nobody_can_rely_on_is_unknown(node: Any, console: Any) -> None:
    await acknowledged(node, console)
    await fall(node, 85.0, 1.2, 60)
    node.feed("LT-301", 60.0, BAD)
    await node.settle()
    found = await card(console)
    assert (found["verdict"], found["because"], found["value"], found["distance"]) == ("unknown", "quality", None, None)
    node.context.live.link(False)
    assert (await card(console))["because"] == "quality"


async def test_a_person_answers_at_the_alarms_post_and_corrects_it(node: Any, console: Any, consoles: Any) -> None:
    await acknowledged(node, console)
    await fall(node, 85.0, 1.2, 60)
    first = await say(console, "did_not_work", note="阀门卡涩")
    assert first.status_code == 200, first.text
    second = (await say(console, note=" 手动开旁通后下降 ")).json()["answers"]
    assert [(one["effect"], one["note"], one["name"]["zh"], one["post"]) for one in second] == [
        ("worked", "手动开旁通后下降", "tanks", "tanks"),
        ("did_not_work", "阀门卡涩", "tanks", "tanks"),
    ]
    assert [one["verdict"] for one in second] == ["returning", "returning"]
    assert (await card(console))["answers"] == second
    with node.records.reading() as session:
        leaves = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "alarm.response")).all()
        assert [(leaf.subject, leaf.after["effect"], leaf.reason) for leaf in leaves] == [
            ("LT-301.H", "did_not_work", "阀门卡涩"),
            ("LT-301.H", "worked", "手动开旁通后下降"),
        ]
    other = consoles("10.0.0.8")
    await other.sign_in("gas")
    refused = await say(other)
    assert (refused.status_code, refused.json()["code"]) == (403, "not-your-post")
    assert (await card(other))["answers"] == second


async def test_an_answer_needs_an_acknowledgement_of_that_activation(node: Any, console: Any) -> None:
    node.tick("up")
    node.feed("LT-301", 85.0)
    await node.settle()
    await console.sign_in("tanks")
    assert (await say(console)).status_code == 409
    await console.post("/api/v1/alarms/LT-301.H/acknowledge", json=TANK)
    await node.settle()
    later = await console.post("/api/v1/alarms/LT-301.H/response", json={"episode": 2, "effect": "worked"})
    assert later.status_code == 409
    assert (await say(console, "perhaps")).status_code == 422
    assert (await say(console)).status_code == 200


async def test_the_answer_can_still_be_given_once_the_alarm_is_gone(node: Any, console: Any) -> None:
    await acknowledged(node, console)
    node.feed("LT-301", 60.0)
    await node.settle()
    assert (await console.post("/api/v1/alarms/LT-301.H/reset", json=TANK)).status_code == 200
    await node.settle()
    found = await card(console)
    assert (found["state"], found["verdict"], found["because"], found["episode"]) == ("NORMAL", "returned", "ended", 1)
    assert (await say(console, "not_applicable")).json()["answers"][0]["verdict"] == "returned"


def govern(node: Any) -> None:
    """LT-301.H is suppressed by design while AT-203 reads anything."""
    view, number = node.view, max(node.view.points) + 1
    points = [(n, point, 1) for n, point in view.points.items()]
    points.append((number, view.points[2].model_copy(update={"id": "LT-301.H.SUP"}), 0))
    rules = [(n, rule, view.point_numbers.get(rule.point, 1)) for n, rule in view.rules.items()]
    gas, alarm = view.point_numbers["AT-203"], next(n for n, rule in view.rules.items() if rule.id == "LT-301.H")
    design = Program((Instruction(Op.POINT, gas),), (gas,), 0, timed=False, depth=1)
    config = compile_config(1, [(1, "modbus")], points, rules, programs=[(number, design)], suppressed_by={alarm: number})
    node.write(Kind.CONFIG, config.to_bytes())
    node.context.extras[CONFIG] = lambda: config


async def put_aside(node: Any, console: Any, how: str) -> None:
    """Activation 1 acknowledged and put aside; its condition goes and comes back meanwhile."""
    await acknowledged(node, console, 85.0)
    match how:
        case "UNSHELVE":
            until = node.clock.now() + HOUR
            answer = await console.post("/api/v1/alarms/LT-301.H/shelve", json={**TANK, "until": until, "reason": "x"})
            assert answer.status_code == 200, answer.text
        case "UNSUPPRESS":
            node.feed("AT-203", 0.1)
        case "RETURN_TO_SERVICE":
            answer = await console.post(
                "/api/v1/alarms/LT-301.H/remove-from-service", json={**TANK, "reason": "x", "work_order": "W-1"}
            )
            assert answer.status_code == 200, answer.text
    node.feed("LT-301", 60.0)
    node.feed("LT-301", 95.0)
    await node.settle()


async def bring_back(node: Any, console: Any, how: str) -> None:
    node.clock.advance(MINUTE)
    match how:
        case "UNSHELVE":
            await console.post("/api/v1/alarms/LT-301.H/unshelve", json=TANK)
        case "UNSUPPRESS":
            node.feed("AT-203", 0.0)
        case "RETURN_TO_SERVICE":
            await console.post("/api/v1/alarms/LT-301.H/return-to-service", json=TANK)
    await node.settle()


BACK = {
    "UNSHELVE": "when its shelving ended",
    "UNSUPPRESS": "when its suppression by design ended",
    "RETURN_TO_SERVICE": "when it was returned to service",
}


@pytest.mark.parametrize("how", BACK)
async def test_the_time_to_respond_counts_from_the_activation_that_stands(node: Any, console: Any, how: str) -> None:
    if how == "UNSUPPRESS":
        govern(node)
    await put_aside(node, console, how)
    aside = await card(console)
    assert aside["state"] in {"SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"}
    assert aside["acknowledged_at"] is not None
    await bring_back(node, console, how)
    journal = (await console.get("/api/v1/alarms/LT-301.H/journal")).json()["items"]
    assert journal[0]["trigger"] == how
    board = AlarmService.of(node.context).board
    for loaded in (True, False):
        board.loaded = loaded  # not: as an app that starts anew
        await board.catch_up()
        found = await card(console)
        assert (found["state"], found["episode"], found["announced_at"]) == ("UNACKNOWLEDGED", 2, journal[0]["noticed_at"])
        assert found["announced_at"] > aside["announced_at"]
        assert (found["acknowledged_at"], found["answers"]) == (None, [])
    why = (await console.get("/api/v1/alarms/LT-301.H/why")).json()
    assert (why["state"], why["episode"]) == ("UNACKNOWLEDGED", 2)
    assert BACK[how] in why["sentence"]["en"]


async def test_a_list_read_anew_tells_what_the_running_one_told(node: Any, console: Any) -> None:
    """An alarm that was shelved while it was normal has no activation that stands, however many it had before."""
    await acknowledged(node, console)
    node.feed("LT-301", 60.0)
    await node.settle()
    await console.post("/api/v1/alarms/LT-301.H/reset", json=TANK)
    shelved = {**TANK, "until": node.clock.now() + HOUR, "reason": "x"}
    assert (await console.post("/api/v1/alarms/LT-301.H/shelve", json=shelved)).status_code == 200
    await node.settle()
    running = AlarmService.of(node.context).board
    anew = Board(node.context)
    await anew.catch_up()
    assert anew.standing == running.standing
    assert [one.raised for one in anew.standing.values()] == [None]
    assert (await card(console))["episode"] == 1  # the card tells of the last activation, also once it is over


async def test_an_app_that_has_not_read_what_stands_does_not_say_that_nothing_does(node: Any, console: Any) -> None:
    await console.sign_in("tanks")
    node.feed("LT-301", 95.0)
    await node.settle()
    service = AlarmService.of(node.context)
    service.board = Board(node.context)  # as after a kill of the app
    journal, moved = node.folder / "alarms.db", node.folder / "alarms.away"
    node.context.journal.close()
    journal.rename(moved)
    for path in ("alarms", "alarms/LT-301.H"):
        answer = await console.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
    moved.rename(journal)
    assert [row["id"] for row in (await console.get("/api/v1/alarms")).json()["items"]] == ["LT-301.HH", "LT-301.H"]


async def test_an_app_knows_what_stands_before_it_answers(node: Any) -> None:
    node.feed("LT-301", 95.0)
    app = node.app()
    async with app.router.lifespan_context(app):
        assert AlarmService.of(node.context).board.loaded


async def test_the_same_key_records_once(node: Any, console: Any) -> None:
    await acknowledged(node, console)
    for _ in range(2):
        answer = await console.post(
            "/api/v1/alarms/LT-301.H/response", json={"episode": 1, "effect": "worked"}, headers={"Idempotency-Key": "k1"}
        )
        assert answer.status_code == 200
    with node.records.reading() as session:
        assert len(session.scalars(select(ResponseAnswer)).all()) == 1


async def test_a_lost_source_is_judged_by_its_link(node: Any, console: Any) -> None:
    node.tick("up")
    node.feed("AT-203", 0.1)
    node.tick("down")
    node.context.sources[1].state = "down"
    await node.settle()
    await console.sign_in("gas")
    found = await card(console, "modbus.VIEW")
    assert (found["basis"], found["verdict"], found["distance"]) == ("view", "unchanged", None)
    node.clock.advance(SECOND)
    node.tick("up")
    node.context.sources[1].state = "up"
    await node.settle()
    assert (await card(console, "modbus.VIEW"))["verdict"] == "returned"


async def test_who_may_not_see_the_alarm_sees_no_card(node: Any, console: Any) -> None:
    await console.sign_in("branch")  # safety officer of U300 only
    assert (await console.get("/api/v1/alarms/AT-203.H/response")).status_code == 404
    assert (await console.get("/api/v1/alarms/LT-301.H/response")).status_code == 200


def test_the_table_is_what_the_migrations_make(node: Any) -> None:
    check_models_match_migrations(node.records)
