"""A page takes no click that would be lost or meet another button: while its scripts are away, while it fills, and when a bar moves it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 30_000
SETTLING = "#page[inert], #page.settling"
AT_CENTRE = """selector => {
  const box = document.querySelector(selector).getBoundingClientRect();
  const met = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return Boolean(met?.closest(selector));
}"""
"""Whether a click on the middle of the element would meet it."""
TELL = """frame => {
  const base = document.querySelector('script[src*="/ready.js"]').src.replace('ready.js', '');
  return import(base + 'link.js').then(({ link }) => { link.take(frame); });
}"""
"""Let the page hear a frame as if the node had sent it."""


def held_back(page: Page, pattern: str) -> list[Route]:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(pattern, hold)
    return held


def wait_for(page: Page, held: list[Route]) -> Route:
    while not held:
        page.wait_for_timeout(20)
    return held[0]


def test_nothing_is_clicked_before_its_script_has_come(node: Any, sign_in: Any) -> None:
    page: Page = sign_in("zhuang", "/trends")
    held = held_back(page, "**/wall_choose.js")
    page.goto("/wall/choose", wait_until="commit")
    script = wait_for(page, held)
    page.wait_for_function(
        "document.querySelectorAll('script[src*=\"/ready.js\"]').length"
    )  # all of the page has come but this script
    assert page.evaluate("document.querySelector('#page:not([inert])')") is None
    script.continue_()
    expect(page.locator(SETTLING)).to_have_count(0, timeout=SHOWS)
    with page.context.expect_page() as opened:
        page.locator(".wall-choose [type=submit]").click(timeout=SHOWS)
    assert opened.value.url.endswith("view=overview&view=alarms"), "its script has left out what is empty"


def test_a_page_that_fills_is_clicked_once_its_lists_have_come(node: Any, sign_in: Any) -> None:
    page: Page = sign_in("zhuang", "/trends")
    held = held_back(page, "**/api/v1/me/factor")
    page.goto("/account", wait_until="commit")
    button = '.password [data-act="password"]'
    expect(page.locator(button)).to_be_visible(timeout=SHOWS)
    answer = wait_for(page, held)
    assert not page.evaluate(AT_CENTRE, button), "what stands above it is still on its way and would move it"
    assert page.locator("#page").get_attribute("aria-busy") == "true"
    answer.continue_()
    page.locator(button).click(timeout=SHOWS)
    expect(page.locator("dialog[open] [name=old]")).to_be_visible()


def test_a_slow_answer_holds_nobody_for_long(node: Any, sign_in: Any) -> None:
    page: Page = sign_in("zhuang", "/trends")
    held = held_back(page, "**/api/v1/me/factor")
    page.goto("/account", wait_until="commit")
    wait_for(page, held)
    page.locator('.password [data-act="password"]').click(timeout=SHOWS)
    expect(page.locator("dialog[open] [name=old]")).to_be_visible()
    held[0].continue_()


def test_a_bar_that_comes_takes_the_click_that_aimed_at_what_stood_there(node: Any, sign_in: Any) -> None:
    page: Page = sign_in("zhuang", "/wall/choose")
    expect(page.locator(SETTLING)).to_have_count(0, timeout=SHOWS)
    button = ".wall-choose [type=submit]"
    assert page.evaluate(AT_CENTRE, button)
    seen = page.evaluate(
        """async ([tell, button, fault]) => {
          const before = document.querySelector(button).getBoundingClientRect().y;
          await eval(tell)({ f: [fault] });
          await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
          const box = document.querySelector(button).getBoundingClientRect();
          const met = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
          return { moved: box.y - before, met: Boolean(met?.closest(button)) };
        }""",
        [TELL, button, "made up for this test"],
    )
    assert seen["moved"] > 0
    assert not seen["met"]
    page.wait_for_function(AT_CENTRE, arg=button, timeout=SHOWS)


def test_the_newest_alarm_has_its_room_before_it_comes(node: Any, sign_in: Any) -> None:
    page: Page = sign_in("zhuang", "/alarms")
    expect(page.locator(".newest a svg")).to_be_visible(timeout=SHOWS)
    with_one = page.locator("#page").bounding_box()
    page.evaluate(TELL, {"a": [], "whole": True})
    expect(page.locator(".newest")).to_have_class("newest none")
    assert page.locator(".newest a").inner_text() == "无未确认的报警。"
    assert page.locator("#page").bounding_box() == with_one
    if folder := os.environ.get("ANLAN_PICTURES"):
        page.screenshot(path=str(Path(folder) / "ready-no-alarm.png"))


def test_no_password_stands_in_an_address_when_the_door_s_script_is_away(node: Any, browser: Browser) -> None:
    context = browser.new_context(base_url=node.address, locale="zh-CN")
    page = context.new_page()
    held = held_back(page, "**/door.js")
    page.goto("/login", wait_until="commit")
    expect(page.locator("form.sign-in")).to_be_visible(timeout=SHOWS)
    script = wait_for(page, held)
    assert page.evaluate("document.querySelector('#page, main.door').inert")
    assert page.locator("form.sign-in").get_attribute("method") == "post"
    script.continue_()
    expect(page.locator("[name=account]")).to_be_focused(timeout=SHOWS)
    context.close()


def test_a_phone_counts_every_priority_also_where_nothing_stands(node: Any, sign_in: Any) -> None:
    page: Page = sign_in("zhuang", "/alarms", size=(390, 844))
    expect(page.locator(".newest a svg")).to_be_visible(timeout=SHOWS)
    for name, frame in (("some", {}), ("none", {"a": [], "whole": True})):
        page.evaluate(TELL, frame)
        boxes = [one.bounding_box() for one in page.locator(".bar .count").all()]
        assert len(boxes) == 4
        assert all(box and box["width"] > 12 and box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes), boxes
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if folder := os.environ.get("ANLAN_PICTURES"):
            page.screenshot(path=str(Path(folder) / f"ready-phone-{name}.png"))
    told = page.evaluate(
        "[...document.querySelectorAll('.bar .count.zero')].map(one => getComputedStyle(one, '::before').content)"
    )
    assert told == [f'"{n}:"' for n in (1, 2, 3, 4)]
