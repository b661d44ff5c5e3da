"""Bow-ties and nets over the API: what the plant tells moves them, and what is only assumed is kept nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from anlan.model.quality import BAD_COMMUNICATION
from anlan.risk.studies.live import LiveStudies
from tests.web.conftest import Console, Node
from tests.web.test_study_routes import PATH, put, said

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
BOW_TIE = """\
study: release
kind: bow-tie
name: {zh: 氯气泄漏, en: Chlorine release}
place: hualan/U200
top-event: {zh: 氯气泄漏, en: Chlorine escapes}
barriers:
  detection: {kind: active, pfd: 0.01, degraded-pfd: 0.1, health: {needs: 1, of: [{point: AT-203, when: bad}, {alarm: LT-301.H}]}}
  scrubber: {kind: active, pfd: 0.1}
threats:
  corrosion: {frequency: 0.001}
consequences:
  cloud: {severity: 5, barriers: [detection, scrubber]}
"""
TREE = """\
study: blind
kind: fault-tree
name: {zh: 失去探测, en: Blind}
place: hualan/U200
gates: {blind: {or: [detection, power]}}
events: {detection: 0.01, power: 0.01}
live: {detection: {barrier: release/detection}}
"""
NET = """\
study: leak
kind: net
name: {zh: 泄漏判断, en: Is it a leak}
place: hualan/U200
query: [leak]
nodes:
  leak: 0.001
  smell: {parents: [leak], rows: {no: 0.01, yes: 0.7}}
  alarm: {noisy-or: {leak: 0.9}, leak: 0.001, live: {point: AT-203, when: "> 0.5", else: no}}
"""


async def failure_of(node: Node, console: Console, study: str, words: str) -> str:
    """Once it says so; what it says at the end otherwise."""
    live, told = LiveStudies.of(node.context), ""
    for _ in range(400):
        rung = live.moved.count
        told = next(str(one["failure"]) for one in (await console.get(PATH)).json()["items"] if one["id"] == study)
        if words in told:
            return told
        await live.moved.wait(rung, within=0.1)
    return told


async def test_the_plant_moves_them_and_what_is_assumed_is_kept_nowhere(node: Node, console: Console, consoles: Any) -> None:
    await console.sign_in("safety")
    for text, study in ((BOW_TIE, "release"), (TREE, "blind"), (NET, "leak")):
        assert (await put(console, text, study=study)).status_code == 200
    node.feed("LT-301", 50)
    node.feed("AT-203", 0.0)
    await node.settle()
    calm = await said(node, console, 1.0, 0.0)
    assert calm["id"] in ("release", "blind")
    node.feed("LT-301", 85)
    await node.settle()
    degraded = await said(node, console, 10.0, 0.0)
    assert (degraded["id"], degraded["outcome"]["moved"][0]["what"]) == ("release", "detection")
    node.feed("AT-203", 0.6, BAD_COMMUNICATION)
    await node.settle()
    assert (await said(node, console, 100.0, 0.0))["id"] == "release"
    assert (await said(node, console, 1 / 0.0199, 0.0))["id"] == "blind", "another study sees that the barrier is lost"

    figure = (await console.get(f"{PATH}/release/figure")).json()["figure"]
    assert (figure["barriers"]["detection"]["health"], figure["barriers"]["scrubber"]["health"]) == ("failed", "unwatched")
    assumed = await console.post(
        "/api/v1/risk/bow-ties/release/as-if", json={"barriers": {"detection": "effective", "scrubber": "failed"}}
    )
    assert assumed.json()["figure"]["consequences"][0]["factor"] == pytest.approx(10)
    wrong = await console.post("/api/v1/risk/bow-ties/release/as-if", json={"barriers": {"wall": "failed"}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "input")
    assert (await console.get(f"{PATH}/release/figure")).json()["figure"]["consequences"][0]["factor"] == pytest.approx(100)

    node.feed("AT-203", 0.6)
    await node.settle()
    posterior = 0.001 * 0.9001 / (0.001 * 0.9001 + 0.999 * 0.001)
    assert (await said(node, console, posterior / 0.001, 0.0))["id"] == "leak"
    ask = await console.post("/api/v1/risk/nets/leak/ask", json={"evidence": {"smell": "yes"}, "explain": ["leak"]})
    told = ask.json()["figure"]["explanations"][0]
    with_smell = posterior * 0.7 / (posterior * 0.7 + (1 - posterior) * 0.01)
    assert told["posterior"] == pytest.approx(with_smell)
    assert {one["node"] for one in told["moved"]} == {"alarm", "smell"}
    alone = await console.post("/api/v1/risk/nets/leak/ask", json={"evidence": {"smell": "yes"}, "live": False})
    assert alone.json()["figure"]["nodes"]["leak"]["posterior"]["yes"] == pytest.approx(0.0007 / (0.0007 + 0.00999))
    never = await console.post("/api/v1/risk/nets/leak/ask", json={"evidence": {"smel": "yes"}})
    assert (never.status_code, never.json()["code"]) == (422, "net-question")
    for kind in ("release", "leak"):
        assert (await console.get(f"/api/v1/print/risk/studies/{kind}")).content.startswith(b"%PDF")

    # Facts that exclude each other in a net are told, and it is computed again once they no longer do.
    twin = NET.replace("study: leak", "study: twin") + "  twin: {and: [alarm], live: {alarm: LT-301.H, else: no}}\n"
    assert (await put(console, twin, study="twin")).status_code == 200
    for level, words in ((50, "exclude each other"), (85, "None"), (50, "exclude each other")):
        node.feed("LT-301", level)
        await node.settle()
        assert words in await failure_of(node, console, "twin", words)

    # A bow-tie on the tree of another study follows its next version, and tells when that is gone.
    linked = (
        BOW_TIE.replace("study: release", "study: linked")
        .replace("pfd: 0.1}", "gate: blind}")
        .replace("top-event", "tree: blind\ntop-event", 1)
    )
    assert (await put(console, linked, study="linked")).status_code == 200
    shown = (await console.get(f"{PATH}/linked/figure")).json()["figure"]
    assert shown["consequences"][0]["baseline"] == pytest.approx(0.001 * 0.01 * 0.0199)
    assert (await put(console, TREE.replace("power: 0.01", "power: 0.2"), 1, "blind")).status_code == 200
    shown = (await console.get(f"{PATH}/linked/figure")).json()["figure"]
    assert shown["consequences"][0]["baseline"] == pytest.approx(0.001 * 0.01 * 0.208)
    assert (await console.delete(f"{PATH}/blind", params={"base": 2, "reason": "no longer ours"})).status_code == 200
    lost = next(one for one in (await console.get(PATH)).json()["items"] if one["id"] == "linked")
    assert "there is no fault tree blind" in lost["failure"]["en"]
    branch = consoles()
    await branch.sign_in("branch")
    assert (await branch.post("/api/v1/risk/nets/leak/ask", json={})).status_code == 404
    assert (await branch.post("/api/v1/risk/bow-ties/release/as-if", json={})).status_code == 404
