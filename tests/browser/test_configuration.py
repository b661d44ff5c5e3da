"""组态 in real Chromium over a whole node: a draft with a mistake, mended, its effect seen; what loosens waits, and another person approves it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from anlan.guard.passwords import hash_password
from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.clock import SystemClock
from anlan.model.words import Label
from anlan.node.layout import NodeFolder
from anlan.store.records import Records
from tests.browser.conftest import signing_in
from tests.node.test_live_edit import Node

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

SHOWS = 60_000
OWN = "wave-after-wave-9"


@pytest.fixture
def two(works: tuple[Node, httpx.Client], browser: Browser) -> Iterator[Callable[..., Page]]:
    """zhao configures and says what is read, qian approves; neither's account was made by the other."""
    records = Records.open(NodeFolder(works[0].data).records)
    with records.session() as session:
        for account, name in (("zhao", "赵安"), ("qian", "钱宁")):
            new = NewPerson(account, Label(zh=name, en=account), (Held("safety_officer"), Held("instrument")))
            add_person(session, new, hash_password(OWN), SystemClock(), must_change=False)
    records.close()
    with signing_in(browser, works[0].address, OWN, "zhao") as open_:
        yield open_


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("ANLAN_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"configuration-{name}.png"))


def begin_new(page: Page) -> None:
    """A press while a bar above comes is not taken (ready.js): a person presses again."""
    form = page.locator("form.edit")
    for _ in range(5):
        page.locator("[data-act=new]").click()
        try:
            return expect(form).to_be_visible(timeout=3_000)
        except AssertionError:
            continue
    expect(form).to_be_visible()


def put(page: Page, name: str, value: str) -> None:
    page.locator(f'form.edit input[name="{name}"]').fill(value)


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f'form.edit select[name="{name}"]').select_option(value)


def test_a_draft_is_mended_seen_and_put_into_force_by_two(works: tuple[Node, httpx.Client], two: Callable[..., Page]) -> None:
    _, client = works
    before = newest(client)["number"]
    page = two(path="/configuration")
    expect(page.locator("tbody tr").first).to_be_visible(timeout=SHOWS)  # the list has come and moves nothing any more
    expect(page.locator('tr[data-id="PT-3"] [title="works/U100"]')).to_have_text("罐区")
    begin_new(page)
    for name, value in {"id": "TT-7", "name.zh": "塔顶温度", "address": "hr:12 float32"}.items():
        put(page, name, value)
    for name, value in {"place": "works/U100", "kind": "temperature", "unit": "Cel", "source": "plc"}.items():
        choose(page, name, value)
    put(page, "decimals", "many")
    page.locator("form.edit button.main").click()
    wrong = page.locator('form.edit label:has([name="decimals"]) .wrong')
    expect(wrong).to_contain_text("decimals", timeout=SHOWS)
    picture(page, "mistake")
    put(page, "decimals", "1")
    page.locator("form.edit button.main").click()
    expect(page.locator(".draft b")).to_have_text("草稿:1 项更改", timeout=SHOWS)
    page.locator('[data-tab="source"]').click()
    page.locator('tr[data-id="plc"]').click()
    put(page, "name.zh", "联锁柜")
    expect(page.locator('form.edit input[name="options.host"]')).to_have_value("127.0.0.1")
    picture(page, "sources")
    page.locator("form.edit .cancel").click()
    page.locator('[data-tab="place"]').click()
    expect(page.locator('tr[data-id="works/U100"]')).to_contain_text("罐区", timeout=SHOWS)
    picture(page, "places")
    page.locator('[data-tab="alarm"]').click()
    page.locator('tr[data-id="PT-3.H"]').focus()
    page.keyboard.press("Enter")
    put(page, "limit", "9")
    page.locator('[data-tab="point"]').click()
    page.locator('[data-tab="alarm"]').click()
    page.locator('tr[data-id="PT-3.H"]').click()  # what was typed is still there
    page.locator('form.edit input[name="limit"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator(".draft b")).to_have_text("草稿:2 项更改", timeout=SHOWS)
    picture(page, "alarms")
    page.reload()  # the draft outlives the page
    page.locator("[data-act=preview]").click()
    side = page.locator("anlan-configuration .story")
    expect(side).to_contain_text("PT-3.H:报警值 8.0 → 9.0", timeout=SHOWS)
    expect(side).to_contain_text("测点 TT-7")
    expect(side.locator("button.main")).to_have_text("提请第二人批准")
    picture(page, "preview")
    side.locator('[name="reason"]').fill("HAZOP 第 14 项")
    side.locator("form.apply button.main").click()
    sign = page.locator("dialog.aside")
    expect(sign).to_contain_text("以申请人身份签字", timeout=SHOWS)
    picture(page, "sign")
    page.keyboard.press("Escape")
    expect(side).to_contain_text("尚未签名: 赵安")
    other = two("qian", "/configuration?tab=requests")
    other.locator("tbody tr").first.click()
    expect(other.locator("anlan-configuration .story")).to_contain_text("申请人尚未签字", timeout=SHOWS)
    expect(other.locator("[data-decide=approve]")).to_have_count(0)
    page.locator("tbody tr").first.click()
    side.locator("[data-decide=sign]").click()
    sign.locator('[name="password"]').fill(OWN)
    page.keyboard.press("Enter")
    expect(side).to_contain_text("待批: 赵安", timeout=SHOWS)
    expect(side.locator("[data-decide=approve]")).to_have_count(0)
    assert newest(client)["number"] == before, "one person alone brings nothing into force"
    expect(other.locator('.ways a[href="/configuration"] .waiting')).to_have_text("1", timeout=SHOWS)
    other.locator("tbody tr").first.click()
    picture(other, "request")
    other.locator("[data-decide=approve]").click()
    other.locator('dialog.aside [name="password"]').fill(OWN)
    other.locator("dialog.aside button.main").click()
    expect(other.locator("anlan-configuration .story")).to_contain_text("已批准", timeout=SHOWS)
    made = newest(client)
    assert (made["number"], made["author"], made["approved_by"]["zh"]) == (before + 1, "zhao", "钱宁")
    assert client.get("/alarms/PT-3.H/rule").json()["rule"]["limit"] == 9
    expect(other.locator('.ways a[href="/configuration"] .waiting')).to_have_count(0, timeout=SHOWS)
    # Back to what it was: that tightens, so one person may.
    other.locator('[data-tab="versions"]').click()
    other.locator(f'tr[data-id="{before}"]').click()
    other.locator("[data-act=back]").click()
    back = other.locator("anlan-configuration .story")
    expect(back).to_contain_text("PT-3.H:报警值 9 → 8", timeout=SHOWS)
    picture(other, "back")
    back.locator('[name="reason"]').fill("恢复原限值")
    back.locator("form.apply button.main").click()
    expect(other.locator(f'tr[data-id="{before + 2}"]')).to_be_visible(timeout=SHOWS)
    assert client.get("/alarms/PT-3.H/rule").json()["rule"]["limit"] == 8
    # At night: by the roster zhao is alone, loosens alone for a while, and ends it.
    now, me = client.get("/roster/now").json(), page.request.get("/api/v1/me").json()["person"]
    slot = {"day": now["day"], "shift": now["shift"]["id"], "post": "", "people": [me]}
    client.put("/roster", json=slot).raise_for_status()
    change = {"change": {"limit": 9}, "base": before + 2, "reason": "夜间扫线"}
    asked = page.request.patch("/api/v1/alarms/PT-3.H/rule", data=change, headers={"Origin": works[0].address}).json()["request"][
        "id"
    ]
    page.goto(f"/configuration?tab=requests&request={asked}")
    expect(sign).to_contain_text("以申请人身份签字", timeout=SHOWS)
    page.keyboard.press("Escape")
    side.locator("[data-decide=override]").click()
    sign.locator('[name="minutes"]').fill("5")
    sign.locator('[name="note"]').fill("扫线不能等到白班")
    sign.locator('[name="password"]').fill(OWN)
    picture(page, "override-sign")
    page.keyboard.press("Enter")
    expect(side).to_contain_text("生效中,到时自动恢复", timeout=SHOWS)
    expect(page.locator('[data-shell="fault"]')).to_contain_text("赵安 一人放宽 PT-3.H", timeout=SHOWS)
    expect(page.locator(".newest")).to_contain_text("夜间单人放宽生效中", timeout=SHOWS)
    picture(page, "override")
    side.locator("[data-decide=end_override]").click()
    sign.locator("button.main").click()
    expect(side).to_contain_text("尚未复核", timeout=SHOWS)
    expect(page.locator('[data-shell="fault"]')).to_contain_text("待第二人复核", timeout=SHOWS)
    picture(page, "override-ended")
    assert client.get("/alarms/PT-3.H/rule").json()["rule"]["limit"] == 8


def newest(client: httpx.Client) -> dict[str, Any]:
    return dict(client.get("/plant/versions").raise_for_status().json()["items"][0])
