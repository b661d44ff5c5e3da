"""The console as a person uses it, in real Chromium: look, hear, answer, ask why, look back, hand over."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Page, expect

from anlan.guard import audit
from anlan.web.faults import compare_versions

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 15_000
"""Longest time for something pushed to appear on a busy machine. [ms]"""


def chosen(page: Page) -> Any:
    return page.locator('.alarm-table tr[aria-selected="true"]')


def module(page: Page, name: str, expression: str) -> Any:
    """Evaluate in the page's own copy of one of our modules."""
    return page.evaluate(
        "async ([name, expression]) => { const base = document.querySelector('script[src*=\"/shell.js\"]').src.replace('shell.js', '');"
        " const m = await import(base + name + '.js'); return new Function('m', 'return ' + expression)(m); }",
        [name, expression],
    )


# --- the door


def test_the_door_says_what_anlan_is_not_and_refuses_a_wrong_password(node: Any, browser: Any) -> None:
    context = browser.new_context(base_url=node.address, locale="zh-CN")
    page = context.new_page()
    page.goto("/alarms")
    expect(page).to_have_url(re.compile(r"/login\?next=/alarms"))
    expect(page.locator(".is-not")).to_have_text(
        "本系统用于监测、预警与管理,不替代DCS、SIS、GDS和消防报警系统,不作为独立保护层。"
    )
    page.fill("[name=account]", "zhuang")
    page.fill("[name=password]", "not the password")
    page.click("[type=submit]")
    expect(page.locator(".form-error")).not_to_be_empty()
    page.fill("[name=password]", node.password)
    page.click("[type=submit]")
    expect(page).to_have_url(re.compile(r"/alarms$"), timeout=SHOWS)
    expect(page.locator(".who b")).to_have_text("庄海")
    context.close()


def test_a_password_for_one_use_is_changed_before_anything_else(node: Any, browser: Any) -> None:
    context = browser.new_context(base_url=node.address)
    page = context.new_page()
    page.goto("/login?lang=en")
    page.fill("[name=account]", "fresh")
    page.fill("[name=password]", node.password)
    page.click("[type=submit]")
    expect(page.locator("form.change-password")).to_be_visible(timeout=SHOWS)
    page.fill("[name=old]", node.password)
    page.fill("[name=new]", "calm-seas-at-dawn-9")
    page.fill("[name=again]", "calm-seas-at-dusk-9")
    page.click("[type=submit]")
    expect(page.locator(".form-error")).to_have_text("The two new passwords differ.")
    page.fill("[name=old]", node.password)
    page.fill("[name=new]", "calm-seas-at-dawn-9")
    page.fill("[name=again]", "calm-seas-at-dawn-9")
    page.click("[type=submit]")
    expect(page.locator(".shell")).to_be_visible(timeout=SHOWS)
    context.close()


def test_the_door_leads_nowhere_foreign(node: Any, browser: Any) -> None:
    context = browser.new_context(base_url=node.address)
    page = context.new_page()
    for target in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        page.goto(f"/login?next={target}")
        assert '"target":"/"' in page.content()
    context.close()


# --- the overview


def test_the_overview_shows_live_values_in_words_and_counts(sign_in: Any) -> None:
    page = sign_in()
    pressure = page.locator('[data-key="PI-101"] .figure')
    expect(pressure).to_have_text(re.compile(r"^\d{4}$"), timeout=SHOWS)
    expect(page.locator('[data-key="PI-101"] .unit')).to_have_text("kPa(表)")
    expect(page.locator('[data-sum="within"] b')).to_have_text(re.compile(r"^\d+/216$"), timeout=SHOWS)
    expect(page.locator('[data-sum="unknown"]')).to_contain_text("TI-404", timeout=SHOWS)
    expect(page.locator('[data-sum="calibrating"]')).to_contain_text("AT-203")
    expect(page.locator('[data-key="AT-203"] .mark:visible')).to_have_text("校验")
    expect(page.locator('[data-sum="bypassed"]')).to_contain_text(re.compile(r"BP-07 ?\(余 \d:\d\d:\d\d\)"))
    expect(page.locator(".notice.demo")).to_contain_text("演示数据 ×20")
    expect(page.locator(".plan polygon")).to_have_count(8)
    expect(page.locator(".plan .spot.bad, .plan .spot.none")).not_to_have_count(0)
    expect(page.locator(".chip.up")).to_have_count(4, timeout=SHOWS)


@pytest.mark.parametrize(
    ("path", "value"),
    [("/", '[data-key="AT-203"]'), ("/points/AT-203", ".point-page .now"), ("/trends?points=AT-203", ".pens tbody tr")],
)
def test_a_detector_under_calibration_is_marked_wherever_its_value_stands(sign_in: Any, path: str, value: str) -> None:
    page = sign_in(path=path)
    expect(page.locator(f"{value} .mark:visible")).to_have_text("校验", timeout=SHOWS)
    expect(page.locator(f"{value} anlan-value")).to_have_class("uncertain")
    reading = module(page, "link", "[m.link.calibrating.has('AT-203'), m.link.readings.get('AT-203').quality >> 14]")
    assert reading == [True, 0], "its reading itself is plain"


def test_values_move_without_being_asked_for(sign_in: Any) -> None:
    page = sign_in()
    value = page.locator('[data-key="LI-101"] .figure')
    expect(value).to_have_text(re.compile(r"^\d+\.\d$"), timeout=SHOWS)
    first = value.text_content()
    expect(value).not_to_have_text(str(first), timeout=SHOWS)


def test_unknown_is_not_drawn_as_a_value(sign_in: Any) -> None:
    page = sign_in(path="/points/TI-404")
    expect(page.locator(".now .figure")).to_have_text("—", timeout=SHOWS)
    expect(page.locator(".now .mark")).to_have_text("传感器故障", timeout=SHOWS)
    expect(page.locator(".now [data-detail]")).to_contain_text("无效")


def test_the_language_changes_and_stays(sign_in: Any) -> None:
    page = sign_in()
    page.click('.language a[lang="en"]')
    expect(page.locator(".ways")).to_contain_text("Overview", timeout=SHOWS)
    page.goto("/alarms")
    expect(page.locator("[data-step=acknowledge]")).to_contain_text("Acknowledge")
    page.click('.language a[lang="zh-CN"]')
    expect(page.locator("[data-step=acknowledge]")).to_contain_text("确认", timeout=SHOWS)


# --- alarms


def test_the_operators_loop_by_keyboard(sign_in: Any) -> None:
    page = sign_in(path="/alarms")
    rows = page.locator(".alarm-table tbody tr")
    expect(rows.first).to_be_visible(timeout=SHOWS)
    expect(page.locator("anlan-alarms .list .empty")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    second = rows.nth(1).get_attribute("data-alarm")
    assert chosen(page).get_attribute("data-alarm") == second
    page.keyboard.press("s")
    expect(page.locator("[data-step=silence]")).to_be_disabled(timeout=SHOWS)
    before = rows.count()
    returned = rows.filter(has_text="已恢复 未确认").first
    name = returned.get_attribute("data-alarm")
    returned.click()
    page.keyboard.press("a")
    expect(page.locator(f'[data-alarm="{name}"]')).to_have_count(0, timeout=SHOWS)
    expect(page.locator(".toast")).to_contain_text(f"已确认:{name}")
    assert rows.count() <= before


def test_the_alarm_that_the_address_names_is_the_chosen_one(sign_in: Any) -> None:
    page = sign_in(path="/alarms")
    rows = page.locator(".alarm-table tbody tr")
    expect(rows.nth(1)).to_be_visible(timeout=SHOWS)
    named = rows.last.get_attribute("data-alarm")
    page.goto(f"/alarms?alarm={named}")
    expect(rows.first).to_be_visible(timeout=SHOWS)
    expect(chosen(page)).to_have_attribute("data-alarm", str(named))


def test_an_acknowledged_alarm_says_by_whom_and_no_longer_flashes(sign_in: Any) -> None:
    page = sign_in(path="/alarms")
    active = page.locator(".alarm-table tbody tr").filter(has_text="报警中 未确认").first
    expect(active).to_be_visible(timeout=30_000)
    name = active.get_attribute("data-alarm")
    active.click()
    page.click("[data-step=acknowledge]")
    row = page.locator(f'tr[data-alarm="{name}"]')
    expect(row.locator(".state")).to_have_text("报警中 已确认", timeout=SHOWS)
    expect(row.locator(".who")).to_contain_text("庄海")
    expect(row.locator(".sym.flash")).to_have_count(0)
    expect(page.locator(".story .journal li").first).to_contain_text("庄海", timeout=SHOWS)


def test_the_story_says_why_what_to_do_and_how_long(sign_in: Any) -> None:
    page = sign_in(path="/alarms?alarm=AT-201.HH")
    expect(page.locator('tr[data-alarm="AT-201.HH"]')).to_be_visible(timeout=60_000)
    page.click('tr[data-alarm="AT-201.HH"]')
    story = page.locator(".story")
    expect(story).to_contain_text("达到或高于限值 2.00 mg/m³", timeout=SHOWS)
    expect(story.locator(".action")).not_to_be_empty()
    expect(story.locator(".journal li")).not_to_have_count(0, timeout=SHOWS)


def seen_marks(node: Any, alarm: str) -> list[Any]:
    """Leaves of the audit record that say that somebody has seen this alarm."""
    with node.harness.context.records.reading() as session:
        return [leaf for leaf in audit.read(session, 0, 10_000) if (leaf.action, leaf.subject) == ("alarm.seen", alarm)]


@pytest.mark.parametrize("by", ["button", "key"])
def test_seen_is_marked_by_button_and_by_key_and_stops_nothing(sign_in: Any, node: Any, by: str) -> None:
    account, name = {"button": ("zhuang", "庄海"), "key": ("ban", "班文")}[by]
    page = sign_in(account, "/alarms")
    expect(page.locator(".alarm-table tbody tr").first).to_be_visible(timeout=SHOWS)
    page.keyboard.press("Home")
    alarm = chosen(page).get_attribute("data-alarm")
    before = page.request.get(f"/api/v1/alarms/{alarm}").json()
    page.click("[data-step=seen]") if by == "button" else page.keyboard.press("m")
    expect(page.locator(".toast")).to_have_text(f"已标记已阅:{alarm}", timeout=SHOWS)
    expect(page.locator(".story .seen")).to_contain_text(name, timeout=SHOWS)
    after = page.request.get(f"/api/v1/alarms/{alarm}").json()
    assert name in [one["name"]["zh"] for one in after["seen"]]
    assert (after["state"], after["episode"]) == (before["state"], before["episode"])
    person = page.request.get("/api/v1/me").json()["person"]
    assert person in [leaf.who for leaf in seen_marks(node, alarm)]


def test_another_post_is_refused_with_the_reason(sign_in: Any) -> None:
    sign_in.expected.append("403 (Forbidden)")
    page = sign_in("ban", "/alarms")
    open_row = page.locator(".alarm-table tbody tr.open, .alarm-table tbody tr").first
    expect(open_row).to_be_visible(timeout=SHOWS)
    page.keyboard.press("a")
    expect(page.locator(".toast.refused")).to_contain_text("岗位", timeout=SHOWS)


def test_sound_repeats_until_silenced_and_a_blocked_browser_says_so(sign_in: Any, node: Any) -> None:
    page = sign_in(path="/alarms")
    expect(page.locator('[data-shell="mute"]')).to_be_visible(timeout=SHOWS)
    expect(page.locator('[data-shell="mute"]')).to_contain_text("声音未启用")
    page.click('[data-shell="enable-sound"]')
    expect(page.locator('[data-shell="mute"]')).to_be_hidden(timeout=SHOWS)


def test_there_is_no_way_to_acknowledge_all(sign_in: Any) -> None:
    page = sign_in(path="/alarms", language="en")
    assert not re.search(r"acknowledge all|all acknowledged", page.content(), re.IGNORECASE)


def test_the_journal_lists_each_step_with_both_times(sign_in: Any) -> None:
    page = sign_in(path="/alarms/journal")
    first = page.locator("table.journal tbody tr").first
    expect(first).to_be_visible(timeout=SHOWS)
    expect(first.locator("td").nth(2)).to_have_text(re.compile(r"\d\d:\d\d:\d\d\.\d{3}"))
    page.fill(".journal-tools input", "PI-101")
    page.keyboard.press("Enter")
    expect(page.locator("table.journal tbody tr").first).to_contain_text("PI-101", timeout=SHOWS)


# --- trends, sources


def test_a_trend_goes_from_long_to_raw_and_its_address_carries_the_view(sign_in: Any) -> None:
    page = sign_in(path="/trends?points=PI-101,AT-201")
    expect(page.locator(".status")).to_contain_text("原始读数", timeout=SHOWS)
    page.keyboard.press("3")
    expect(page.locator(".status")).to_contain_text("最小值至最大值", timeout=SHOWS)
    expect(page).to_have_url(re.compile(r"points=PI-101,AT-201&span=28800"))
    page.keyboard.press("1")
    expect(page.locator(".status")).to_contain_text("原始读数", timeout=SHOWS)
    drawn = page.evaluate(
        "document.querySelector('anlan-trend').pens.map((pen) => [pen.id, pen.data.line.length, pen.limits.length, pen.marks.length])"
    )
    assert [pen[0] for pen in drawn] == ["PI-101", "AT-201"]
    assert all(pen[1] > 20 and pen[2] == 2 and pen[3] >= 1 for pen in drawn), drawn


def test_a_bad_stretch_is_a_gap_not_a_line(sign_in: Any) -> None:
    page = sign_in(path="/trends?points=TI-404")
    expect(page.locator(".pens tbody tr")).to_have_count(1, timeout=SHOWS)
    bad = page.evaluate("document.querySelector('anlan-trend').pens[0].data.bad.length")
    line = page.evaluate("document.querySelector('anlan-trend').pens[0].data.line.filter(([, value]) => value !== null).length")
    assert (bad > 0, line) == (True, 0)


def test_a_point_is_found_by_its_chinese_name(sign_in: Any) -> None:
    page = sign_in(path="/trends")
    expect(page.locator("anlan-trend .empty")).to_be_visible()
    page.fill(".search input", "反应器压力")
    expect(page.locator(".search li").first).to_contain_text("PI-101", timeout=SHOWS)
    page.keyboard.press("Enter")
    expect(page.locator(".pens tbody tr")).to_have_count(1, timeout=SHOWS)
    expect(page).to_have_url(re.compile("points=PI-101"))


def test_the_cursor_reads_every_pen(sign_in: Any) -> None:
    page = sign_in(path="/trends?points=PI-101,TI-101")
    expect(page.locator(".pens tbody tr")).to_have_count(2, timeout=SHOWS)
    expect(page.locator("#page.settling")).to_have_count(0, timeout=SHOWS)  # what is no click is not waited with by itself
    box = page.locator("anlan-trend canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.93, box["y"] + box["height"] * 0.3)
    expect(page.locator(".pens .at").nth(1)).to_have_text(re.compile(r"^\d+\.\d$"), timeout=SHOWS)


def test_the_picture_of_a_trend_holds_what_the_screen_shows_and_its_legend(sign_in: Any, tmp_path: Path) -> None:
    """Its size is the chart's at twice the density with a line for each pen; both pens are drawn in their colours, in chart and legend."""
    page = sign_in(path="/trends?points=PI-101,TI-101")
    expect(page.locator(".pens .now .figure, .pens .figure").first).not_to_have_text("—", timeout=SHOWS)
    expect(page.locator("anlan-trend canvas").first).to_be_visible()
    chart = page.locator("anlan-trend canvas").first.bounding_box()
    with page.expect_download() as download:
        page.click("[data-export=png]")
    assert re.fullmatch(r"trend-\d{8}T\d{6}Z\.png", download.value.suggested_filename)
    download.value.save_as(tmp_path / "trend.png")
    picture = Image.open(tmp_path / "trend.png").convert("RGB")
    legend = 2 * 26 * (2 + 2)
    assert picture.size == (round(chart["width"] * 2), round(chart["height"] * 2) + legend)
    colours = [
        ImageColor.getrgb(page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--trend-{n}').trim()"))
        for n in (1, 2)
    ]
    drawn, told = (
        {colour for _, colour in part.getcolors(maxcolors=1 << 24) or []}
        for part in (
            picture.crop((0, 0, picture.width, picture.height - legend)),
            picture.crop((0, picture.height - legend, *picture.size)),
        )
    )
    assert set(colours) <= drawn
    assert set(colours) <= told


def test_sources_say_how_they_are(sign_in: Any) -> None:
    page = sign_in(path="/sources")
    card = page.locator('.source[data-source="tanks"]')
    expect(card.locator(".link-state")).to_have_text("已连接", timeout=SHOWS)
    expect(card.locator('[data-fact="bad"] b')).to_have_text("1", timeout=SHOWS)
    expect(card.locator('[data-fact="endpoint"] b')).to_have_text(re.compile(r"^127\.0\.0\.1:\d+$"))
    expect(page.locator(".health .body")).to_contain_text("报警引擎", timeout=SHOWS)


# --- people and the connection


def test_handing_over_changes_the_person_and_keeps_the_picture(sign_in: Any, node: Any) -> None:
    page = sign_in(path="/trends?points=PI-101")
    page.click('[data-shell="who"]')
    page.fill("#who-dialog [name=account]", "ban")
    page.fill("#who-dialog [name=password]", node.password)
    page.select_option("#who-dialog [name=post]", "shift")
    page.click("#who-dialog [type=submit]")
    expect(page.locator(".who b")).to_have_text("班文", timeout=SHOWS)
    expect(page).to_have_url(re.compile(r"/trends\?points=PI-101"))


def test_a_lost_connection_is_seen_at_once_and_values_grey_out(sign_in: Any) -> None:
    page = sign_in()
    expect(page.locator('[data-shell="link"].up')).to_be_visible(timeout=SHOWS)
    module(page, "link", "m.link.socket.onmessage = null")
    expect(page.locator('[data-shell="lost"]')).to_be_visible(timeout=8_000)
    expect(page.locator("body")).to_have_class(re.compile("link-lost"))
    assert page.evaluate("getComputedStyle(document.querySelector('svg.plan')).opacity") == "0.45"
    expect(page.locator("body")).not_to_have_class(re.compile("link-lost"), timeout=30_000)


def test_a_core_that_does_not_answer_is_told_apart_and_nothing_counts_as_within(sign_in: Any, node: Any) -> None:
    page = sign_in()
    expect(page.locator('[data-shell="link"].up')).to_be_visible(timeout=SHOWS)
    node.link(False)
    try:
        expect(page.locator('[data-shell="lost"]')).to_contain_text("核心进程没有应答", timeout=SHOWS)
        expect(page.locator('[data-sum="within"] b')).to_have_text("0/216", timeout=SHOWS)
        expect(page.locator('[data-key="PI-101"] .mark:visible')).to_have_text("通讯中断", timeout=SHOWS)
        expect(page.locator(".chip.up")).to_have_count(0, timeout=SHOWS)
    finally:
        node.link(True)
    expect(page.locator('[data-shell="lost"]')).to_be_hidden(timeout=SHOWS)


def test_a_lost_source_is_one_alarm_that_names_its_safety_points(sign_in: Any, node: Any) -> None:
    page = sign_in(path="/alarms?alarm=tanks.VIEW")
    expect(page.locator(".alarm-table tbody tr").first).to_be_visible(timeout=SHOWS)
    page.keyboard.press("s")
    expect(page.locator("[data-step=silence]")).to_be_disabled(timeout=SHOWS)
    assert module(page, "sound", "m.sound.priority") == 0
    node.cut("tanks")
    try:
        row = page.locator('tr[data-alarm="tanks.VIEW"]')
        expect(row).to_contain_text("失去监视", timeout=30_000)
        assert module(page, "sound", "m.sound.priority") == 1, "what is new or worse sounds again after a silence"
        row.click()
        expect(page.locator(".story")).to_contain_text("AT-203", timeout=SHOWS)
        expect(page.locator("#page")).not_to_contain_text("AT-203.STALE")
        page.goto("/")
        expect(page.locator('.chip[data-source="tanks"].down')).to_be_visible(timeout=SHOWS)
        expect(page.locator('[data-key="AT-201"] .mark:visible')).to_have_text("通讯中断", timeout=SHOWS)
    finally:
        node.mend("tanks")
    expect(page.locator('.chip[data-source="tanks"].up')).to_be_visible(timeout=SHOWS)
    page.goto("/alarms?alarm=tanks.VIEW")
    expect(page.locator('tr[data-alarm="tanks.VIEW"]')).to_contain_text("已恢复", timeout=30_000)
    expect(page.locator(".story")).to_contain_text(
        re.compile(r"\d\d:\d\d:\d\d 至 \d\d:\d\d:\d\d 数据源.+没有应答,其全部测点当时失去监视")
    )


def test_a_fault_of_the_node_stands_above_every_page_until_it_is_mended(sign_in: Any, node: Any) -> None:
    page = sign_in(path="/sources")
    bar = page.locator('[data-shell="fault"]')
    expect(page.locator('[data-shell="link"].up')).to_be_visible(timeout=SHOWS)
    expect(bar).to_be_hidden()
    compare_versions(node.harness.context, 7)
    try:
        expect(bar).to_contain_text("引擎运行的是组态版本 7", timeout=SHOWS)
        page.goto("/alarms")
        expect(bar).to_contain_text("本操作台显示的是版本 1", timeout=SHOWS)
    finally:
        compare_versions(node.harness.context, node.harness.view.version)
    expect(bar).to_be_hidden(timeout=SHOWS)


def test_a_point_that_is_not_there_is_a_404_with_ways_on(sign_in: Any) -> None:
    sign_in.expected.append("404 (Not Found)")
    page = sign_in(path="/points/NOPE")
    expect(page.locator(".instead strong")).to_contain_text("NOPE")
    expect(page.locator('[data-shell="link"].up')).to_be_visible(timeout=SHOWS)
    page.click('.instead a[href="/trends"]')
    expect(page).to_have_url(re.compile("/trends"))


@pytest.mark.parametrize("width", [390, 1024, 1440])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_the_list_hides_is_counted_at_every_width(sign_in: Any, width: int, language: str) -> None:
    page = sign_in(language=language, size=(width, 844))
    counts = page.locator(".hidden-counts > *")
    points = page.request.get("/api/v1/live").json()["items"]  # the demo's bypass ends some minutes after the start
    bypassed = sum(1 for one in points if re.fullmatch(r"BP-\d+", one["point"]) and one["value"])
    expect(page.locator('[data-shell="hidden-bypassed"] b')).to_have_text(str(bypassed), timeout=SHOWS)
    expect(counts).to_have_count(6)
    for count in counts.all():
        expect(count).to_be_visible()
        assert count.evaluate("e => e.getBoundingClientRect().right <= innerWidth && e.getBoundingClientRect().left >= 0")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", ["/", "/alarms", "/alarms/journal", "/trends?points=PI-101,BP-07", "/sources", "/points/AT-203"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_fits_a_phone(sign_in: Any, path: str, language: str) -> None:
    page = sign_in(path=path, language=language, size=(390, 844))
    expect(page.locator('[data-shell="clock"] b')).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
