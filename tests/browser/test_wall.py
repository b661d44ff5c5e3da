"""The wall in real Chromium: it turns, stops at an alarm of priority 1, says at once when nothing is live, and does not grow."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]
SHOWS = 15_000
FOUR_K = (3840, 2160)
ALL = "view=overview&view=alarms&view=trend:PI-101,AT-201&view=place:hualan/U200"
KINDS = ["overview", "alarms", "trend", "place"]
TURNS = 160
"""Of four views; a leak of one listener a view would show forty times."""


def shot(page: Page, name: str) -> None:
    """Kept as an artefact, to be looked at."""
    folder = Path(os.environ.get("ANLAN_SHOTS", "artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


@pytest.fixture
def wall(sign_in: Any) -> Callable[..., Page]:
    """`wall("view=alarms&every=5")` opens a wall, which has no frame to wait for."""
    first = sign_in("zhuang", "/wall/choose")

    def show(query: str, size: tuple[int, int] = (1920, 1080)) -> Page:
        first.set_viewport_size({"width": size[0], "height": size[1]})
        first.goto(f"/wall?{query}")
        first.wait_for_selector(".wall .view")
        return first  # type: ignore[no-any-return]

    return show


def view(page: Page) -> str:
    return str(page.locator(".wall .view").get_attribute("data-kind"))


def first_view(page: Page) -> None:
    """By hand, also while an alarm is held: the story has some of priority 1 from the beginning."""
    expect(page.locator(".held")).to_be_visible(timeout=60_000)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")


def acknowledge_all(node: Any, page: Page, priority: int = 1) -> None:
    """By the API, one by one, as the operator at the post would."""
    rows = page.request.get("/api/v1/alarms").json()["items"]
    for row in [row for row in rows if row["priority"] == priority and "UNACKNOWLEDGED" in row["state"]]:
        body = {"episode": row["episode"], "priority": row["priority"], "reason": "seen on the wall"}
        page.request.post(f"/api/v1/alarms/{row['id']}/acknowledge", data=body, headers={"Origin": node.address})


def test_each_view_by_hand_in_the_language_of_the_link(wall: Any) -> None:
    page = wall(f"{ALL}&every=3600&lang=en", FOUR_K)
    first_view(page)
    expect(page.locator(".wall .view h1")).to_have_text("Overview")
    expect(page.locator('.wall [data-sum="within"] b')).to_have_text(re.compile(r"^\d+/\d+$"), timeout=SHOWS)
    seen = []
    for kind in KINDS:
        expect(page.locator(f'.wall .view[data-kind="{kind}"]')).to_be_visible()
        page.wait_for_timeout(1500)  # charts draw, values arrive
        shot(page, f"wall-{kind}-en")
        seen.append(view(page))
        fills = page.evaluate(
            "() => [...document.querySelectorAll('.wall canvas')].map(one => one.getBoundingClientRect().height / innerHeight)"
        )
        assert all(part > 0.25 for part in fills)
        page.keyboard.press("ArrowRight")
    assert seen == KINDS
    expect(page.locator(".ways")).to_have_count(0)


def test_it_stops_at_an_alarm_of_priority_1_and_goes_on_once_it_is_acknowledged(wall: Any, node: Any) -> None:
    page = wall("view=overview&view=alarms&every=5&lang=zh")
    expect(page.locator(".held")).to_be_visible(timeout=60_000)
    expect(page.locator(".held")).to_contain_text("处置措施")
    expect(page.locator(".held .since")).not_to_be_empty()
    shot(page, "wall-held-zh")
    assert view(page) == "alarms"
    page.wait_for_timeout(7_000)
    expect(page.locator(".dots i.on")).to_have_count(1)
    assert page.evaluate("() => [...document.querySelectorAll('.dots i')].findIndex(one => one.classList.contains('on'))") == 0
    acknowledge_all(node, page)
    expect(page.locator(".held")).to_be_hidden(timeout=SHOWS)
    expect(page.locator('.wall .view[data-kind="overview"]')).to_be_visible()
    expect(page.locator('.wall .view[data-kind="alarms"]')).to_be_visible(timeout=SHOWS)


def test_a_lost_connection_is_seen_at_once_and_all_is_grey(wall: Any, node: Any) -> None:
    page = wall("view=place:hualan/U200&lang=zh", FOUR_K)
    expect(page.locator(".wall anlan-value .figure").first).not_to_have_text("—", timeout=SHOWS)
    node.link(False)
    expect(page.locator(".wall-bar.lost")).to_contain_text("画面", timeout=5_000)
    expect(page.locator("body")).to_have_class(re.compile("link-lost"))
    assert "grayscale(1)" in page.eval_on_selector(".wall > .stage", "one => getComputedStyle(one).filter")
    shot(page, "wall-lost-zh")
    node.link(True)
    expect(page.locator(".wall-bar.lost")).to_be_hidden(timeout=SHOWS)


@pytest.mark.parametrize("size", [(1920, 1080), FOUR_K, (1280, 1024)])
def test_it_is_legible_from_five_metres(wall: Any, size: tuple[int, int]) -> None:
    """3.2 % of the height of a 16:9 screen for what is read, 2 % for the rest; nothing runs out of the screen."""
    page = wall(f"{ALL}&every=3600&lang=zh", size)
    unit = min(size[1] / 100, size[0] * 0.005625)
    first_view(page)
    for kind in KINDS:
        expect(page.locator(f'.wall .view[data-kind="{kind}"]')).to_be_visible()
        page.wait_for_timeout(500)
        sizes = page.evaluate(
            "() => [...document.querySelectorAll('.wall :not(svg *, template, script)')].filter(one => one.checkVisibility() && "
            "[...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())).map(one => [parseFloat(getComputedStyle(one).fontSize), one.className || one.tagName])"
        )
        assert [one for one in sizes if one[0] < 2 * unit - 0.1] == []
        main = page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('.wall .view')).fontSize)")
        assert main >= 3.2 * unit - 0.1
        over = page.evaluate(
            "() => [document.documentElement.scrollWidth - innerWidth, document.querySelector('.wall').scrollHeight - innerHeight]"
        )
        assert max(over) <= 1
        page.keyboard.press("ArrowRight")


def measured(page: Page) -> dict[str, float]:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
        page.wait_for_timeout(300)
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    watched = page.evaluate(
        "async () => { const base = document.querySelector('script[src*=\"/wall.js\"]').src.replace('wall.js', '');"
        " const { link } = await import(base + 'link.js'); return [...link.watchers.values()].reduce((sum, all) => sum + all.size, 0); }"
    )
    return {"listeners": found["JSEventListeners"], "nodes": found["Nodes"], "heap": found["JSHeapUsedSize"], "watched": watched}


def turn(page: Page, times: int) -> None:
    for n in range(times):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(30 if n % 8 else 500)  # now and then long enough for charts and their data to arrive


def test_it_turns_for_weeks_without_growing(wall: Any) -> None:
    page = wall(f"{ALL}&every=3600&lang=zh")
    turn(page, 40)
    before = measured(page)
    turn(page, TURNS)
    after = measured(page)
    assert after["listeners"] - before["listeners"] < TURNS / 8
    assert after["nodes"] - before["nodes"] < TURNS * 10
    assert after["watched"] == before["watched"]
    assert after["heap"] < before["heap"] * 1.3 + 3e6


def test_a_new_version_makes_the_page_anew(wall: Any, node: Any) -> None:
    from dataclasses import replace

    page = wall("view=alarms&lang=zh")
    page.evaluate("() => (window.old = true)")
    context = node.harness.context
    node.harness.on_loop(setattr, context, "plant", replace(context.plant, version=context.plant.version + 1))
    page.wait_for_function("() => !window.old", timeout=SHOWS)
    expect(page.locator('.wall .view[data-kind="alarms"]')).to_be_visible(timeout=SHOWS)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("view=nothing", "view=nothing:应为 overview、alarms、trend:位号,位号 或 place:路径"),
        ("view=trend:XX-1", "本装置没有测点 XX-1"),
        ("view=place:hualan/U999", "本装置没有部位 hualan/U999"),
        ("every=1", "every=1:应为 5 至 3600 的整数秒"),
    ],
)
def test_a_wrong_link_says_what_would_be_right(sign_in: Any, query: str, says: str) -> None:
    sign_in.expected += ["404"]
    page = sign_in("zhuang", f"/wall?{query}")
    expect(page.locator(".instead")).to_contain_text(says)


def test_the_form_makes_the_link(sign_in: Any) -> None:
    page = sign_in("zhuang", "/wall/choose")
    page.uncheck('input[value="alarms"]')
    page.select_option("select[multiple]", ["place:hualan/U100", "place:hualan/U200"])
    page.fill('input[name="view"][list]', "PI-101, AT-201")
    page.select_option('select[name="every"]', "30")
    page.select_option('select[name="lang"]', "en")
    shot(page, "wall-choose-zh")
    with page.context.expect_page() as opened:
        page.click('[type="submit"] >> nth=0')
    made = opened.value
    made.wait_for_selector(".wall .view")
    assert made.url.endswith(
        "/wall?every=30&lang=en&view=overview&view=place%3Ahualan%2FU100&view=place%3Ahualan%2FU200&view=trend%3API-101%2CAT-201"
    )
    expect(made.locator(".dots i")).to_have_count(4)
