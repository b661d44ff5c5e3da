"""主报警库 in real Chromium over a whole node as `anlan up` makes it: a workbook out and in, a rule tried and put into force, what runs against
what is approved."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pyarrow as pa
import pytest
from playwright.sync_api import Browser, Page, expect

from anlan.bus.wire import Client
from anlan.monitor.compile import EngineConfig, column
from anlan.node.layout import NodeFolder
from anlan.plant.master_book import ALARMS
from tests.browser.conftest import signing_in
from tests.node.test_live_edit import Node, until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

SHOWS = 60_000
OWN = "wave-after-wave-9"


@pytest.fixture
def open_page(works: tuple[Node, httpx.Client], browser: Browser) -> Iterator[Callable[..., Page]]:
    with signing_in(browser, works[0].address, OWN, "admin") as open_:
        yield open_


def newest(client: httpx.Client) -> dict[str, Any]:
    return dict(client.get("/plant/versions").raise_for_status().json()["items"][0])


def exported(page: Page, file: Path) -> Path:
    with page.expect_download(timeout=SHOWS) as begun:
        page.locator("anlan-master a[download]").click()
    begun.value.save_as(file)
    return file


def test_a_workbook_goes_out_is_filled_in_and_comes_back_with_its_difference(
    works: tuple[Node, httpx.Client], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    _, client = works
    before = newest(client)["number"]
    page = open_page(path="/alarms/master")
    file = exported(page, tmp_path / "alarms.xlsx")
    # Meanwhile a colleague changes a row at the console itself.
    page.locator('tr[data-id="LT-2.H"]').click()
    form = page.locator("form.rule")
    form.locator('[name="limit"]').fill("88")
    form.locator('[name="reason"]').fill("夏季限值")
    form.locator("button.main").click()
    expect(page.locator(".done")).to_contain_text(f"已生效:版本 {before + 1}", timeout=SHOWS)
    expect(page.locator('tr[data-id="LT-2.H"]')).to_contain_text("88")
    book = openpyxl.load_workbook(file)
    sheet = book[ALARMS]
    heads = [str(cell.value) for cell in sheet[2]]
    row = next(n for n in range(3, sheet.max_row + 1) if sheet.cell(n, 1).value == "LT-2.H")
    sheet.cell(row, heads.index("Limit") + 1).value = 86
    sheet.cell(row, heads.index("On-delay (s)") + 1).value = 4
    book.save(file)
    page.locator('anlan-master input[type="file"]').set_input_files(str(file))
    side = page.locator("anlan-master .story")
    expect(side).to_contain_text(f"版本 {before}", timeout=SHOWS)  # it rests on the version before the colleague's
    expect(side.locator(".changes").first).to_contain_text("88 → 86")
    expect(side.locator(".changes").first).to_contain_text("报警延时 — → 4")
    side.locator('[name="reason"]').fill("HAZOP 第 14 项")
    side.locator("button.main").click()
    expect(side).to_contain_text(f"版本 {before + 2}", timeout=SHOWS)
    expect(side.locator(".sum")).to_contain_text("漏报 0")  # replayed while it was applied, and told
    made = newest(client)
    assert (made["number"], made["effect"]["changes"]) == (before + 2, {"LT-2.H": {"limit": 86.0, "on_delay": 4.0}})


def test_a_delay_is_tried_seen_and_put_into_force_by_keyboard(
    works: tuple[Node, httpx.Client], open_page: Callable[..., Page]
) -> None:
    _, client = works
    before = newest(client)["number"]
    page = open_page(path="/alarms/master", language="en")
    page.locator('tr[data-id="LT-1.H"]').focus()
    page.keyboard.press("Enter")
    form = page.locator("form.rule")
    expect(form.locator("button.main")).to_have_text("Bring into force")
    expect(form.locator(".steps")).to_be_hidden()
    form.locator('[name="on_delay"]').focus()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("30")
    expect(form.locator("button.main")).to_have_text("Try over the last 24 h")
    page.keyboard.press("Enter")
    expect(form.locator(".tried .sum")).to_contain_text("0 missed", timeout=SHOWS)
    expect(form.locator(".tried")).to_be_focused()
    assert newest(client)["number"] == before, "trying changes nothing"
    # Another value is another question.
    form.locator('[name="on_delay"]').fill("31")
    expect(form.locator(".tried")).to_contain_text("try them again")
    form.locator('[name="on_delay"]').press("Enter")
    expect(form.locator(".tried .sum")).to_be_visible(timeout=SHOWS)
    expect(form.locator("button.main")).to_have_text("Bring into force with this effect")
    form.locator('[name="reason"]').fill("chatters at each filling")
    page.keyboard.press("Enter")
    expect(page.locator(".done")).to_contain_text(f"version {before + 1}", timeout=SHOWS)
    made = newest(client)
    assert made["effect"]["changes"] == {"LT-1.H": {"on_delay": 31}}
    assert made["effect"]["account"] == "admin"


def test_a_trial_that_a_colleague_overtook_is_refused_with_what_to_do(
    works: tuple[Node, httpx.Client], open_page: Callable[..., Page]
) -> None:
    _, client = works
    open_page.expected.append("409")  # type: ignore[attr-defined]
    page = open_page(path="/alarms/master", language="en")
    page.locator('tr[data-id="LT-2.H"]').click()
    form = page.locator("form.rule")
    form.locator('[name="off_delay"]').fill("20")
    form.locator("button.main").click()
    expect(form.locator("button.main")).to_have_text("Bring into force with this effect", timeout=SHOWS)
    base = newest(client)["number"]
    body = {"change": {"limit": 84}, "base": base, "reason": "from another console"}
    assert client.patch("/alarms/LT-2.H/rule", json=body).status_code == 200
    form.locator('[name="reason"]').fill("pump trips")
    form.locator("button.main").click()
    expect(form.locator(".tried + .form-error")).to_contain_text("84", timeout=SHOWS)
    assert newest(client)["number"] == base + 1


def test_what_runs_otherwise_than_approved_is_shown_alarmed_and_mended(
    works: tuple[Node, httpx.Client], open_page: Callable[..., Page]
) -> None:
    node, client = works
    with ThreadPoolExecutor(1) as elsewhere:  # playwright has a loop in this thread
        elsewhere.submit(asyncio.run, tampered(node)).result()
    until(lambda: client.get("/alarms/node.configuration.ST").json()["state"] == "UNACKNOWLEDGED", 60)
    page = open_page(path="/alarms/master")
    difference = page.locator(".difference")
    expect(difference).to_be_visible(timeout=SHOWS)
    expect(difference).to_contain_text("PT-3.H")
    expect(difference).to_contain_text("9.9 → 8")
    alarms = open_page(path="/alarms")
    expect(alarms.locator(".alarm-table")).to_contain_text("node.configuration", timeout=SHOWS)
    difference.locator("[data-reapply]").click()
    expect(difference).to_be_hidden(timeout=SHOWS)
    until(lambda: client.get("/alarms/node.configuration.ST").json()["state"] == "RETURNED_UNACKNOWLEDGED", 60)


async def tampered(node: Node) -> None:
    """Somebody changes what core runs behind the records."""
    core = await Client.connect(NodeFolder(node.data).socket)
    _, body = await core.request("configuration")
    config = EngineConfig.from_bytes(body)
    limits = column(config.rule_table, "limit").copy()
    limits[config.rule_table["id"].to_pylist().index("PT-3.H")] = 9.9
    at = config.rule_table.schema.get_field_index("limit")
    table = config.rule_table.set_column(at, config.rule_table.schema.field(at), pa.array(limits))
    await core.request("configure", dataclasses.replace(config, rule_table=table).to_bytes())
    await core.close()
