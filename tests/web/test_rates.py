"""What costs much is counted for each person and slowed for them alone; what an operator does to an alarm never is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.clock import SECOND, ManualClock
from anlan.model.words import Label
from anlan.web.rates import RATES, Rates, TooManyRequests
from tests.web.matrix import calls

FREE = (
    "acknowledge",
    "silence",
    "reset",
    "seen",
    "shelve",
    "unshelve",
    "session",
    "emergency",
    "evacuat",
    "live",
    "events",
    "v1/journal",
)
"""Parts of paths that must never wait: what is done to an alarm, who comes in, what is pushed."""


def test_a_bucket_runs_dry_and_fills_again() -> None:
    clock = ManualClock(1_767_225_600 * SECOND)
    rates = Rates(clock)
    path = "/api/v1/replay/what-if"
    for _ in range(20):
        rates.take("li", "POST", path)
    with pytest.raises(TooManyRequests, match=r"\(replay\); try again in 6 s"):
        rates.take("li", "POST", path)
    rates.take("wang", "POST", path)
    rates.take("li", "GET", "/api/v1/search")
    clock.advance(6 * SECOND)
    rates.take("li", "POST", path)
    with pytest.raises(TooManyRequests):
        rates.take("li", "POST", path)


def test_what_must_not_wait_is_of_no_kind(app: FastAPI) -> None:
    rates, table = Rates(ManualClock(0)), calls(app)
    kinds: dict[str, str] = {}
    for call in table:
        rate = rates.of(call.method, re.sub(r"\{\w+[^}]*\}", "x", call.path))
        if rate is not None:
            kinds[f"{call.method} {call.path}"] = rate.kind
    assert not [asked for asked in kinds if any(part in asked for part in FREE)]
    assert not [
        asked for asked in kinds if not asked.startswith("GET") and kinds[asked] not in {"replay", "upload", "configure", "study"}
    ]
    here = {"search", "history", "why", "performance", "replay", "print", "audit", "witness", "study", "figure"}
    assert set(kinds.values()) >= here, "a rate that fits no route guards nothing"
    assert {rate.kind for rate in RATES} - here == {"upload", "export", "configure"}  # of the plant's own routes: test_uploads


async def test_one_person_is_slowed_and_nobody_else(console: Any, consoles: Callable[..., Any], node: Any, hashed: str) -> None:
    with node.records.session() as session:
        add_person(session, NewPerson("other", Label(zh="另"), (Held("safety_officer"),)), hashed, node.clock, must_change=False)
    other = consoles("10.0.0.8")
    await console.sign_in("gas")
    await other.sign_in("other")
    answers = [await console.post("/api/v1/replay/what-if", json={}) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {422}
    assert answers[20].status_code == 429
    assert answers[20].json()["code"] == "too-many-requests"
    assert int(answers[20].headers["retry-after"]) >= 1
    assert (await other.post("/api/v1/replay/what-if", json={})).status_code == 422
    node.feed("AT-203", 0.7)
    await node.settle()
    (alarm,) = (await console.get("/api/v1/alarms")).json()["items"]
    body = {"episode": alarm["episode"], "priority": alarm["priority"]}
    for step in ("silence", "acknowledge"):
        done = await console.post(f"/api/v1/alarms/{alarm['id']}/{step}", json=body)
        assert done.status_code == 200, done.text
