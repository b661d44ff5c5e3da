"""Layers of protection as a study on a node: a fact of the plant takes a layer away, the page is drawn from it, the paper has its steps."""

from __future__ import annotations

from typing import Any

import pytest

from anlan.model.quality import BAD_COMMUNICATION
from tests.web.conftest import Console, Node

PATH = "/api/v1/risk/studies/gas-burns"
TEXT = """\
study: gas-burns
kind: lopa
name: {zh: 泄漏着火, en: Leak burns}
place: hualan/U200
consequence: {zh: 着火, en: fire}
target: {per-year: 1.0e-4, source: criterion}
causes:
  leak: {per-year: 0.1, source: book}
layers:
  detection: {name: {zh: 探测与切断, en: detection and shut-off}, sort: sif, pfd: 0.01, source: certificate, lost: {point: AT-203, when: bad}}
  response: {sort: alarm, pfd: 0.1, minutes: 15, by: anlan, source: book}
"""


async def shown(node: Node, console: Console) -> Any:
    await node.settle()
    live = node.reader.live()
    node.context.live.update(live.point, live.time, live.value, live.quality, node.clock.now())
    return (await console.get(f"{PATH}/figure")).json()


async def test_a_lost_layer_is_a_factor_with_its_reason(node: Node, console: Console) -> None:
    node.tick("up")
    node.feed("AT-203", 0.1)
    await console.sign_in("safety")
    made = await console.put(PATH, json={"text": TEXT, "base": None, "reason": "as agreed"})
    assert made.status_code == 200, made.text
    calm = await shown(node, console)
    assert (calm["outcome"]["unit"], calm["outcome"]["factor"]) == ("/a", 1)
    assert calm["figure"]["mitigated"] == pytest.approx(1e-3)
    assert calm["figure"]["needed_pfd"] == pytest.approx(1e-3)
    steps = {one["id"]: one for one in calm["figure"]["paths"][0]["steps"]}
    assert steps["response"]["why"]["en"] == "alarms of this program are no independent layer"
    node.feed("AT-203", 0.1, BAD_COMMUNICATION)
    lost = await shown(node, console)
    assert lost["outcome"]["factor"] == pytest.approx(100)
    assert lost["outcome"]["moved"][0]["what"] == "detection"
    assert next(one for one in lost["figure"]["layers"] if one["id"] == "detection")["lost"]
    paper = await console.get("/api/v1/print/risk/studies/gas-burns?language=zh")
    assert paper.content.startswith(b"%PDF")
    wrong = await console.put(PATH, json={"text": TEXT.replace("pfd: 0.01", "pfd: 1.3"), "base": 1, "reason": "as agreed"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "study-mistakes")
