"""People, roster, own account and the second factor at the door, in real Chromium; a security key is its virtual authenticator."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from anlan.guard import totp
from anlan.guard.oidc import Provider
from anlan.guard.oidc_settings import IdentitySettings
from anlan.guard.passwords import hash_password
from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.clock import DAY
from anlan.model.words import Label
from anlan.web.api_oidc import PROVIDER
from tests.web.identity_service import CLIENT, ISSUER, SECRET, IdentityService

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 15_000
PICTURES = os.environ.get("ANLAN_PICTURES")


def keep(page: Page, name: str) -> None:
    page.screenshot(path=Path(PICTURES or os.devnull) / f"{name}.png" if PICTURES else None)


@pytest.fixture(scope="module")
def admin(node: Any) -> str:
    harness = node.harness
    hashed = hash_password(node.password)
    with harness.records.session() as session:
        for account, name in (("lin", "林管"), ("qi", "齐核")):
            new = NewPerson(account, Label(zh=name, en=account.title()), (Held("administrator"),))
            add_person(session, new, hashed, harness.clock, must_change=False)
    return "lin"


def test_a_person_is_added_given_a_role_and_closed(sign_in: Any, admin: str) -> None:
    page: Page = sign_in(admin, "/people")
    expect(page.locator(".list td.strong", has_text="庄海")).to_be_visible(timeout=SHOWS)
    page.locator("[data-act=add]").click()
    dialog = page.locator("dialog[open]")
    dialog.locator("[name=account]").fill("wang.li")
    dialog.locator("[name=zh]").fill("王立")
    dialog.locator("[name=role]").select_option("safety_officer")
    dialog.locator("[name=place]").select_option(index=2)
    keep(page, "people-add")
    dialog.locator("[type=submit]").click()
    expect(page.locator(".once .big")).to_have_text(re.compile(r"^[a-z2-9]{4}(-[a-z2-9]{4}){3}$"), timeout=SHOWS)
    row = page.locator(".list tbody tr", has_text="王立")
    expect(row).to_contain_text("安全员")
    keep(page, "people")
    row.locator("[data-act=roles]").click()
    dialog.locator("[name=role]").select_option("instrument")
    keep(page, "people-roles")
    dialog.locator("[type=submit]").click()
    expect(row).to_contain_text("仪表", timeout=SHOWS)
    row.locator("[data-act=close]").click()
    dialog.locator("[type=submit]").click()
    expect(row).to_contain_text("已停用", timeout=SHOWS)


def test_the_roster_of_the_week(sign_in: Any, admin: str) -> None:
    page: Page = sign_in(admin, "/people")
    cell = page.locator("anlan-roster td.running button").first
    cell.click(timeout=SHOWS)
    dialog = page.locator("dialog[open]")
    dialog.locator("select[name=people]").select_option(index=0)
    chosen = dialog.locator("select[name=people] option").first.inner_text()
    dialog.locator("[type=submit]").click()
    expect(page.locator("anlan-roster td.running").first).to_contain_text(chosen, timeout=SHOWS)
    keep(page, "people-roster")


def test_who_may_not_manage_sees_and_changes_nothing(sign_in: Any) -> None:
    page: Page = sign_in("ban", "/people")
    expect(page.locator(".list td.strong", has_text="庄海")).to_be_visible(timeout=SHOWS)
    expect(page.locator("[data-act=add]")).to_have_count(0)


def test_a_second_factor_is_set_up_and_asked_for_at_the_door(node: Any, browser: Browser, sign_in: Any, admin: str) -> None:
    page: Page = sign_in("qi", "/account")
    page.locator(".factor-set-up [name=password]").fill(node.password)
    page.locator(".factor-set-up [data-step=begin] [value=phone]").click()
    expect(page.locator(".factor-set-up .qr svg")).to_be_visible(timeout=SHOWS)
    keep(page, "account-qr")
    secret = base64.b32decode(page.locator(".factor-set-up .secret").inner_text().replace(" ", ""))
    code = totp.code(secret, totp.step_of(node.harness.clock.now()))
    page.locator(".factor-set-up [data-step=scan] [name=code]").fill(code)
    page.locator(".factor-set-up [data-step=scan] [type=submit]").click()
    expect(page.locator(".factor-set-up .recovery-codes li")).to_have_count(10, timeout=SHOWS)
    paper = page.locator(".factor-set-up .recovery-codes li").first.inner_text()
    page.locator(".factor-set-up [data-step=done] button").click()
    expect(page.locator(".factor")).to_contain_text("剩余恢复码 10 个", timeout=SHOWS)
    keep(page, "account")
    context = browser.new_context(base_url=node.address, locale="zh-CN")
    door = context.new_page()
    door.goto("/login")
    door.fill("[name=account]", "qi")
    door.fill("[name=password]", node.password)
    door.click("[type=submit]")
    expect(door.locator("[name=code]")).to_be_visible(timeout=SHOWS)
    keep(door, "door-code")
    door.fill("[name=code]", paper)
    door.click("[type=submit]")
    expect(door).to_have_url(re.compile(r"/$"), timeout=SHOWS)
    context.close()


def test_a_token_is_made_shown_once_and_revoked(node: Any, sign_in: Any, admin: str) -> None:
    page: Page = sign_in(admin, "/account")
    page.locator("[data-act=make]").click(timeout=SHOWS)
    dialog = page.locator("dialog[open]")
    dialog.locator("[name=name]").fill("历史库")
    dialog.locator("[name=actions]").select_option(["live.view", "history.view"])
    dialog.locator("[name=password]").fill(node.password)
    dialog.locator("[type=submit]").click()
    expect(page.locator(".tokens .big")).to_have_text(re.compile(r"^anlan_"), timeout=SHOWS)
    keep(page, "account-token")
    page.locator("[data-act=revoke]").click()
    expect(page.locator(".tokens .big")).to_have_count(0, timeout=SHOWS)


def test_a_second_factor_that_is_due_is_set_up_at_the_door(node: Any, browser: Browser) -> None:
    harness = node.harness
    with harness.records.session() as session:
        new = NewPerson("due", Label(zh="到期", en="Due"), (Held("auditor"),))
        person = add_person(session, new, hash_password(node.password), harness.clock, must_change=False)
        person.assignments[0].since -= 8 * DAY
    context = browser.new_context(base_url=node.address, locale="zh-CN")
    door = context.new_page()
    door.goto("/audit")
    door.fill("[name=account]", "due")
    door.fill("[name=password]", node.password)
    door.click("[type=submit]")
    expect(door.locator(".enrol h2")).to_have_text("设置第二因素", timeout=SHOWS)
    door.goto("/audit")
    expect(door.locator(".enrol h2")).to_have_text("设置第二因素", timeout=SHOWS)
    door.locator("[data-step=begin] [name=password]").fill(node.password)
    door.locator("[data-step=begin] [value=phone]").click()
    expect(door.locator(".qr svg")).to_be_visible(timeout=SHOWS)
    keep(door, "door-enrol")
    secret = base64.b32decode(door.locator(".secret").inner_text().replace(" ", ""))
    door.locator("[data-step=scan] [name=code]").fill(totp.code(secret, totp.step_of(harness.clock.now())))
    door.locator("[data-step=scan] [type=submit]").click()
    expect(door.locator(".recovery-codes li")).to_have_count(10, timeout=SHOWS)
    keep(door, "door-codes")
    door.locator("[data-step=done] button").click()
    expect(door).to_have_url(re.compile(r"/audit$"), timeout=SHOWS)
    context.close()


def test_who_sees_nothing_live_has_a_page_that_asks_for_no_socket(node: Any, sign_in: Any) -> None:
    harness = node.harness
    with harness.records.session() as session:
        new = NewPerson("keys", Label(zh="管账号", en="Keys"), (Held("administrator", only=("manage",)),))
        add_person(session, new, hash_password(node.password), harness.clock, must_change=False)
    page: Page = sign_in("keys", "/account")
    asked: list[str] = []
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.reload()
    expect(page.locator("[data-act=password]")).to_be_visible(timeout=SHOWS)
    page.wait_for_timeout(3_000)
    assert not [url for url in asked if "/api/v1/live/ws" in url]
    expect(page.locator("[data-shell=link]")).to_have_count(0)
    expect(page.locator("[data-shell=mute]")).to_be_hidden()
    keep(page, "account-nothing-live")


def plug_in(page: Page) -> None:
    """A key at this page's computer, touched whenever it is asked."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": False}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "automaticPresenceSimulation": True}})


def fill_the_door(page: Page, password: str) -> None:
    page.goto("/login")
    page.fill("[name=account]", "yue")
    page.fill("[name=password]", password)
    page.click("[type=submit]")


@pytest.fixture
def desk(node: Any, browser: Browser) -> Any:
    """The console opened by a name: keys answer to no number."""
    address = node.address.replace("127.0.0.1", "localhost")
    context: BrowserContext = browser.new_context(viewport={"width": 1920, "height": 1080}, base_url=address, locale="zh-CN")
    yield context
    context.close()


def test_a_key_is_registered_touched_at_the_door_and_missed_without(node: Any, desk: BrowserContext, browser: Browser) -> None:
    harness = node.harness
    with harness.records.session() as session:
        new = NewPerson("yue", Label(zh="岳钥", en="Yue"), (Held("administrator"),))
        add_person(session, new, hash_password(node.password), harness.clock, must_change=False)
    page = desk.new_page()
    plug_in(page)
    fill_the_door(page, node.password)
    expect(page).to_have_url(re.compile(r"/$"), timeout=SHOWS)
    page.goto("/account")
    form = page.locator(".factor-set-up [data-step=begin]")
    expect(form.locator("[value=key]")).to_be_visible(timeout=SHOWS)
    keep(page, "account-key-begin")
    form.locator("[name=password]").fill(node.password)
    form.locator("[name=name]").fill("蓝色钥匙")
    form.locator("[value=key]").click()
    expect(page.locator(".factor-set-up .recovery-codes li")).to_have_count(10, timeout=SHOWS)
    paper = page.locator(".factor-set-up .recovery-codes li").first.inner_text()
    page.locator(".factor-set-up [data-step=done] button").click()
    expect(page.locator(".factor tbody")).to_contain_text("蓝色钥匙", timeout=SHOWS)
    page.locator("[data-act=more]").click()
    keep(page, "account-key")
    page.locator("[data-act=codes]").click()
    page.locator("dialog[open] [type=submit]").click()
    expect(page.locator(".factor > .body > .recovery-codes li")).to_have_count(10, timeout=SHOWS)
    paper = page.locator(".factor > .body > .recovery-codes li").first.inner_text()
    desk.clear_cookies()
    fill_the_door(page, node.password)
    expect(page).to_have_url(re.compile(r"/$"), timeout=SHOWS)
    stranger = browser.new_context(base_url=node.address, locale="zh-CN")
    door = stranger.new_page()
    fill_the_door(door, node.password)
    expect(door.locator("[name=code]")).to_be_visible(timeout=SHOWS)
    keep(door, "door-no-key")
    door.fill("[name=code]", paper)
    door.click("[type=submit]")
    expect(door).to_have_url(re.compile(r"/$"), timeout=SHOWS)
    door.goto("/account")
    expect(door.locator(".factor tbody")).to_contain_text("不适用于本地址", timeout=SHOWS)
    door.locator("[data-act=more]").click()
    expect(door.locator(".no-keys")).to_contain_text("只认域名", timeout=SHOWS)
    keep(door, "account-no-key-here")
    stranger.close()


def test_the_identity_service_lets_a_person_in_and_its_absence_is_said(node: Any, browser: Browser) -> None:
    """The service's own page is played by the browser's network: it sends the person straight back."""
    service = IdentityService(node.harness.clock, {"preferred_username": "zhuang"})
    settings = {
        "issuer": ISSUER,
        "address": node.address,
        "client_id": CLIENT,
        "client_secret_env": "X",
        "claim": "preferred_username",
    }
    extras = node.harness.context.extras
    extras[PROVIDER] = Provider(IdentitySettings.model_validate(settings), SECRET, node.harness.clock, service.transport)
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, base_url=node.address, locale="zh-CN")
    back = f"{node.address}/api/v1/oidc/callback?"

    def go(route: Route, there: str) -> None:
        route.fulfill(content_type="text/html", body=f"<script>location.replace({there!r})</script>")

    def send_there(route: Route) -> None:
        """What a redirect leads to is asked of the real network; what a page goes to is played."""
        answer = route.fetch(max_redirects=0)
        assert answer.status == 303
        go(route, answer.headers["location"])

    context.route(f"{node.address}/api/v1/oidc/begin**", send_there)
    context.route(f"{ISSUER}/auth**", lambda route: go(route, back + urlencode(service.sign_in(route.request.url))))
    door = context.new_page()
    door.goto("/login?next=/alarms")
    expect(door.locator(".identity-way .away")).to_be_hidden(timeout=SHOWS)
    keep(door, "door-identity")
    door.locator(".identity-way a").click()
    expect(door).to_have_url(re.compile(r"/alarms$"), timeout=SHOWS)
    expect(door.locator(".shell")).to_contain_text("庄海", timeout=SHOWS)
    service.claims = {"preferred_username": "nobody.here"}
    context.clear_cookies()
    door.goto("/login")
    door.locator(".identity-way a").click()
    expect(door.locator(".form-error")).to_contain_text("没有账号", timeout=SHOWS)
    keep(door, "door-identity-stranger")
    service.up = False
    extras[PROVIDER] = Provider(IdentitySettings.model_validate(settings), SECRET, node.harness.clock, service.transport)
    door.goto("/login")
    expect(door.locator(".identity-way .away")).to_be_visible(timeout=SHOWS)
    keep(door, "door-identity-down")
    del extras[PROVIDER]
    context.close()
