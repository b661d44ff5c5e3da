"""A changed dead-band or delay is put into force with the effect that the node itself has replayed; what a client claims counts for nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import func, select

from anlan.guard.records import AuditLeaf
from anlan.model.clock import DAY, HOUR, MINUTE, SECOND
from anlan.model.errors import StoreError
from anlan.monitor import api as monitor_api
from anlan.monitor import trials as trials_module
from anlan.monitor.records import TrialRow
from anlan.node.configuration import engine_config_in_force, view_of
from anlan.plant import api as plant_api
from anlan.plant.compile import all_rules
from anlan.plant.folder import load
from anlan.plant.master_book import write_book
from anlan.plant.service import with_rule
from anlan.plant.version import Imported
from anlan.plant.versions import import_plant, version, versions
from anlan.web.app import build_app
from anlan.web.metrics import Meter
from tests.web.conftest import ROOMS, console_of

pytestmark = pytest.mark.slow  # many nodes are built; the quick tests stay below three minutes

PLANT = """\
plant: {id: works, name: 示例企业}
posts: [{id: panel, name: 内操}]
places: [{id: U100, name: 罐区, post: panel}]
sources: [{id: plc, driver: modbus, host: 127.0.0.1, port: 1, keep_alive: 60}]
alarms: {stale: none, bad: none}
"""
POINTS = """\
id,place,name_zh,kind,unit,range_low,range_high,source,address,reporting,period,H,HH,priority,consequence_zh,corrective_action_zh,time_to_respond
LT-1,U100,A,level,%,0,100,plc,hr:0 float32,on_change,3600,60,80,3,溢流,停泵,600
LT-2,U100,B,level,%,0,100,plc,hr:2 float32,on_change,3600,90,,3,溢流,停泵,600
"""


class Core:
    """Takes configurations as the node does."""

    def __init__(self, node: Any) -> None:
        self.node = node

    async def bring_into_force(self, imported: Imported) -> None:
        number = imported.version.number
        self.node.context.plant = self.node.view = view_of(imported.plant, imported.numbers, number)


@pytest.fixture
def works(node: Any, people: None, tmp_path: Path) -> Any:
    """LT-1 has been above H for 2 s and for 20 s; LT-2 has never sent anything."""
    node.records.migrate({**ROOMS, "plant": "anlan.plant"})
    folder = tmp_path / "works"
    folder.mkdir()
    (folder / "plant.yaml").write_text(PLANT, "utf-8")
    (folder / "points.csv").write_text(POINTS, "utf-8")
    made = import_plant(node.records, load(folder), author="Li", reason="first", clock=node.clock)
    node.context.plant = node.view = view_of(made.plant, made.numbers, 1)
    node.context.extras["monitor.engine_config"] = lambda: engine_config_in_force(node.records)
    node.context.extras["plant.running"] = Core(node)
    for value in [50.0] * 5 + [65.0] * 2 + [50.0] * 10 + [65.0] * 20 + [50.0] * 5:
        node.feed("LT-1", value)
    return node


async def console_on(node: Any) -> AsyncIterator[Any]:
    app = build_app(node.context, routes=[plant_api.routes, monitor_api.routes])
    async with app.router.lifespan_context(app), console_of(app) as console:
        await console.sign_in("admin")
        yield console


@pytest.fixture
async def admin(works: Any) -> AsyncIterator[Any]:
    async for console in console_on(works):
        yield console


async def tried(console: Any, node: Any, *changes: dict[str, Any], **headers: str) -> dict[str, Any]:
    end = node.clock.now() + SECOND
    body = {"start": end - 2 * MINUTE, "end": end, "changes": list(changes)}
    answer = await console.post("/api/v1/replay/what-if", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def edit(console: Any, change: dict[str, Any], trial: str | None = None, *, alarm: str = "LT-1.H", base: int = 1) -> Any:
    body = {"change": change, "base": base, "reason": "chatters at each filling"}
    return await console.patch(f"/api/v1/alarms/{alarm}/rule", json=body if trial is None else {**body, "trial": trial})


@pytest.mark.parametrize("field", ["dead_band", "on_delay", "off_delay"])
async def test_without_a_trial_it_is_refused_and_the_answer_says_what_to_try(works: Any, admin: Any, field: str) -> None:
    refused = await edit(admin, {field: 5})
    assert (refused.status_code, refused.json()["code"]) == (422, "trial-needed")
    told = await tried(admin, works, *refused.json()["facts"]["expected"]["changes"])
    assert told["changes"] == {"LT-1.H": {field: 5}}
    assert (await edit(admin, {field: 5}, told["trial"])).status_code == 200


async def test_the_version_and_the_audit_record_carry_what_the_node_itself_replayed(works: Any, admin: Any) -> None:
    told = await tried(admin, works, {"id": "LT-1.H", "on_delay": 5})
    done = await edit(admin, {"on_delay": 5}, told["trial"])
    assert done.status_code == 200, done.text
    kept = versions(works.records)[0].effect
    assert kept is not None
    # By hand: the excursion of 2 s is shorter than the delay, that of 20 s comes 5 s later.
    effect = kept["effect"]
    assert (effect["before"], effect["after"], effect["counts"]["gone"], effect["counts"]["later"]) == (2, 1, 1, 1)
    assert (kept["trial"], kept["account"], kept["version"], kept["unknown"]) == (told["trial"], "admin", 1, [])
    assert (kept["start"], kept["end"], kept["readings"]) == (told["start"], told["end"], 42)
    assert done.json()["effect"] == kept
    with works.records.reading() as session:
        leaf = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "alarm.configure")).one()
    assert leaf.after is not None
    told_of = leaf.after["effect"]
    assert (told_of["trial"], told_of["result"]["before"], told_of["result"]["after"], told_of["result"]["missed"]) == (told["trial"], 2, 1, 0)  # fmt: skip
    assert told_of["digest"] == sha256(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def test_what_a_client_claims_is_not_taken(works: Any, admin: Any) -> None:
    body = {"change": {"on_delay": 5}, "base": 1, "reason": "trust me", "effect": {"gone": 212, "missed": 0}}
    assert (await admin.patch("/api/v1/alarms/LT-1.H/rule", json=body)).status_code == 422
    assert versions(works.records)[0].number == 1


@pytest.mark.parametrize(
    ("alarm", "change", "found", "expected"),
    [
        ("LT-2.H", {"on_delay": 5}, "LT-1.H", "LT-2.H"),
        ("LT-1.H", {"on_delay": 6}, "on_delay 5.0", "on_delay 6.0"),
        ("LT-1.H", {"on_delay": 5, "limit": 70}, "on_delay 5.0", "limit 70.0, on_delay 5.0"),
        ("LT-1.H", {"limit": 70}, "on_delay 5.0", "limit 70.0"),
        ("LT-1.H", {"on_delay": 5, "suppress_when": "LT-2 > 50"}, "on_delay 5.0", "on_delay 5.0, suppress_when LT-2 > 50"),
    ],
)
async def test_a_trial_of_something_else_is_refused(
    works: Any, admin: Any, alarm: str, change: dict[str, Any], found: str, expected: str
) -> None:
    told = await tried(admin, works, {"id": "LT-1.H", "on_delay": 5})
    refused = await edit(admin, change, told["trial"], alarm=alarm)
    assert (refused.status_code, refused.json()["code"]) == (409, "trial-unfit"), refused.text
    facts = refused.json()["facts"]
    assert (facts["found"], facts["expected"]) == (found, expected)
    assert versions(works.records)[0].number == 1


async def test_words_may_be_changed_along(works: Any, admin: Any) -> None:
    told = await tried(admin, works, {"id": "LT-1.H", "on_delay": 5})
    change = {"on_delay": 5, "cause": {"zh": "进料阀内漏", "en": "inlet valve leaks"}}
    assert (await edit(admin, change, told["trial"])).status_code == 200


async def test_a_trial_that_nobody_made_and_one_of_yesterday_are_refused(works: Any, admin: Any) -> None:
    assert (await edit(admin, {"on_delay": 5}, str(uuid4()))).json()["code"] == "trial-unfit"
    told = await tried(admin, works, {"id": "LT-1.H", "on_delay": 5})
    works.clock.advance(DAY - MINUTE)
    await admin.sign_in("admin")
    assert (await admin.get(f"/api/v1/replay/what-if/{told['trial']}")).status_code == 200
    works.clock.advance(2 * MINUTE)
    refused = await edit(admin, {"on_delay": 5}, told["trial"])
    assert (refused.status_code, refused.json()["code"]) == (409, "trial-unfit")
    assert "expired" in refused.json()["detail"]
    assert (await admin.get(f"/api/v1/replay/what-if/{told['trial']}")).status_code == 404


async def test_a_rule_that_was_changed_since_must_be_tried_again_another_rule_matters_not(works: Any, admin: Any) -> None:
    told = await tried(admin, works, {"id": "LT-1.H", "on_delay": 5})
    assert (await edit(admin, {"limit": 85}, alarm="LT-1.HH")).status_code == 200
    assert (await edit(admin, {"on_delay": 5}, told["trial"], base=2)).status_code == 200
    told = await tried(admin, works, {"id": "LT-1.H", "on_delay": 7})
    assert told["version"] == 3
    assert (await edit(admin, {"limit": 58}, base=3)).status_code == 200
    refused = await edit(admin, {"on_delay": 7}, told["trial"], base=4)
    assert refused.json()["code"] == "trial-unfit"
    facts = refused.json()["facts"]
    assert (facts["found"], facts["expected"], facts["what"]) == (3, 4, "alarm LT-1.H: limit 60 → 58")


async def test_several_alarms_tried_together_come_into_force_one_after_the_other(works: Any, admin: Any) -> None:
    told = await tried(admin, works, {"id": "LT-1.H", "on_delay": 5}, {"id": "LT-1.HH", "dead_band": 1})
    assert (await edit(admin, {"on_delay": 5}, told["trial"])).status_code == 200
    assert (await edit(admin, {"dead_band": 1}, told["trial"], alarm="LT-1.HH", base=2)).status_code == 200
    assert [v.effect["changes"] for v in versions(works.records)[:2] if v.effect] == [told["changes"]] * 2


async def test_without_history_the_effect_is_unknown_and_kept_as_unknown(works: Any, admin: Any) -> None:
    told = await tried(admin, works, {"id": "LT-2.H", "on_delay": 5})
    assert (told["effect"], told["unknown"]) == (None, ["LT-2.H"])
    assert (await edit(admin, {"on_delay": 5}, told["trial"], alarm="LT-2.H")).status_code == 200
    kept = versions(works.records)[0].effect
    assert kept is not None
    assert (kept["effect"], kept["unknown"]) == (None, ["LT-2.H"])
    both = await tried(admin, works, {"id": "LT-1.H", "on_delay": 5}, {"id": "LT-2.H", "on_delay": 6})
    assert (both["effect"]["before"], both["unknown"]) == (2, ["LT-2.H"])


async def test_a_history_shorter_than_the_span_is_told(works: Any, admin: Any) -> None:
    told = await tried(admin, works, {"id": "LT-1.H", "on_delay": 5})
    assert told["start"] < told["history_from"] == works.clock.now() - 41 * SECOND


async def test_a_trial_outlives_the_app(works: Any, admin: Any) -> None:
    told = await tried(admin, works, {"id": "LT-1.H", "on_delay": 5})
    rooms = {"monitor.trials", "plant.master", "monitor.past"}
    kept = {name: one for name, one in works.context.extras.items() if name not in rooms}
    works.context = replace(works.context, extras=kept, meter=Meter(), background=[], faults={})
    async for again in console_on(works):
        assert (await again.get(f"/api/v1/replay/what-if/{told['trial']}")).json()["effect"]["before"] == 2
        assert (await edit(again, {"on_delay": 5}, told["trial"])).status_code == 200


async def test_only_so_many_are_kept_of_one_person(works: Any, admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials_module, "MOST_KEPT", 2)
    told = [await tried(admin, works, {"id": "LT-1.H", "on_delay": 5 + n}) for n in range(3) if works.clock.advance(SECOND)]
    with works.records.reading() as session:
        assert session.scalar(select(func.count()).select_from(TrialRow)) == 2
    assert (await edit(admin, {"on_delay": 5}, told[0]["trial"])).status_code == 409
    assert (await edit(admin, {"on_delay": 7}, told[2]["trial"])).status_code == 200


async def test_a_question_repeated_under_its_key_is_the_same_trial(works: Any, admin: Any) -> None:
    end = works.clock.now()
    body = {"start": end - MINUTE, "end": end, "changes": [{"id": "LT-1.H", "on_delay": 5}]}
    first, again = [await admin.post("/api/v1/replay/what-if", json=body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert first.json()["trial"] == again.json()["trial"]
    assert again.headers["Idempotency-Replayed"] == "true"


def book(node: Any, **changed: float) -> bytes:
    current, plant, _ = version(node.records)
    rule = next(r for r in all_rules(plant) if r.id == "LT-1.H")
    return write_book(with_rule(plant, rule.model_copy(update=changed)), current)


async def bring_in(console: Any, data: bytes) -> Any:
    headers = {"Content-Type": "application/octet-stream"}
    return await console.post("/api/v1/alarms/master/import?base=1&reason=summer", content=data, headers=headers)


async def test_a_workbook_is_replayed_while_it_is_applied(works: Any, admin: Any) -> None:
    told = await bring_in(admin, book(works, on_delay=5.0))
    assert told.status_code == 200, told.text
    kept = versions(works.records)[0].effect
    assert kept is not None
    assert told.json()["effect"] == kept
    assert (kept["effect"]["before"], kept["effect"]["after"], kept["changes"]) == (2, 1, {"LT-1.H": {"on_delay": 5.0}})
    assert kept["end"] - kept["start"] == 24 * HOUR


async def test_a_workbook_without_delays_carries_no_effect(works: Any, admin: Any) -> None:
    assert (await bring_in(admin, book(works, limit=59.0))).json()["effect"] is None


async def test_a_history_that_cannot_be_read_holds_nothing_up_but_is_told(
    works: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise StoreError("the disk {disk} is gone", disk="sda")

    monkeypatch.setattr(works.context.history, "read", broken)
    told = await bring_in(admin, book(works, on_delay=5.0))
    assert told.status_code == 200, told.text
    assert (told.json()["effect"]["effect"], told.json()["effect"]["why"]["en"]) == (None, "the disk sda is gone")
