"""The audit page in real Chromium: entries found, opened with what was before and after, proven by the browser; what is unknown is said."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Page, expect

from anlan.guard.audit import Step
from anlan.guard.heads import SigningKey
from anlan.guard.principal import Principal
from anlan.guard.records import Person, Token
from anlan.guard.witness import Handed
from anlan.guard.witnessing import Witnessing, WitnessRefused
from anlan.model.clock import DAY
from anlan.model.words import Label
from anlan.store.ids import uuid7

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 20_000


@pytest.fixture(scope="module")
def steps(node: Any) -> int:
    """150 steps of people and the node; the number of the first."""
    guard, clock = node.harness.context.guard, node.harness.clock
    shelved = {"who": "node", "action": "alarm.shelve", "reason": "检修 & <b>"}
    numbers = [guard.record(Step(at=clock.now(), subject=f"AT-{n:03}.H", after={"n": n}, **shelved)) for n in range(150)]
    change = {
        "before": {"limit": 24, "names": ["甲", "乙"], "unit": "ppm"},
        "after": {"limit": 30, "names": ["甲"], "unit": "ppm"},
    }
    guard.record(Step(at=clock.now(), who="node", action="alarm.configure", subject="AT-203.HH", reason="两人批准", **change))
    another_node(guard, clock)
    guard.auditor.sign()
    guard.auditor.hand_over()
    guard.auditor.check(rest=0)
    return int(numbers[0])


def another_node(guard: Any, clock: Any) -> None:
    """One whose witness this node is, and that has handed over a record that was cut."""
    by = Principal(
        person=uuid7(clock),
        account="",
        name=Label(zh="x"),
        session=uuid7(clock),
        token=uuid7(clock),
        grants=(),
        from_where="10.0.0.9",
    )
    with guard.records.session() as session:
        person = session.scalars(sa.select(Person)).first()
        facts = {
            "token_hash": b"x",
            "actions": "audit.witness",
            "place": "",
            "used_at": None,
            "used_from": "",
            "revoked_at": None,
        }
        session.add(Token(id=by.token, person_id=person.id, name="氯碱分厂", made_at=0, expires_at=clock.now() + DAY, **facts))
    key, witnessing = SigningKey(Ed25519PrivateKey.generate()), Witnessing(guard.records, clock)
    witnessing.take(by, Handed(key.sign(1042, bytes(32), clock.now()), 0, ()), key.public_pem())
    with pytest.raises(WitnessRefused):
        witnessing.take(by, Handed(key.sign(1040, bytes(32), clock.now()), 0, ()), key.public_pem())


def test_an_entry_is_found_opened_and_proven_by_the_browser(node: Any, sign_in: Any, steps: int) -> None:
    page: Page = sign_in("shen", "/audit")
    rows = page.locator("table.audit tr[data-n]")
    expect(rows).to_have_count(100, timeout=SHOWS)
    page.locator("anlan-audit .more").click()
    expect(rows.nth(149)).to_be_visible(timeout=SHOWS)
    page.locator("select[name=action]").select_option("alarm.configure")
    expect(rows).to_have_count(1, timeout=SHOWS)
    expect(page).to_have_url(re.compile(r"action=alarm\.configure"))
    opened = page.locator("tr.entry")
    page.keyboard.press("Tab")
    rows.first.locator("button").focus()
    page.keyboard.press("Enter")
    expect(opened.locator(".recomputed")).to_have_text("本浏览器已重新计算:一致。", timeout=SHOWS)
    changed = opened.locator("tr.differs")
    expect(changed.first).to_contain_text("limit")
    expect(changed.first).to_contain_text("24")
    expect(changed.first).to_contain_text("30")
    expect(changed).to_have_count(2)
    expect(opened.locator("tr", has_text="unit")).not_to_contain_text("已改")
    picture(page, "audit-entry")
    page.keyboard.press("Enter")
    expect(opened).to_have_count(0)


def test_a_forged_path_is_not_believed_by_the_browser(node: Any, sign_in: Any, steps: int) -> None:
    page: Page = sign_in("shen", "/audit")
    told = page.evaluate(
        """async (n) => {
          const base = document.querySelector('script[src*="/shell.js"]').src.replace('shell.js', '');
          const { proofOf } = await import(base + 'audit_proof.js');
          const leaf = await (await fetch(`/api/v1/audit/${n}`)).json();
          const good = await proofOf(leaf);
          const turned = await proofOf({ ...leaf, proof: { ...leaf.proof, path: leaf.proof.path.slice().reverse() } });
          const another = await proofOf({ ...leaf, text: leaf.text.replace('AT-', 'XT-') });
          return [good, turned, another];
        }""",
        steps,
    )
    assert told == ["本浏览器已重新计算:一致。", "本浏览器已重新计算:不一致。", "本浏览器已重新计算:不一致。"]


def test_text_from_people_is_text_and_a_filter_that_fits_nothing_says_so(node: Any, sign_in: Any, steps: int) -> None:
    page: Page = sign_in("shen", "/audit?text=AT-007")
    rows = page.locator("table.audit tr[data-n]")
    expect(rows).to_have_count(1, timeout=SHOWS)
    expect(rows.first).to_contain_text("检修 & <b>")
    page.locator("input[name=text]").fill("no such words")
    page.keyboard.press("Enter")
    expect(page.locator("anlan-audit .empty")).to_contain_text("没有匹配的记录", timeout=SHOWS)
    page.locator("input[name=start]").fill("yesterday")
    page.keyboard.press("Enter")
    expect(page.locator("anlan-audit form .form-error")).to_contain_text("这不是时间")
    page.locator(".clear").click()
    expect(rows).to_have_count(100, timeout=SHOWS)


@pytest.mark.parametrize(("language", "size"), [("zh", (1920, 1080)), ("en", (1440, 900)), ("zh", (390, 844))])
def test_head_check_and_witness_are_told(node: Any, sign_in: Any, steps: int, language: str, size: tuple[int, int]) -> None:
    page: Page = sign_in("shen", "/audit", language=language, size=size)
    state = page.locator(".audit-state")
    words = {
        "zh": ("最新签名树头", "未发现不一致", "持有本记录至第", "氯碱分厂", "不一致", "1042 条"),
        "en": ("Newest signed head", "no difference found", "holds this record up to", "does not fit", "the record was cut"),
    }
    for one in words[language]:
        expect(state).to_contain_text(one, timeout=SHOWS)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
    picture(page, f"audit-{language}-{size[0]}")


def test_a_difference_is_named_and_leads_to_its_entry(node: Any, sign_in: Any, steps: int) -> None:
    page: Page = sign_in("shen", "/audit")
    records, auditor = node.harness.records, node.harness.context.guard.auditor
    with records.session() as session:
        session.execute(sa.text("DROP TRIGGER IF EXISTS guard_audit_no_update"))
        session.execute(sa.text(f"UPDATE guard_audit SET subject = 'AT-999.H' WHERE n = {steps + 2}"))
    auditor.check(rest=0)
    try:
        page.reload()
        state = page.locator(".audit-state")
        expect(state).to_contain_text(f"首个不一致:第 {steps + 2} 条", timeout=SHOWS)
        expect(page.locator('[data-shell="fault"]')).to_contain_text("审计记录已被改动", timeout=60_000)
        state.locator("[data-show]").click()
        expect(page.locator("table.audit tr[data-n]").first).to_have_attribute("data-n", str(steps + 2), timeout=SHOWS)
        expect(state).to_contain_text("首个不一致")
        expect(state).to_contain_text("是否一致未知")
        picture(page, "audit-difference")
    finally:
        with records.session() as session:
            session.execute(sa.text(f"UPDATE guard_audit SET subject = 'AT-002.H' WHERE n = {steps + 2}"))
        auditor.check(rest=0)


def test_who_may_not_read_it_is_told(node: Any, sign_in: Any) -> None:
    sign_in.expected.append("403")
    page: Page = sign_in("zhuang", "/audit")
    expect(page.locator(".empty.instead")).to_be_visible(timeout=SHOWS)
    assert page.locator('nav a[href="/audit"]').count() == 0


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("ANLAN_ARTEFACTS")
    page.screenshot(path=str(Path(folder) / f"{name}.png")) if folder else None
