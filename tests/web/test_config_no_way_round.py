"""Whatever loosens, by whichever route that changes the configuration: one person alone brings nothing into force (DOMAIN.md 16)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import anlan
from anlan.model.points import Reporting
from anlan.plant.compile import all_rules
from anlan.plant.description import Plant
from anlan.plant.loosening import loosened
from anlan.plant.master_book import write_book
from anlan.plant.service import MasterService, with_rule
from anlan.plant.versions import import_plant, version
from tests.web.config_node import Core, core, sign_in

__all__ = ["core", "sign_in"]
API, GAS = "/api/v1", "AT-1.H"
Change = Callable[[Plant], Plant]


def rule(**change: Any) -> Change:
    return lambda plant: with_rule(plant, next(r for r in all_rules(plant) if r.id == GAS).model_copy(update=change))


def point(**change: Any) -> Change:
    def changed(plant: Plant) -> Plant:
        return plant.model_copy(
            update={"points": tuple(p.model_copy(update=change) if p.id == "AT-1" else p for p in plant.points)}
        )

    return changed


def classes(**change: Any) -> Change:
    def changed(plant: Plant) -> Plant:
        strict, loose = plant.alarms.classes
        return plant.model_copy(
            update={"alarms": plant.alarms.model_copy(update={"classes": (strict.model_copy(update=change), loose)})}
        )

    return changed


def without_rule(plant: Plant) -> Plant:
    return plant.model_copy(update={"rules": tuple(r for r in plant.rules if r.id != GAS)})


def without_point(plant: Plant) -> Plant:
    bare = plant.model_copy(update={"rules": tuple(r for r in plant.rules if r.point != "AT-1")})
    return bare.model_copy(update={"points": tuple(p for p in plant.points if p.id != "AT-1")})


def other_driver(plant: Plant) -> Plant:
    (plc,) = plant.sources
    return plant.model_copy(update={"sources": (plc.model_copy(update={"keep_alive": 60.0}),)})


RULES = {
    "limit": rule(limit=24.0),
    "delay": rule(on_delay=5.0),
    "dead-band": rule(dead_band=3.0),
    "off": rule(enabled=False),
    "priority": rule(priority=4),
    "no class": rule(alarm_class=""),
    "class that demands less": rule(alarm_class="loose"),
    "suppressed": rule(suppress_when="LT-101 > 1"),
}
KINDS = {
    **RULES,
    "alarm gone": without_rule,
    "class changed": classes(shelvable=True),
    "class without tests": classes(test_interval=0),
}
BOOK = {name: KINDS[name] for name in ("limit", "alarm gone", "class changed")}
POINTS = {
    "point gone": without_point,
    "another address": point(address="hr:20 float32"),
    "another place": point(place="works/U200"),
    "another kind": point(kind="temperature", unit="Cel", gas="", principle=""),
    "another principle": point(principle=""),
    "rarer": point(reporting=Reporting(period=60.0)),
}
FOLDER = {"later loss of view": other_driver}


def edits(before: Plant, after: Plant) -> list[dict[str, Any]]:
    """As the page would send them."""
    sides = [
        ("point", {p.id: p for p in before.points}, {p.id: p for p in after.points}),
        ("alarm", {r.id: r for r in before.rules}, {r.id: r for r in after.rules}),
        ("class", {c.id: c for c in before.alarms.classes}, {c.id: c for c in after.alarms.classes}),
    ]
    told = [(what, key, new.get(key)) for what, old, new in sides for key in old if old[key] != new.get(key)]
    own_point_goes = [("point", "AT-1", None)] if "AT-1" not in after.points_by_id else told
    return [
        {"what": what, "id": key, "change": None if one is None else one.model_dump(mode="json")}
        for what, key, one in own_point_goes
    ]  # type: ignore[union-attr]


async def by_page(zhao: Any, node: Any, before: Plant, after: Plant) -> Any:
    return await zhao.post(
        f"{API}/plant/draft/apply", json={"edits": edits(before, after), "base": 1, "reason": "a test of the way"}
    )


async def by_form(zhao: Any, node: Any, before: Plant, after: Plant) -> Any:
    (edit,) = edits(before, after)
    old = next(r for r in all_rules(before) if r.id == GAS).model_dump(mode="json")
    change = {name: value for name, value in edit["change"].items() if value != old[name]}
    return await zhao.patch(f"{API}/alarms/{GAS}/rule", json={"change": change, "base": 1, "reason": "a test of the way"})


async def by_workbook(zhao: Any, node: Any, before: Plant, after: Plant) -> Any:
    book = write_book(after, version(node.records)[0])
    headers = {"Content-Type": "application/octet-stream"}
    return await zhao.post(f"{API}/alarms/master/import?base=1&reason=a+test+of+the+way", content=book, headers=headers)


@pytest.mark.parametrize(
    ("way", "kinds"), [(by_page, KINDS | POINTS), (by_form, RULES), pytest.param(by_workbook, BOOK, marks=pytest.mark.slow)]
)
async def test_one_person_alone_brings_nothing_into_force(
    node: Any, core: Core, sign_in: Any, way: Callable[..., Awaitable[Any]], kinds: dict[str, Change]
) -> None:
    zhao = await sign_in("zhao")
    _, before, _ = version(node.records)
    answers = {name: await way(zhao, node, before, change(before)) for name, change in kinds.items()}
    # A delay or dead-band by the form must be tried first; it is refused before anybody asks for a second person.
    waiting = {
        name: (one.status_code, bool(one.json().get("request"))) for name, one in answers.items() if one.status_code != 422
    }
    assert set(waiting.values()) == {(202, True)}, {name: one.text for name, one in answers.items() if one.status_code != 202}
    assert set(answers) - set(waiting) <= {"delay", "dead-band"}
    assert {one.json()["code"] for one in answers.values() if one.status_code == 422} <= {"trial-needed"}
    assert (version(node.records)[0].number, core.taken) == (1, [])


async def test_a_folder_and_a_version_of_before_are_no_way_round(node: Any, core: Core, sign_in: Any) -> None:
    zhao = await sign_in("zhao")
    _, strict, _ = version(node.records)
    looser = [change(strict) for change in (KINDS | POINTS | FOLDER).values()]
    assert all(loosened(strict, after) for after in looser)
    for after in looser:
        made = await MasterService.of(node.context).replace("root", after, base=1, reason="anlan plant apply", origin="works")
        assert (made.new, made.waiting is not None) == (False, True)
    # Each looser plant was in force once, before it was tightened again: bringing it back loosens.
    for number, after in enumerate(looser):
        import_plant(node.records, after, author="Li", reason="of old", clock=node.clock, onto=2 * number + 1)
        import_plant(node.records, strict, author="Li", reason="tightened", clock=node.clock, onto=2 * number + 2)
    last = 2 * len(looser) + 1
    node.context.plant = replace(node.context.plant, version=last)
    for number in range(len(looser)):
        body = {"base": last, "reason": "as it was"}
        answer = await zhao.post(f"{API}/plant/versions/{2 * number + 2}/bring-back", json=body)
        assert (answer.status_code, bool(answer.json().get("request"))) == (202, True), answer.text
    assert (version(node.records)[0].number, core.taken) == (last, [])


async def test_what_is_read_from_the_field_takes_the_right_to_say_so(node: Any, core: Core, sign_in: Any) -> None:
    """Adding a source takes `source.configure`; a draft or an old version is no way round. `safety` holds `alarm.configure` alone."""
    safety, zhao = await sign_in("safety"), await sign_in("zhao")
    new = {
        "place": "works/U100",
        "kind": "level",
        "unit": "%",
        "source": "plc",
        "address": "hr:40 float32",
        "name": {"zh": "液位", "en": "level"},
    }
    drafts = [
        {"what": "point", "id": "LT-9", "change": new},
        {"what": "point", "id": "LT-101", "change": {"address": "hr:40 float32"}},
    ]
    for edit, place in zip(drafts, ("works/U100", "works/U100/V-101"), strict=True):
        told = (await safety.post(f"{API}/plant/draft/preview", json={"edits": [edit]})).json()
        assert (told["missing_rights"], told["missing_source_rights"]) == ([], [place]), told
        refused = await safety.post(f"{API}/plant/draft/apply", json={"edits": [edit], "base": 1, "reason": "a try"})
        assert (refused.status_code, "Add sources" in refused.json()["detail"]) == (403, True), refused.text
    named = {"what": "point", "id": "LT-101", "change": {"range_high": 110}}
    body = {"edits": [named], "base": 1, "reason": "a new span"}
    assert (await safety.post(f"{API}/plant/draft/apply", json=body)).json()["version"] == 2
    body = {"edits": drafts[1:], "base": 2, "reason": "moved"}
    assert (await zhao.post(f"{API}/plant/draft/apply", json=body)).json()["version"] == 3
    back = await safety.post(f"{API}/plant/versions/2/bring-back", json={"base": 3, "reason": "as it was"})
    assert (back.status_code, core.taken) == (403, [2, 3]), back.text


JUDGED = {
    "node/configuration.py": "guarded, and _import_demo: demo data in records that hold nothing else",
    "node/alarm_commands.py": "guarded",
    "plant/service.py": "guarded",
    "plant/adding.py": "guarded",
    "plant/drawings/service.py": "guarded",
    "plant/approving.py": "self._requests.approve",
    "plant/override_end.py": "restored(now, row), which is what two persons had agreed to before",
    "plant/versions.py": "defines both",
}
"""Each file that makes a version, and what in it asks for the second person."""


def test_every_place_that_makes_a_version_asks_for_the_second_person() -> None:
    source = Path(anlan.__file__).parent
    texts = {path.relative_to(source).as_posix(): path.read_text("utf-8") for path in source.rglob("*.py")}
    makers = {name: text for name, text in texts.items() if re.search(r"\bimport_(plant|folder)\(", text)}
    assert set(makers) == set(JUDGED), "a new way into the configuration must be judged here"
    assert [
        name for name, text in makers.items() if name != "plant/versions.py" and JUDGED[name].partition(",")[0] not in text
    ] == []
