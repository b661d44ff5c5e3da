"""Studies over the API: a tree moves with the node's readings, drafts are tried out, versions kept with reason and audit leaf."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from math import exp
from typing import Any

import pytest
import sqlalchemy as sa
from pypdf import PdfReader

from anlan.guard.records import AuditLeaf
from anlan.model.clock import SECOND
from anlan.model.errors import StoreError
from anlan.model.quality import BAD_COMMUNICATION
from anlan.risk.bowties.kind import BowTies
from anlan.risk.failures.service import FailureService
from anlan.risk.failures.store import FailureStore
from anlan.risk.studies.live import LiveStudies
from anlan.risk.studies.of_trees import FaultTrees
from anlan.risk.studies.plant_service import PlantAnswers
from anlan.risk.studies.service import StudyService
from tests.web.conftest import Console, Node

pytestmark = [pytest.mark.timeout(120)]
PATH = "/api/v1/risk/studies"
TEXT = """\
study: gas-unseen
kind: fault-tree
name: {zh: 泄漏未被发现, en: Leak unseen}
place: hualan/U200
gates: {unseen: {and: [leak, blind]}}
events: {leak: 0.01, blind: 0.1}
live:
  leak: {point: AT-203, when: "> 0.5", then: 0.4}
  blind: {alarm: LT-301.H}
"""


async def put(console: Console, text: str = TEXT, base: int | None = None, study: str = "gas-unseen") -> Any:
    return await console.put(f"{PATH}/{study}", json={"text": text, "base": base, "reason": "as agreed"})


async def said(node: Node, console: Console, factor: float, unknown: float) -> dict[str, Any]:
    """The study's row once it says so."""
    live = LiveStudies.of(node.context)
    row: dict[str, Any] = {}
    for _ in range(400):
        rung = live.moved.count
        for row in (await console.get(PATH)).json()["items"]:
            told = row["outcome"]
            if told is not None and told["factor"] == pytest.approx(factor) and told["unknown"] == unknown:
                return row
        await live.moved.wait(rung, within=0.1)
    raise AssertionError(row)


async def kept(node: Node, console: Console, factor: float) -> list[dict[str, Any]]:
    """What it said so far, once the last of it is this factor, with all that is known by then."""
    live = LiveStudies.of(node.context)
    rows: list[dict[str, Any]] = []
    for _ in range(100):
        await live.look()
        rows = (await console.get(f"{PATH}/gas-unseen/history")).json()["items"]
        if rows and rows[-1]["factor"] == pytest.approx(factor):
            return rows
        await asyncio.sleep(0.02)
    raise AssertionError(rows)


async def test_the_tree_moves_with_the_readings_and_keeps_what_it_said(node: Node, console: Console) -> None:
    await console.sign_in("safety")
    assert (await put(console)).json()["version"] == 1
    first = await said(node, console, 1.0, 1.0)
    assert "no data yet" in str(first["outcome"]["moved"]).lower()
    node.feed("LT-301", 50)
    node.feed("AT-203", 0.6)
    await node.settle()
    high = await said(node, console, 40.0, 0.0)
    assert [(one["what"], one["factor"]) for one in high["outcome"]["moved"]] == [("leak", pytest.approx(40.0)), ("blind", 1.0)]
    assert high["outcome"]["moved"][0]["why"]["en"] == "AT-203 is 0.6 ppm: > 0.5 holds"
    node.feed("LT-301", 85)
    await node.settle()
    await said(node, console, 400.0, 0.0)
    node.feed("AT-203", 0.0, BAD_COMMUNICATION)
    await node.settle()
    blind = await said(node, console, 400.0, 0.5)
    assert blind["outcome"]["moved"][0]["last"] is True, "lost from view, the gas does not count as gone"
    node.feed("AT-203", 0.1)
    await node.settle()
    await said(node, console, 10.0, 0.0)
    assert (await kept(node, console, 400.0))[-1]["unknown"] == 0.5, "what is better is not kept at once"
    node.clock.advance(20 * SECOND)
    assert (await kept(node, console, 10.0))[-1]["unknown"] == 0.0
    node.feed("AT-203", 0.6)
    await node.settle()
    node.feed("AT-203", 0.0, BAD_COMMUNICATION)
    await node.settle()
    await said(node, console, 400.0, 0.5)
    history = await kept(node, console, 400.0)

    again = LiveStudies(node.context)
    again.facts._known.clear()  # as a new process begins
    await again.load()
    await again.look()
    assert again.running["gas-unseen"].outcome is not None
    assert again.running["gas-unseen"].outcome.factor == pytest.approx(400), "adverse evidence outlives a restart"
    assert len((await console.get(f"{PATH}/gas-unseen/history")).json()["items"]) == len(history)

    figure = (await console.get(f"{PATH}/gas-unseen/figure")).json()["figure"]
    assert figure["nodes"]["leak"]["probability"] == 0.4
    as_if = await console.post(f"{PATH}/gas-unseen/solve", json={"facts": {"point AT-203 > 0.5": False}})
    assert as_if.json()["outcome"]["factor"] == pytest.approx(10)
    unknown = await console.post(f"{PATH}/gas-unseen/solve", json={"facts": {"point X": False}})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "input")
    paper = await console.get("/api/v1/print/risk/studies/gas-unseen")
    text = re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in PdfReader(BytesIO(paper.content)).pages))
    for words in (
        "Minimalcutsets",
        "Importance",
        "Rangeandlimits",
        "Inputs",
        "preparedby",
        "reviewedby",
        "approvedby",
        "page1/",
        "notreplaceDCS",
    ):
        assert words in text, words
    assert "[U+" not in text, "nothing on it is a sign that paper does not draw"


async def test_a_draft_is_tried_out_and_kept_as_a_version(node: Node, console: Console) -> None:
    await console.sign_in("safety")
    await put(console)
    changed = TEXT.replace("blind: 0.1", "blind: 0.2, deaf: 0.001").replace(
        "{and: [leak, blind]}", "{or: [{and: [leak, blind]}, deaf]}"
    )
    told = (await console.post(f"{PATH}/preview", json={"text": changed, "study": "gas-unseen"})).json()
    assert told["mistakes"] == []
    assert told["difference"]["baseline"] == {"before": pytest.approx(0.001), "after": pytest.approx(0.002998)}
    assert told["difference"]["cut_sets"] == {"before": 1, "after": 2, "new": [["deaf"]], "gone": [], "compared": 2000}
    facts = LiveStudies.of(node.context).facts
    node.feed("AT-203", 0.1)
    await node.settle()
    typed = (await console.post(f"{PATH}/preview", json={"text": TEXT.replace("> 0.5", "> 0.625")})).json()
    assert {one["binding"]: one["state"] for one in typed["outcome"]["moved"]}["point AT-203 > 0.625"] is False
    assert "point AT-203 > 0.625" not in map(str, facts._known), "what is only typed is not remembered"
    wrong = TEXT.replace("AT-203", "AT-999").replace("place: hualan/U200", "place: hualan/U900")
    told = (await console.post(f"{PATH}/preview", json={"text": wrong})).json()
    assert [(one["line"], one["text"]["en"].partition(": ")[2]) for one in told["mistakes"]] == [
        (4, "the plant has no place hualan/U900"),
        (8, "the plant has no point AT-999 > 0.5"),
    ]
    refused = await put(console, wrong, 1)
    assert (refused.status_code, refused.json()["code"]) == (422, "study-mistakes")
    assert (await put(console, changed, 1)).json()["version"] == 2
    stale = await put(console, TEXT, 1)
    assert (stale.status_code, stale.json()["code"]) == (409, "stale-study")
    back = await console.post(f"{PATH}/gas-unseen/versions/1/bring-back", json={"base": 2, "reason": "was right"})
    assert (back.json()["version"], back.json()["text"]) == (3, TEXT)
    gone = await console.delete(f"{PATH}/gas-unseen", params={"base": 3, "reason": "no longer ours"})
    assert gone.json() == {"id": "gas-unseen", "removed": True}
    assert (await console.get(f"{PATH}/gas-unseen")).status_code == 404
    versions = (await console.get(f"{PATH}/gas-unseen/versions")).json()["items"]
    assert [(one["version"], one["base"], one["removed"]) for one in versions] == [
        (4, 3, True),
        (3, 2, False),
        (2, 1, False),
        (1, None, False),
    ]
    with node.records.reading() as session:
        leaves = session.scalars(sa.select(AuditLeaf.action).where(AuditLeaf.subject == "gas-unseen").order_by(AuditLeaf.n)).all()
    assert leaves == ["study.create", "study.change", "study.change", "study.remove"]


async def test_whoever_may_not_see_the_place_sees_no_study(console: Console, consoles: Any) -> None:
    await console.sign_in("safety")
    await put(console)
    branch = consoles()
    await branch.sign_in("branch")
    assert (await branch.get(PATH)).json()["items"] == []
    for path in ("", "/figure", "/versions", "/history"):
        assert (await branch.get(f"{PATH}/gas-unseen{path}")).status_code == 404
    assert (await put(branch, TEXT.replace("leak: 0.01", "leak: 0.02"), 1)).status_code == 403
    moved = TEXT.replace("place: hualan/U200", "place: hualan/U300")
    assert (await put(branch, moved, 1)).status_code == 403, "nobody takes another's study into the own branch"


async def test_nobody_learns_by_a_draft_what_they_may_not_see(console: Console, consoles: Any) -> None:
    await console.sign_in("safety")
    tie = "study: flare\nkind: bow-tie\nname: x\nplace: hualan/U200\ntop-event: x\nbarriers: {valve: {kind: active, pfd: 0.1, health: {point: AT-203, when: bad}}}\nthreats: {t: {frequency: 1, barriers: [valve]}}\nconsequences: {c: {severity: 3}}\n"
    assert (await put(console, tie, study="flare")).status_code == 200
    branch = consoles()
    await branch.sign_in("branch")
    own = TEXT.replace("place: hualan/U200", "place: hualan/U300")
    for hidden in ('{point: AT-203, when: "> 0.5"', "{alarm: AT-203.H", "{barrier: flare/valve"):
        text = own.replace('{point: AT-203, when: "> 0.5"', hidden)
        told = (await branch.post(f"{PATH}/preview", json={"text": text})).json()
        assert [one["text"]["en"].partition(": ")[2].startswith("the plant has no ") for one in told["mistakes"]] == [True]
        why = {one["what"]: one["why"]["en"] for one in told["outcome"]["moved"]}
        assert why["leak"].startswith("the plant has no ")
        assert (await put(branch, text)).json()["code"] == "study-mistakes"
    assert (await console.post(f"{PATH}/preview", json={"text": own})).json()["mistakes"] == []


async def test_no_study_and_no_question_keeps_the_others_from_following_the_plant(
    node: Node, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(BowTies, "solve", broken)
    await console.sign_in("safety")
    tie = "study: a-first\nkind: bow-tie\nname: x\nplace: hualan/U200\ntop-event: x\nthreats: {t: {frequency: 1}}\nconsequences: {c: {severity: 3}}\n"
    assert (await put(console, tie, study="a-first")).status_code == 200
    await put(console)
    node.feed("LT-301", 50)
    node.feed("AT-203", 0.6)
    await node.settle()
    live = LiveStudies.of(node.context)
    async with live._asking:  # somebody's question takes long
        await said(node, console, 40, 0.0)
    reading = StudyService.of(node.context)._reading
    async with asyncio.timeout(60), asyncio.TaskGroup() as group, reading:  # somebody's text is long
        typed = [group.create_task(console.post(f"{PATH}/preview", json={"text": TEXT})) for _ in range(3)]
        while not reading._waiters or len(reading._waiters) < 3:
            await asyncio.sleep(0)
    told = [task.result().json() for task in typed]
    assert sum(one.get("superseded", False) for one in told) == 2, "of what one person typed meanwhile only the last is read"
    rows = {row["id"]: row for row in (await console.get(PATH)).json()["items"]}
    assert rows["a-first"]["failure"]["en"] == "it cannot be computed: RecursionError"
    first = await asyncio.to_thread(live.store.get, "gas-unseen", 1)
    await put(console, TEXT.replace("blind: 0.1", "blind: 0.2"), 1)
    await live.take(first)  # read more slowly than the version after it
    assert live.running["gas-unseen"].study.number == 2


async def test_the_history_says_since_when_a_study_could_not_be_computed(
    node: Node, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    await console.sign_in("safety")
    await put(console)
    node.feed("LT-301", 50)
    node.feed("AT-203", 0.1)
    await node.settle()
    await kept(node, console, 1.0)

    def broken(*_: object) -> None:
        raise RecursionError

    live = LiveStudies.of(node.context)

    async def rows() -> list[dict[str, Any]]:
        await live.look()
        return list((await console.get(f"{PATH}/gas-unseen/history")).json()["items"])

    with monkeypatch.context() as without:
        without.setattr(FaultTrees, "solve", broken)
        node.feed("AT-203", 0.6)
        await node.settle()
        silent = await rows()
        while silent[-1]["value"] is not None:
            silent = await rows()
        await live.look()
        assert len(await rows()) == len(silent), "it is told once"
    assert (silent[-1]["factor"], silent[-1]["unknown"]) == (None, 1.0)
    told = {one["binding"]: one for one in silent[-1]["facts"]}
    assert told[""]["why"]["en"] == "it cannot be computed: RecursionError"
    assert told["point AT-203 > 0.5"]["state"] is True, "what the plant said meanwhile is kept, too"
    node.clock.advance(11 * SECOND)  # what is better waits
    node.feed("AT-203", 0.1)
    await node.settle()
    assert [one["value"] is None for one in await kept(node, console, 1.0)][-2:] == [True, False]


async def test_studies_follow_the_plant_while_nothing_can_be_kept(
    node: Node, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    await console.sign_in("safety")
    live = LiveStudies.of(node.context)

    def lost(_: object) -> None:
        raise StoreError("the disk is gone")

    async def until(fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not fact():
                await live.moved.wait(live.moved.count, within=0.05)

    with monkeypatch.context() as without:
        without.setattr(live.store, "keep", lost)
        for study in ("gas-unseen", "second"):
            assert (await put(console, TEXT.replace("gas-unseen", study), study=study)).status_code == 200
        node.feed("LT-301", 50)
        node.feed("AT-203", 0.6)
        await node.settle()
        await said(node, console, 40, 0.0)
        await until(lambda: (told := live.running["second"].outcome) is not None and told.factor == pytest.approx(40))
        await until(lambda: "studies" in node.context.faults)
        assert (await console.get(f"{PATH}/second/history")).json()["items"] == []
    await until(lambda: "studies" not in node.context.faults)
    assert [one["factor"] for one in (await console.get(f"{PATH}/second/history")).json()["items"]] == [pytest.approx(40)]


async def test_open_pages_are_told(node: Node, console: Console, address: str) -> None:
    import httpx

    await console.sign_in("safety")
    await put(console)
    cookies = dict(console.cookies)
    async with (
        httpx.AsyncClient(base_url=f"http://{address}", cookies=cookies) as page,
        asyncio.timeout(30),
        page.stream("GET", "/api/v1/risk/stream") as stream,
    ):
        async for line in stream.aiter_lines():
            if '"gas-unseen"' in line and '"unknown":0.0' in line:
                break
            if line.startswith("data:"):
                node.feed("LT-301", 50)
                node.feed("AT-203", 0.6)
                await node.settle()


VALVE = """\
study: valve
kind: fault-tree
name: {zh: 阀}
place: hualan/U200
gates: {open: {or: [xv-1]}}
events: {xv-1: {rate: {failure-data: shutdown-valve undetected}}}
"""


async def test_beside_a_study_stands_what_this_plants_own_failures_would_make_of_it(node: Node, console: Console) -> None:
    await console.sign_in("safety")
    assert (await put(console, VALVE, study="valve")).status_code == 200
    before = (await console.get(f"{PATH}/valve/plant-figures")).json()
    assert (before["of_plant"], [one["taken"] for one in before["items"]]) == (None, ["prior"])
    item = {"item": "XV-1", "equipment": "shutdown-valve"}
    at = [str(node.clock.now() - days * 86_400_000_000) for days in (8000, 1)]
    for told in ({"sort": "in-service", "at": at[0]}, {"sort": "test", "mode": "undetected", "passed": False, "at": at[1]}):
        assert (await console.post("/api/v1/risk/failures/entries", json={**item, **told})).status_code == 200
    after = (await console.get(f"{PATH}/valve/plant-figures")).json()
    (row,) = after["items"]
    assert row["taken"] == "joined"
    assert after["baseline"] == pytest.approx(1 - exp(-row["prior"]["mean"] * 8760), rel=1e-9)
    assert after["of_plant"] == pytest.approx(1 - exp(-row["used"]["mean"] * 8760), rel=1e-9)
    assert (await console.get(f"{PATH}/valve")).json()["outcome"]["baseline"] == after["baseline"], (
        "the study keeps what was written"
    )
    paper = await console.get("/api/v1/print/risk/studies/valve", headers={"Accept-Language": "en"})
    words = " ".join(page.extract_text() for page in PdfReader(BytesIO(paper.content)).pages)
    assert "This plant's own failure data" in words.replace("’", "'")
    assert "the study keeps the published ones" in " ".join(words.split())
    assert (await console.get(f"{PATH}/gas-unseen/plant-figures")).status_code == 404


async def test_counts_that_cannot_be_read_are_never_told_as_nothing_counted(
    node: Node, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    await console.sign_in("safety")
    assert (await put(console, VALVE, study="valve")).status_code == 200

    async def away(*_: object) -> None:
        raise StoreError("the demand log is away")

    with monkeypatch.context() as without:
        without.setattr(FailureService, "_strokes", away)
        told = (await console.get(f"{PATH}/valve/plant-figures")).json()
    assert told["why"]["en"] == "unknown: what this plant has counted could not be read whole"
    assert [one["en"] for one in told["missing"]] == ["The demand log could not be read."]

    def lost(*_: object) -> None:
        raise StoreError("the disk is gone")

    with monkeypatch.context() as without:
        without.setattr(FailureStore, "rows", lost)
        assert (await console.get(f"{PATH}/valve/plant-figures")).status_code == 503
        paper = await console.get("/api/v1/print/risk/studies/valve", headers={"Accept-Language": "en"})
    assert paper.status_code == 200, "the study is printed all the same"
    assert "the disk is gone" in " ".join(page.extract_text() for page in PdfReader(BytesIO(paper.content)).pages)


async def test_what_was_last_known_outlives_a_text_that_cannot_be_read(node: Node, console: Console) -> None:
    await console.sign_in("safety")
    await put(console)
    node.feed("LT-301", 50)
    node.feed("AT-203", 0.6)
    await node.settle()
    await kept(node, console, 40.0)
    live = LiveStudies.of(node.context)
    study = live.running["gas-unseen"].study
    again = LiveStudies(node.context)  # the process after: its release reads the text no more
    again._last = await asyncio.to_thread(again.store.last_results)
    unreadable = replace(study, number=2, written=replace(study.written, text="study: gas-unseen"))
    await again.take(unreadable)
    await again.look()
    rows = await asyncio.to_thread(again.store.results, "gas-unseen", node.clock.now(), node.clock.now() + 1)
    assert rows[-1].value is None
    told = {fact["binding"]: fact["last"] for fact in rows[-1].facts}
    assert told["point AT-203 > 0.5"] is True
    assert told[""] is None


async def test_a_version_that_comes_while_the_plants_figures_are_computed_is_the_one_that_is_told(
    node: Node, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    await console.sign_in("safety")
    assert (await put(console, VALVE, study="valve")).status_code == 200
    item = {"item": "XV-1", "equipment": "shutdown-valve"}
    at = [str(node.clock.now() - days * 86_400_000_000) for days in (8000, 1)]
    for told in ({"sort": "in-service", "at": at[0]}, {"sort": "test", "mode": "undetected", "passed": False, "at": at[1]}):
        assert (await console.post("/api/v1/risk/failures/entries", json={**item, **told})).status_code == 200
    second = VALVE.replace("[xv-1]", "[xv-1, other]").replace("events: {", "events: {other: 0.5, ")
    real, times = PlantAnswers._computed, []

    async def overtaken(*given: Any) -> Any:
        found = await real(*given)
        times.append(found)
        if len(times) == 1:
            assert (await put(console, second, 1, study="valve")).status_code == 200
        return found

    monkeypatch.setattr(PlantAnswers, "_computed", overtaken)
    for _ in range(2):
        answer = (await console.get(f"{PATH}/valve/plant-figures")).json()
        (row,) = answer["items"]
        assert answer["version"] == 2
        assert answer["baseline"] == pytest.approx(1 - 0.5 * exp(-row["prior"]["mean"] * 8760), rel=1e-9)
        assert answer["of_plant"] == pytest.approx(1 - 0.5 * exp(-row["used"]["mean"] * 8760), rel=1e-9)
    assert len(times) == 2, "once for each version; the second answer is the one kept"
