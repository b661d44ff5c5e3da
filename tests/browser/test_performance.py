"""The page of the alarm system's performance, the banner of a flood and the list in groups, in real Chromium."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from anlan.model.quality import Reason, Severity, quality

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 15_000
BAD = int(quality(Severity.BAD, Reason.SENSOR_FAILURE))


@pytest.fixture(scope="module")
def storm(node: Any) -> int:
    """Points with limits go beyond them all at once: a flood at their post. How many points."""
    harness = node.harness
    view = harness.view
    now = harness.clock.now()
    rows = []
    for point in list(view.points.values())[:60]:
        rules = [view.rules[n] for n in view.rules_of_point.get(point.id, ())]
        high = [rule.limit for rule in rules if rule.kind.name.startswith("HIGH") and rule.limit is not None]
        if high:
            rows.append((point.id, now, max(high) * 1.1 + 1, 0))
    for second in range(12):  # past every delay
        at = now + second * 1_000_000
        harness.feed([(point, at, value, word) for point, _, value, word in rows], at)
        harness.tick(at)
        time.sleep(0.2)
    return len(rows)


def test_a_flood_is_told_on_every_page(node: Any, sign_in: Any, storm: int) -> None:
    page = sign_in("zhuang", "/trends")
    banner = page.locator('[data-shell="flood"]')
    expect(banner).to_be_visible(timeout=SHOWS)
    expect(banner).to_contain_text("报警洪流")
    expect(banner).to_contain_text(re.compile(r"10 分钟 \d+ 条"))
    banner.locator("a.what").click()
    expect(page).to_have_url(re.compile(r"/alarms\?group=unit"), timeout=SHOWS)


def test_the_list_in_groups_hides_nothing_and_agrees_with_the_node(node: Any, sign_in: Any, storm: int) -> None:
    page: Page = sign_in("zhuang", "/alarms?group=unit")
    expect(page.locator(".group-badge").first).to_be_visible(timeout=SHOWS)
    told = page.request.get("/api/v1/alarms/groups?by=unit").json()
    same = page.evaluate(
        """async () => {
          const base = document.querySelector('script[src*="/shell.js"]').src.replace('shell.js', '');
          const { grouped } = await import(base + 'alarm_groups.js');
          const answer = await (await fetch('/api/v1/alarms?limit=1000')).json();
          const shown = answer.items.filter((row) => !['SHELVED', 'SUPPRESSED', 'OUT_OF_SERVICE'].includes(row.state));
          return grouped(shown, 'unit').map((item) => item.rows.map((row) => row.id));
        }"""
    )
    assert sorted(map(tuple, same)) == sorted(tuple(item["alarms"]) for item in told["items"]), (
        "the browser groups as the node does"
    )
    items = page.locator(".alarm-table tbody tr")
    assert items.count() < sum(item["count"] for item in told["items"])
    expect(page.locator(".tally")).to_contain_text(re.compile(r"共 \d+ 项"))
    first = next(item for item in told["items"] if item["count"] > 1)
    badge = page.locator(f'tr[data-alarm="{first["first"]}"] .group-badge')
    expect(badge).to_have_attribute("aria-expanded", "false")
    badge.click()
    for alarm in first["alarms"]:
        expect(page.locator(f'tr[data-alarm="{alarm}"]')).to_be_visible(timeout=SHOWS)
    page.locator("select.grouping").select_option("")
    expect(page.locator(".group-badge")).to_have_count(0)
    every = sum(item["count"] for item in told["items"])
    expect(page.locator(".tally")).to_contain_text(f"当前 {every} 条", timeout=SHOWS)
    page.locator("select.grouping").select_option("unit")
    expect(page.locator(".tally")).to_contain_text(re.compile(rf"当前 {every} 条.* 共 {len(told['items'])} 项"), timeout=SHOWS)
    expect(items).to_have_count(len(told["items"]))


def test_a_filter_says_what_it_leaves_out(node: Any, sign_in: Any, storm: int) -> None:
    page: Page = sign_in("zhuang", "/alarms")
    expect(page.locator(".alarm-table tbody tr").first).to_be_visible(timeout=SHOWS)
    page.locator(".tools input[type=search]").fill("no such tag")
    expect(page.locator(".list .empty")).to_contain_text("筛选条件把此处的报警全部隐去了")
    expect(page.locator(".tally")).to_contain_text(re.compile(r"筛选隐去 \d+ 条"))


@pytest.mark.parametrize(
    ("register", "lead", "words"),
    [(1, "register", "先发:SIS 寄存器"), (0, "stamps", "先发:按时标"), (None, "unknown", "先发:未知")],
)
def test_a_first_out_group_says_by_what_its_first_is_known_as_the_node_does(
    node: Any, sign_in: Any, storm: int, register: int | None, lead: str, words: str
) -> None:
    """PI-101 makes SIF-01 act, which state 1 of XA-900 names; 0 names none, and a bad reading says nothing."""
    page: Page = sign_in("zhuang", "/alarms?group=first_out")
    expect(page.locator(".group-badge").first).to_be_visible(timeout=SHOWS)
    node.world._known.discard("XA-900")  # its register is this test's
    try:
        now = node.harness.clock.now()
        node.harness.feed([("XA-900", now, float(register or 0), 0 if register is not None else BAD)], now)
        until = time.monotonic() + SHOWS / 1000
        told = page.request.get("/api/v1/alarms/groups?by=first_out").json()
        while lead not in {item["lead"] for item in told["items"]} and time.monotonic() < until:
            time.sleep(0.2)
            told = page.request.get("/api/v1/alarms/groups?by=first_out").json()
        expect(page.locator(f".group-badge .lead.{lead}").first).to_contain_text(words, timeout=SHOWS)
        same = page.evaluate(
            """async (state) => {
              const base = document.querySelector('script[src*="/shell.js"]').src.replace('shell.js', '');
              const { grouped } = await import(base + 'alarm_groups.js');
              const answer = await (await fetch('/api/v1/alarms?limit=1000')).json();
              const shown = answer.items.filter((row) => !['SHELVED', 'SUPPRESSED', 'OUT_OF_SERVICE'].includes(row.state));
              return grouped(shown, 'first_out', () => state).map((item) => [item.lead ?? null, ...item.rows.map((row) => row.id)]);
            }""",
            register,
        )
    finally:
        node.world._known.add("XA-900")
    assert lead in {item["lead"] for item in told["items"]}
    assert sorted(map(str, same)) == sorted(str([item["lead"], *item["alarms"]]) for item in told["items"])


@pytest.mark.parametrize(("language", "size"), [("zh", (1920, 1080)), ("en", (1440, 900)), ("zh", (390, 844))])
def test_the_page_shows_figures_beside_guide_values_and_judges_none(
    node: Any, sign_in: Any, storm: int, language: str, size: tuple[int, int]
) -> None:
    page: Page = sign_in("zhuang", "/alarms/performance?window=hour", language=language, size=size)
    count = page.locator('.measures tr[data-measure="rate.count"] .number')
    expect(count).to_have_text(re.compile(r"^\d+$"), timeout=SHOWS)
    told = page.request.get("/api/v1/alarms/performance?window=hour").json()
    assert int(count.inner_text()) <= told["whole"]["figures"]["rate.count"]
    mark = {"zh": "未核对原文", "en": "not read in the standard's own text"}[language]
    expect(page.locator('.tile[data-measure="rate.peak_10_min"]')).to_contain_text("≤ 10")
    expect(page.locator('.tile[data-measure="rate.peak_10_min"]')).to_contain_text(mark)
    expect(page.locator('[data-chart="actors"] canvas')).to_be_visible()
    text = page.locator("anlan-performance").inner_text()
    assert not re.search("合格|达标|符合要求|\\bpass\\b|\\bOK\\b|\\bBAD\\b", text)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"


def test_a_window_and_a_post_stay_in_the_address(node: Any, sign_in: Any, storm: int) -> None:
    page: Page = sign_in("zhuang", "/alarms/performance")
    expect(page.locator('[data-window="day"]')).to_have_class(re.compile(r"\bon\b"), timeout=SHOWS)
    page.click('[data-window="7d"]')
    expect(page).to_have_url(re.compile(r"window=7d"), timeout=SHOWS)
    posts = page.locator("anlan-performance select option").evaluate_all("all => all.map((one) => one.value)")
    page.locator("anlan-performance select").select_option(posts[1])
    expect(page).to_have_url(re.compile(rf"post={posts[1]}"))
    page.reload()
    expect(page.locator("anlan-performance select")).to_have_value(posts[1], timeout=SHOWS)
    expect(page.locator('[data-shell="flood"]')).to_be_visible(timeout=SHOWS)  # its bar moves nothing under the pointer any more
    fields = page.locator("form.custom input")
    fields.nth(0).fill("2026-01-02T00:00")
    fields.nth(1).fill("2026-01-01T00:00")
    page.click("form.custom button")
    expect(page.locator("anlan-performance .form-error")).not_to_be_empty(timeout=SHOWS)
