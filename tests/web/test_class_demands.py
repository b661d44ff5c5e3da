"""What an alarm's class demands is held when a person acknowledges or shelves it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.rationalisation import AlarmClass


@pytest.fixture
async def strict(node: Any, console: Any) -> Any:
    """The chlorine alarms are of a class that demands a comment, the tank's of one that may not be shelved."""
    demands = {
        "comment": AlarmClass(id="comment", name=Label(en="comment"), comment_required=True),
        "never": AlarmClass(id="never", name=Label(en="never"), shelvable=False),
    }
    of = {"AT-203": "comment", "LT-301": "never"}
    rules = {
        n: r.model_copy(update={"alarm_class": of.get(r.point, "")})
        for n, r in node.view.rules.items()
        if isinstance(r, AlarmRule)
    }
    node.context.plant = replace(node.context.plant, rules=rules, demands=demands)
    return console


async def test_an_acknowledgement_without_the_comment_is_refused(node: Any, strict: Any) -> None:
    node.feed("AT-203", 0.7)
    await node.settle()
    await strict.sign_in("gas")
    row = (await strict.get("/api/v1/alarms")).json()["items"][0]
    assert row["comment_required"] is True
    body = {"episode": row["episode"], "priority": row["priority"]}
    refused = await strict.post("/api/v1/alarms/AT-203.H/acknowledge", json=body)
    assert (refused.status_code, "demands a comment" in refused.json()["detail"]) == (409, True)
    done = await strict.post(
        "/api/v1/alarms/AT-203.H/acknowledge",
        json={**body, "reason": "valve closed on site"},
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    assert done.status_code == 200, done.text


async def test_an_alarm_whose_class_does_not_allow_it_is_not_shelved(node: Any, strict: Any) -> None:
    node.feed("LT-301", 85)
    await node.settle()
    await strict.sign_in("tanks")
    told = (await strict.get("/api/v1/alarms/LT-301.H")).json()
    assert "does not allow it to be shelved" in told["why_not"]["shelve"]
    body = {"episode": told["episode"], "priority": told["priority"], "reason": "chatters", "until": told["shelve_until"]}
    refused = await strict.post("/api/v1/alarms/LT-301.H/shelve", json=body)
    assert (refused.status_code, "does not allow" in refused.json()["detail"]) == (409, True)
