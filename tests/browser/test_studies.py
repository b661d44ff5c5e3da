"""Studies in real Chromium, on the demo plant: what moves the chlorine tree, the drawn tree, a text tried out and kept, and brought back; bow-tie and net."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
PICTURES = os.environ.get("ANLAN_PICTURES")
LONG = 30_000


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def test_studies_from_the_list_to_the_kept_version(node: Any, sign_in: Any) -> None:
    page = sign_in("shen", "/risk/studies")
    row = page.locator('tr[data-id="chlorine-release"]')
    expect(row.locator(".factor")).to_contain_text("×", timeout=LONG)
    expect(page.locator('.ways details.group[open] a[aria-current="page"]')).to_have_text("研究")
    picture(page, "studies")

    row.get_by_role("link").click()
    top = page.locator('.tree-stage [data-key="0"]')
    expect(top).to_contain_text("泄漏且未受控", timeout=LONG)
    expect(page.locator('[data-part="facts"] tbody tr')).to_have_count(8)
    expect(page.locator(".tree-stage .live.unknown, .tree-stage .live.true, .tree-stage .live.false")).not_to_have_count(0)
    picture(page, "study-tree")
    rates = page.locator('[data-part="rates"]')
    expect(rates).to_contain_text("切断阀", timeout=LONG)
    expect(rates.locator("header")).to_contain_text(re.compile(r"×1\.\d"))
    before = page.locator(".tree-stage .node").count()
    top.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tree-stage .node")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".tree-stage .node")).to_have_count(before)
    page.keyboard.press("ArrowDown")
    expect(page.locator('.tree-stage [data-key="0/0"]')).to_be_focused()
    page.get_by_role("tab", name="重要度").click()
    expect(page.locator(".tables tbody tr").first).to_be_visible()

    page.get_by_role("tab", name="文本").click()
    text = page.locator("textarea.code")
    began = text.input_value()
    text.fill(began.replace("caustic: {label: 碱液失效, is: 0.002}", "caustic: {label: 碱液失效, is: 1.2}"))
    expect(page.locator(".mistakes")).to_contain_text("1.2", timeout=LONG)
    line = began[: began.index("caustic: {label")].count("\n") + 1
    expect(page.locator(".lines .wrong")).to_have_text(str(line))
    expect(page.get_by_role("button", name="保存为下一版")).to_be_disabled()
    picture(page, "study-mistake")
    text.fill(
        began.replace("[pump, fan, caustic]", "[pump, fan, caustic, power]").replace(
            "  fan: {label", "  power: {label: 停电, is: 0.05}\n  fan: {label"
        )
    )
    expect(page.locator(".effect")).to_contain_text("新增割集", timeout=LONG)
    expect(page.locator(".effect")).to_contain_text("power")
    picture(page, "study-draft")
    page.fill(".study-editor [name=reason]", "计入停电")
    page.get_by_role("button", name="保存为下一版").click()
    expect(page.locator('[data-part="kind"]')).to_contain_text("版本 2", timeout=LONG)

    page.get_by_role("tab", name="版本").click()
    expect(page.locator('[data-part="versions"] tbody tr').first).to_contain_text("计入停电")
    page.locator('[data-back="1"]').click()
    page.fill("form.back [name=reason]", "停电已另行分析")
    page.locator("form.back .button").click()
    expect(page.locator('[data-part="versions"] tbody tr').first).to_contain_text("停电已另行分析", timeout=LONG)
    page.get_by_role("tab", name="历次结果").click()
    expect(page.locator('[data-part="history"] tbody tr').first).to_contain_text("×", timeout=LONG)
    picture(page, "study-history")

    page.goto("/risk/studies/chlorine-consequences")
    expect(page.locator(".event-tree")).to_contain_text("持续泄漏、静风积聚", timeout=LONG)
    picture(page, "study-events")


PUMP = """\
<opsa-mef><define-fault-tree name="pump"><define-gate name="stopped"><or><basic-event name="motor"/><basic-event name="power"/></or></define-gate>
<define-basic-event name="motor"><float value="0.02"/></define-basic-event><define-basic-event name="power"><float value="0.01"/></define-basic-event>
</define-fault-tree></opsa-mef>
"""


def test_a_new_study_of_a_file_that_is_put_beside_its_text(sign_in: Any, tmp_path: Path) -> None:
    page = sign_in("shen", "/risk/studies/new")
    text = page.locator("textarea.code")
    expect(text).to_be_editable(timeout=LONG)
    text.fill("study: pump-stops\nkind: fault-tree\nname: {zh: 碱液泵停}\nplace: hualan/U200\nfile: pump.xml\n")
    expect(page.locator(".mistakes")).to_contain_text("pump.xml", timeout=LONG)
    (tmp_path / "pump.xml").write_text(PUMP, "utf-8")
    page.set_input_files(".attach [type=file]", tmp_path / "pump.xml")
    expect(page.locator('textarea[data-file="pump.xml"]')).to_have_value(re.compile("define-fault-tree"))
    expect(page.locator(".effect")).to_contain_text("0.0298", timeout=LONG)
    page.fill(".study-editor [name=reason]", "碱液泵单独分析")
    page.get_by_role("button", name="保存为下一版").click()
    expect(page).to_have_url(re.compile(r"/risk/studies/pump-stops$"), timeout=LONG)
    expect(page.locator(".tree-stage .node")).to_have_count(3, timeout=LONG)
    page.get_by_role("tab", name="文本").click()
    expect(page.locator('textarea[data-file="pump.xml"]')).to_have_value(re.compile("define-fault-tree"))


def test_who_may_only_see_reads_the_text(sign_in: Any) -> None:
    page = sign_in("zhuang", "/risk/studies/chlorine-release?tab=text")
    expect(page.locator("textarea.code")).to_have_value(re.compile("study: chlorine-release"), timeout=LONG)
    expect(page.locator("textarea.code")).not_to_be_editable()
    expect(page.get_by_role("button", name="保存为下一版")).to_be_hidden()


def test_a_bow_tie_as_the_plant_is_now(sign_in: Any) -> None:
    page = sign_in("zhuang", "/risk/studies/chlorine-bow-tie")
    barrier = page.locator('[data-at="poisoned/scrubber"]')
    expect(barrier).to_contain_text("事故氯吸收", timeout=LONG)
    expect(page.locator(".tie-box")).to_have_count(7)
    expect(page.locator(".tie-hanging")).to_have_count(3)
    picture(page, "bow-tie-zh")
    before = page.locator(".tie-box.consequence .factor").first.inner_text()
    barrier.focus()
    page.keyboard.press("Enter")
    detail = page.locator(".tie-detail")
    expect(detail).to_contain_text("碱液循环泵")
    expect(detail).to_contain_text("alarm AI-203.L")
    detail.locator('[data-as="failed"]').click()
    expect(barrier).to_have_class(re.compile(r"\bfailed\b.*\bas-if\b"), timeout=LONG)
    expect(page.locator(".bow-tie .assumed")).to_contain_text("假设,非现场实况")
    expect(page.locator(".tie-box.consequence .factor").first).not_to_have_text(before)
    picture(page, "bow-tie-assumed-zh")
    page.locator("[data-reset]").click()
    expect(page.locator(".bow-tie .assumed")).to_be_hidden()
    expect(barrier).not_to_have_class(re.compile(r"\bas-if\b"))

    sign_in.expected.append("503")
    page.route("**/risk/studies/*/figure", lambda route: route.fulfill(status=503, json={"detail": "away"}))
    page.evaluate("document.querySelector('anlan-study').look()")
    expect(page.locator("anlan-study.stale dl.facts-line")).to_have_css("opacity", "0.55")


def test_a_net_is_asked_by_clicks(sign_in: Any) -> None:
    page = sign_in("zhuang", "/risk/studies/chlorine-alarm-true", language="en")
    expect(page.locator(".net-node")).to_have_count(10, timeout=LONG)
    expect(page.locator('.net-state[data-of="at-201"].set')).to_have_count(1)
    picture(page, "net-en")
    page.locator('[data-at="smell=yes"]').click()
    expect(page.locator('[data-at="smell=yes"]')).to_have_attribute("aria-pressed", "true", timeout=LONG)
    expect(page.locator(".net-why")).to_contain_text("Somebody smells it = yes")
    expect(page.locator(".net-view .assumed")).to_contain_text("Assumed, not the plant")
    page.locator('[data-at="ask corrosion"]').click()
    expect(page.locator(".net-sum")).to_contain_text("Corrosion = heavy", timeout=LONG)
    picture(page, "net-assumed-en")
    page.locator("[data-plant]").click()
    expect(page.locator('.net-state[data-of="at-201"].set')).to_have_count(0, timeout=LONG)
    page.locator("[data-reset]").click()
    expect(page.locator(".net-view .assumed")).to_be_hidden()
    expect(page.locator(".net-sum")).to_contain_text("Chlorine leaks = yes")
