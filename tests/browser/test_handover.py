"""The shift handover in real Chromium: written, signed by two persons at one station, read again later; and the buttons that put pages on paper."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from anlan.guard.passwords import hash_password
from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.words import Label

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 15_000
PICTURES = os.environ.get("ANLAN_PICTURES")
"""A folder to keep screenshots in, for whoever wants to look."""


def keep(page: Page, name: str) -> None:
    page.screenshot(path=Path(PICTURES or os.devnull) / f"{name}.png" if PICTURES else None)


@pytest.fixture(scope="module")
def next_shift(node: Any) -> str:
    """The account of a second operator at the first post."""
    harness = node.harness
    hashed = hash_password(node.password)
    with harness.records.session() as session:
        held = Held("inside_operator", next(iter(harness.view.posts)))
        add_person(session, NewPerson("jie", Label(zh="接晓", en="Jie Xiao"), (held,)), hashed, harness.clock, must_change=False)
    return "jie"


@contextmanager
def answered_late(page: Page, path: str) -> Iterator[None]:
    """The answer that signs the next person in arrives after the live connection has closed, as the session of the one before is over."""
    held: list[tuple[Route, APIResponse]] = []
    page.route(path, lambda route: held.append((route, route.fetch())))
    page.route("**/api/v1/me", lambda route: route.fulfill(status=401, json={"detail": "the session is over"}))
    with page.expect_event("websocket", timeout=SHOWS):
        yield
    page.wait_for_timeout(1000)
    page.unroute("**/api/v1/me")
    ((route, answer),) = held
    route.fulfill(response=answer)


def test_a_shift_is_handed_over_at_one_station(node: Any, sign_in: Any, next_shift: str) -> None:
    page: Page = sign_in("zhuang", "/handover")
    expect(page.locator(".handover-head .state")).to_have_text("草稿:内容为当前事实", timeout=SHOWS)
    expect(page.locator(".facts-of-shift section").first).to_contain_text("未知事项")
    expect(page.locator(".facts-of-shift")).to_contain_text("BP-07")
    page.locator("[name=remarks]").fill("夜间巡检两次,P-2 有异响")
    page.locator("[data-act=add]").click()
    page.locator(".items [name=text]").last.fill("P-2 轴承待检修")
    keep(page, "handover-draft")
    page.locator("form[data-form=save] [type=submit]").click()
    expect(page.locator(".toast")).to_contain_text("已保存", timeout=SHOWS)
    page.locator("[name=remarks]").fill("夜间巡检两次,P-2 有异响,已报班长")
    page.locator("form[data-form=sign] [name=password]").fill(node.password)
    page.locator("form[data-form=sign] [type=submit]").click()
    expect(page.locator(".handover-head .state")).to_have_text("交班人已签字:请接班人阅读并签字", timeout=SHOWS)
    expect(page.locator(".sides > aside")).to_contain_text("已报班长")

    sign_in.expected.append("403")
    page.locator("form[data-form=accept] [name=account]").fill("zhuang")
    page.locator("form[data-form=accept] [name=password]").fill(node.password)
    page.locator("form[data-form=accept] [type=submit]").click()
    expect(page.locator("form[data-form=accept] .form-error")).to_contain_text("交班人不能自己接班", timeout=SHOWS)
    keep(page, "handover-offered")
    page.locator("form[data-form=accept] [name=account]").fill(next_shift)
    page.locator("form[data-form=accept] [name=password]").fill(node.password)
    with answered_late(page, "**/handovers/*/sign"):
        page.locator("form[data-form=accept] [type=submit]").click()
    expect(page.locator(".handover-head .state")).to_have_text("双方已签字", timeout=SHOWS)
    expect(page.locator('[data-shell="who"]')).to_contain_text("接晓")
    expect(page.locator(".hash")).to_contain_text("SHA-256")
    keep(page, "handover-signed")

    page.locator("[data-act=addendum]").click()
    page.locator("dialog.aside [name=text]").fill("补记:P-2 已停")
    page.locator("dialog.aside [type=submit]").click()
    expect(page.locator(".sides > aside")).to_contain_text("补记:P-2 已停", timeout=SHOWS)

    page.goto("/handover")
    expect(page.locator(".items li [name=text]")).to_have_value("P-2 轴承待检修", timeout=SHOWS)
    expect(page.locator(".items li small")).to_contain_text("庄海")
    page.goto("/handover?past=1")
    expect(page.locator("tbody tr")).to_have_count(1, timeout=SHOWS)
    keep(page, "handover-past")


def test_who_has_no_post_reads_what_was_handed_over(sign_in: Any) -> None:
    page: Page = sign_in("yi", "/handover", language="en")
    expect(page.locator("tbody tr")).to_have_count(1, timeout=SHOWS)
    page.locator("tbody a").click()
    expect(page.locator(".handover-head .state")).to_have_text("Signed by both", timeout=SHOWS)


def test_on_a_phone_nothing_stands_beside_the_page(sign_in: Any) -> None:
    page: Page = sign_in("ban", "/handover", size=(390, 844))
    expect(page.locator(".facts-of-shift section").first).to_be_visible(timeout=SHOWS)
    keep(page, "handover-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("path", "target"), [("/alarms", "alarms"), ("/alarms/journal", "journal"), ("/bypasses", "bypasses")])
def test_a_page_is_put_on_paper(sign_in: Any, path: str, target: str) -> None:
    page: Page = sign_in("zhuang", path)
    form = page.locator("form.print")
    expect(form.locator("button")).to_have_text("打印", timeout=SHOWS)
    keep(page, f"print-{target}")
    action = form.get_attribute("action")
    assert action == f"/api/v1/print/{target}"
    answer = page.request.get(action)
    assert answer.ok
    assert answer.body().startswith(b"%PDF")
