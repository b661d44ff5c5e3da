"""Failure data over the API: entered, counted with what the node saw itself, withdrawn; who may, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anlan.model.clock import DAY, HOUR
from anlan.monitor.records import Calibration
from anlan.monitor.safety.config import Effect, SafetySystem
from anlan.monitor.safety.service import SafetyService
from anlan.risk.failures.folder import FILE, bring_in, export
from anlan.risk.failures.service import FailureService
from anlan.store.ids import uuid7

VALVE = {"item": "XV-101", "equipment": "shutdown-valve"}
DETECTOR = {"item": "AT-203", "equipment": "gas-detector-catalytic", "point": "AT-203"}


async def enter(console: Any, **told: Any) -> Any:
    return await console.post("/api/v1/risk/failures/entries", json=told)


async def row(console: Any, equipment: str, mode: str) -> dict[str, Any]:
    items = (await console.get("/api/v1/risk/failures")).json()["items"]
    return next(one for one in items if (one["equipment"], one["mode"]) == (equipment, mode))


@pytest.fixture
def at(node: Any) -> Any:
    """RFC 3339 of so many days before the node's now."""
    return lambda days: str(int(node.clock.now()) - days * DAY)


async def test_hours_tests_and_failures_update_the_figure_and_a_withdrawn_entry_counts_no_more(
    node: Any, console: Any, at: Any
) -> None:
    await console.sign_in("safety")
    before = await row(console, "shutdown-valve", "undetected")
    assert (before["taken"], before["used"]["mean"]) == ("prior", before["prior"]["mean"])
    assert (await enter(console, sort="in-service", at=at(1000), **VALVE)).status_code == 200
    passed = await enter(console, sort="test", mode="undetected", at=at(500), passed=True, note="stroke test", **VALVE)
    failed = await enter(console, sort="test", mode="undetected", at=at(100), passed=False, note="stuck at 30 %", **VALVE)
    assert [passed.status_code, failed.status_code] == [200, 200]
    found = await row(console, "shutdown-valve", "undetected")
    assert found["history"] | {"hours": round(found["history"]["hours"])} == {
        "hours": 24_000, "tests": 2, "demands": 0, "failures": 1, "items": ["XV-101"], "told": {"person": 2}, "unnamed": 0,
    }  # fmt: skip
    prior, used = found["prior"], found["used"]
    assert found["exposure"] == pytest.approx(21_600, abs=0.1), "what has happened since the last test nobody knows"
    assert any("2400 h lie after each item's last test" in one["en"] for one in found["remarks"])
    assert any("a study that names this entry counts with the published 2.098e-06" in one["en"] for one in found["remarks"])
    assert used["mean"] == pytest.approx(1.5 / (0.5 / prior["mean"] + 21_600), rel=1e-6), (
        "one failure so soon contradicts the source"
    )
    assert (found["failures"], found["taken"], found["conflict"], found["confidence"]) == (1, "weakened", "worse", "from-memory")
    gone = await console.post(f"/api/v1/risk/failures/entries/{failed.json()['id']}/withdraw", json={"reason": "wrong tag"})
    assert gone.json()["withdrawn"]["reason"] == "wrong tag"
    assert (await row(console, "shutdown-valve", "undetected"))["failures"] == 0
    again = await console.post(f"/api/v1/risk/failures/entries/{failed.json()['id']}/withdraw", json={"reason": "wrong tag"})
    assert again.status_code == 409
    listed = (await console.get("/api/v1/risk/failures/entries?item=XV-101")).json()["items"]
    assert [(one["sort"], one["withdrawn"] is not None) for one in listed] == [
        ("test", True),
        ("test", False),
        ("in-service", False),
    ]


async def test_items_of_another_branch_are_a_number_and_their_points_unknown(node: Any, console: Any, at: Any) -> None:
    await console.sign_in("safety")
    valve = {**VALVE, "point": "AT-203"}
    assert (await enter(console, sort="in-service", at=at(1000), **valve)).status_code == 200
    await console.sign_in("branch")
    found = (await row(console, "shutdown-valve", "undetected"))["history"]
    assert (found["items"], found["unnamed"]) == ([], 1)
    told = await enter(console, sort="failure", mode="undetected", at=at(1), **valve)
    assert (told.status_code, told.json()["detail"]) == (404, "there is no point AT-203")


async def test_a_calibration_is_a_test_and_told_by_a_person_too_counts_once(node: Any, console: Any, at: Any) -> None:
    now = int(node.clock.now())
    with node.records.session() as session:
        for days, within in ((50, True), (20, False)):
            session.add(
                Calibration(
                    id=uuid7(node.clock), point="AT-203", began_at=now - days * DAY - HOUR, ended_at=now - days * DAY, gas_on=None,
                    person=uuid7(node.clock), name_zh="x", name_en="x", post="", gas="cl2", applied=1.0, unit="ppm", as_found=0.9, as_left=1.0,
                    t90=None, measured={}, judged=[{"quantity": "as_found_error", "within": within}], result="", certificate="", reason="", next_due="",
                )
            )  # fmt: skip
    await console.sign_in("safety")
    await enter(console, sort="in-service", at=at(100), **DETECTOR)
    found = await row(console, "gas-detector-catalytic", "undetected")
    assert (found["history"]["tests"], found["failures"], found["history"]["told"]) == (2, 1, {"calibration": 2})
    await enter(console, sort="test", mode="undetected", at=at(20), passed=True, **DETECTOR)
    found = await row(console, "gas-detector-catalytic", "undetected")
    assert (found["history"]["tests"], found["failures"]) == (2, 1)


async def test_what_cannot_be_is_refused_and_who_may_not_enters_nothing(console: Any, at: Any) -> None:
    await console.sign_in("safety")
    refusals = [
        ({"sort": "failure", "mode": "undetected", "at": at(1), **VALVE}, 409, "command-refused"),
        ({"sort": "in-service", "at": at(-1), **VALVE}, 422, "failure-data"),
        ({"sort": "in-service", "at": at(1), "item": "X V", "equipment": "shutdown-valve"}, 422, "failure-data"),
        ({"sort": "in-service", "at": at(1), "item": "XV-1", "equipment": "valve"}, 404, "not-found"),
        ({"sort": "in-service", "at": at(1), "item": "XV-1", "equipment": "shutdown-valve", "point": "XV-9"}, 404, "not-found"),
    ]
    for told, status, code in refusals:
        answer = await enter(console, **told)
        assert (answer.status_code, answer.json()["code"]) == (status, code), told
    await enter(console, sort="in-service", at=at(10), **VALVE)
    unsaid = await enter(console, sort="test", mode="undetected", at=at(1), **VALVE)
    assert (unsaid.status_code, unsaid.json()["code"]) == (422, "failure-data")
    await console.sign_in("gas")
    assert (await enter(console, sort="in-service", at=at(10), **VALVE)).status_code == 403


async def test_a_plant_folder_takes_the_entries_along_and_brings_them_back_once(
    node: Any, console: Any, at: Any, tmp_path: Path
) -> None:
    await console.sign_in("safety")
    await enter(console, sort="in-service", at=at(1000), **VALVE)
    failed = await enter(console, sort="test", mode="undetected", at=at(100), passed=False, note="stuck, at 30 %", **VALVE)
    wrong = await enter(console, sort="test", mode="undetected", at=at(50), passed=True, **VALVE)
    await console.post(f"/api/v1/risk/failures/entries/{wrong.json()['id']}/withdraw", json={"reason": "wrong tag"})
    assert failed.status_code == 200
    assert export(node.records, tmp_path, node.clock) == tmp_path / FILE
    bring_in(node.records, tmp_path, node.clock)
    found = await row(console, "shutdown-valve", "undetected")
    assert (found["history"]["tests"], found["failures"]) == (1, 1), "the same node knows them already"
    other = tmp_path / "other"
    other.mkdir()
    (other / FILE).write_text((tmp_path / FILE).read_text("utf-8").replace("XV-101", "XV-102"), "utf-8")
    for _ in range(2):
        bring_in(node.records, other, node.clock)
    found = await row(console, "shutdown-valve", "undetected")
    assert (found["history"]["items"], found["history"]["tests"], found["failures"]) == (["XV-101", "XV-102"], 2, 2)


async def test_a_safety_function_is_computed_and_a_mistake_has_its_line(console: Any) -> None:
    await console.sign_in("gas")
    text = "sif: SIF-07\nfinal:\n  - {architecture: 1oo1, lambda-du: 1.0e-6, proof-test: 8760}\n"
    found = (await console.post("/api/v1/risk/pfd", json={"text": text})).json()
    assert (found["pfd_avg"], found["band"]) == (pytest.approx(4.38e-3), 2)
    assert "systematic capability: not assessed" in found["remarks"]
    wrong = await console.post("/api/v1/risk/pfd", json={"text": text.replace("1oo1", "2oo1")})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "lopa")
    assert "sif.yaml:3" in wrong.json()["detail"]


async def test_a_stroke_on_demand_is_counted_entered_once_and_stays_withdrawn(
    node: Any, console: Any, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demand log itself is `test_safety_routes.py`'s; here is what becomes of its lines."""
    service, moment = FailureService.of(node.context), int(node.clock.now()) - DAY
    stroke = {"effect": "XV-101", "required": 8.0, "seconds": 9.5, "already": False, "within": False}
    late, known = {"at": moment, "strokes": [stroke]}, {"at": moment + HOUR, "strokes": [{**stroke, "already": True}]}

    async def log(self: SafetyService, start: int, end: int) -> list[dict[str, Any]]:
        return [late, known] if start < moment < end else []

    monkeypatch.setattr(SafetyService, "whole_log", log)
    monkeypatch.setattr(SafetyService, "system", SafetySystem(effects=(Effect(id="XV-101", closed="XV-101.ZSC", stroke_time=8),)))
    assert await service.keep_strokes() == 0, "nothing is in service"
    await console.sign_in("safety")
    await enter(console, sort="in-service", at=at(100), **VALVE)
    found = await row(console, "shutdown-valve", "undetected")
    assert (found["history"]["demands"], found["failures"], found["history"]["told"]) == (1, 1, {"stroke": 1})
    assert [await service.keep_strokes(), await service.keep_strokes()] == [1, 0]
    found = await row(console, "shutdown-valve", "undetected")
    assert (found["history"]["demands"], found["history"]["told"]) == (1, {"stroke": 1})
    kept = (await console.get("/api/v1/risk/failures/entries?item=XV-101")).json()["items"][0]
    assert (kept["sort"], kept["passed"], kept["by"]["en"]) == ("demand", False, "this node")
    await console.post(f"/api/v1/risk/failures/entries/{kept['id']}/withdraw", json={"reason": "valve was in test"})
    assert await service.keep_strokes() == 0
    assert (await row(console, "shutdown-valve", "undetected"))["history"]["demands"] == 0
