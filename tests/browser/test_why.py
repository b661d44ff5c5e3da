"""为什么? and 回放与试算 in real Chromium."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 60_000
"""The first replay of an app loads the compiled kernel."""


def test_an_alarm_is_explained_now_and_at_the_instant_that_is_clicked(sign_in: Any) -> None:
    page = sign_in("zhuang", "/alarms")
    page.locator(".alarm-table tbody tr").first.click()
    page.locator(".story [data-why]").click()
    why = page.locator("dialog.why")
    expect(why.locator(".sentence").first).not_to_be_empty(timeout=SHOWS)
    expect(why.locator(".gates li").first).to_contain_text("规则已启用")
    before = why.locator(".when b").inner_text()
    why.locator("svg.why-picture").first.click(position={"x": 200, "y": 60})
    expect(why.locator(".when b")).not_to_have_text(before, timeout=SHOWS)
    page.keyboard.press("Escape")
    expect(why).to_have_count(0)


def test_every_alarm_of_a_point_is_explained_in_the_readers_language(node: Any, sign_in: Any) -> None:
    page = sign_in("zhuang", "/points/AT-203", language="en")
    page.locator("[data-why-point]").click()
    why = page.locator("dialog.why")
    rules = len(node.harness.view.rules_of_point["AT-203"])
    expect(why.locator(".account")).to_have_count(rules, timeout=SHOWS)
    expect(why.locator(".gates li.closed").first).to_be_visible()
    expect(why).to_contain_text("Try other settings")


def test_another_limit_is_tried_on_the_nodes_own_past(node: Any, sign_in: Any) -> None:
    page = sign_in("zhuang", "/replay")
    page.locator(".search input").fill("AT-203")
    page.locator('[data-add="AT-203.H"]').click(timeout=SHOWS)
    rule = page.locator('.rule[data-alarm="AT-203.H"]')
    # Two answers of a node that may have other work: what is set is shown once both are here.
    expect(rule.locator('[name="limit"]')).to_have_attribute("placeholder", "1", timeout=SHOWS)
    page.locator('anlan-replay [type="submit"]').click()
    expect(page.locator("anlan-replay .form-error")).to_have_text("请选择报警,并填入要试算的值。")
    rule.locator('[name="limit"]').fill("-1")
    page.locator('[data-span="3600"]').click()
    with page.expect_response("**/api/v1/replay/what-if", timeout=SHOWS) as answered:
        page.locator('anlan-replay [type="submit"]').click()
    expect(page.locator(".result .sum")).to_contain_text(re.compile(r"报警 \d+ → [1-9]\d* 次"), timeout=SHOWS)
    expect(page.locator(".result canvas")).to_be_visible(timeout=SHOWS)
    expect(page).to_have_url(re.compile(r"/replay\?alarm=AT-203\.H"))
    page.locator(".result [data-why]").first.click()
    expect(page.locator("dialog.why .sentence").first).not_to_be_empty(timeout=SHOWS)
    page.keyboard.press("Escape")
    put = page.locator(".in-force")
    put.locator("button").click()
    expect(put.locator(".form-error")).to_have_text("请填写理由:理由与版本一并保存。")
    # This node has no plant room; that room's own tests bring an edit into force on a whole node.
    page.route("**/api/v1/alarms/AT-203.H/rule", lambda route: route.fulfill(json={"version": 7}))
    with page.expect_request(lambda request: request.method == "PATCH") as sent:
        put.locator('[name="reason"]').fill("周五清单")
        put.locator("button").click()
    asked = sent.value.post_data_json
    assert asked["change"] == {"limit": -1}
    assert asked["reason"] == "周五清单"
    assert (asked["trial"], "effect" in asked) == (answered.value.json()["trial"], False)
    expect(put.locator(".form-error")).to_contain_text("AT-203.H", timeout=SHOWS)


def test_an_alarm_that_is_named_twice_is_tried_once(sign_in: Any) -> None:
    """Its settings take two requests; meanwhile it is already chosen."""
    page = sign_in("zhuang", "/replay?alarm=AT-203.H&alarm=AT-203.H")
    rule = page.locator('.rule[data-alarm="AT-203.H"]')
    expect(rule.first.locator('[name="limit"]')).to_have_attribute("placeholder", "1", timeout=SHOWS)
    page.wait_for_load_state("networkidle")
    expect(rule).to_have_count(1)
    page.locator('[data-remove="AT-203.H"]').click()
    expect(rule).to_have_count(0)
    page.locator(".search input").fill("AT-203")
    page.locator('[data-add="AT-203.H"]').click(timeout=SHOWS)
    expect(rule).to_have_count(1, timeout=SHOWS)


def test_an_alarm_on_a_reading_that_the_log_did_not_take_says_so(node: Any, sign_in: Any) -> None:
    node.world._known.discard("HS-501")  # its register is this test's
    try:
        node.harness.show("HS-501", 1.0)
        page = sign_in("zhuang", "/alarms")
        row = page.locator(".alarm-table tr", has_text="HS-501")
        expect(row.locator(".decided")).to_contain_text("读数未记录", timeout=SHOWS)
        row.click()
        expect(page.locator(".story")).to_contain_text("读数未记录", timeout=SHOWS)
    finally:
        node.world._known.add("HS-501")
