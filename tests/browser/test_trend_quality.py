"""What a trend says of readings that are not plainly good, in real Chromium: uncertain ones dashed, bad ones hatched, both with a legend."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from anlan.model.clock import SECOND
from anlan.model.quality import Reason, Severity, quality

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
SHOWS = 15_000
UNSURE = int(quality(Severity.UNCERTAIN, Reason.SUBSTITUTED))
FAILED = int(quality(Severity.BAD, Reason.SENSOR_FAILURE))
POINT = "LI-201"


def shot(page: Page, name: str) -> None:
    """Kept as an artefact, to be looked at."""
    folder = Path(os.environ.get("ANLAN_SHOTS", "artefacts"))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def module(page: Page, name: str, expression: str) -> Any:
    """Evaluate in the page's own copy of one of our modules."""
    return page.evaluate(
        "async ([name, expression]) => { const base = document.querySelector('script[src*=\"/shell.js\"]').src.replace('shell.js', '');"
        " const m = await import(base + name + '.js'); return new Function('m', 'return ' + expression)(m); }",
        [name, expression],
    )


def lines(page: Page) -> dict[str, Any]:
    """Of the chart's lines: how each is drawn and at how many instants it has a value."""
    found: dict[str, Any] = page.evaluate(
        "() => Object.fromEntries(document.querySelector('anlan-trend').chart.getOption().series.map(one => "
        "[one.id, {type: one.lineStyle?.type, n: one.data.filter(([, value]) => value !== null).length}]))"
    )
    return found


def send(node: Any, words: list[int], point: str = POINT) -> None:
    """One reading a second of these qualities, and no others of its source meanwhile."""
    node.world.cut.add("tanks")
    for word in words:
        at = node.harness.clock.now()
        node.harness.feed([(point, at, 62.0 + at // SECOND % 3, word)], at)
        node.harness.tick(at)
        time.sleep(1)
    node.world.cut.discard("tanks")


def test_a_line_is_parted_where_readings_are_uncertain(sign_in: Any) -> None:
    page = sign_in("zhuang", "/trends")
    raw = (
        "m.rawLine({time: [0, 1e6, 2e6, 3e6, 4e6], value: [1, 2, 3, 4, 5], quality: [0, 0x4000, 0x4000, 0, 0x8000]}, 9000, 6000)"
    )
    assert module(page, "trend_data", raw) == {
        "line": [[0, 1], [1000, 2], [2000, 3], [3000, 4], [4000, None]],
        "bad": [[4000, 6000]],
        "uncertain": [[1000, 3000]],
    }
    parted = module(page, "trend_data", f"(({{line, uncertain}}) => m.parted(line, uncertain))({raw})")
    assert parted["sure"] == [[0, 1], [1000, 2], [1000, None], [3000, 4], [4000, None]]
    assert parted["unsure"] == [[1000, 2], [2000, 3], [3000, 4], [3000, None], [4000, None]]


def test_what_was_worth_less_by_an_overdue_calibration_is_uncertain(sign_in: Any) -> None:
    page = sign_in("zhuang", "/trends")
    raw = "m.rawLine({time: [0, 1e6, 2e6], value: [1, 2, 3], quality: [0, 0, 0x8000], overdue: [[500000, 4611686018427387904]]}, 9000, 3000)"
    assert module(page, "trend_data", raw)["uncertain"] == [[1000, 2000]]
    buckets = "m.bucketLine({time: [0, 1e6], min: [1, 1], max: [2, 2], last: [2, 2], bad: [0, 0], uncertain: [false, true], rows: [5, 5]}, 1000, 9000)"
    assert module(page, "trend_data", buckets)["uncertain"] == [[1000, 2000]]


def test_uncertain_readings_are_dashed_and_the_legend_says_so(sign_in: Any, node: Any) -> None:
    send(node, [UNSURE] * 6)
    page = sign_in("zhuang", f"/trends?points={POINT}&span=60")
    page.wait_for_function(
        f"() => document.querySelector('anlan-trend').chart?.getOption()?.series.some(one => one.id === '{POINT}:uncertain')",
        timeout=SHOWS,
    )
    found = lines(page)
    assert found[POINT]["type"] != found[f"{POINT}:uncertain"]["type"]
    assert found[f"{POINT}:uncertain"]["type"] == [5, 4]
    assert found[f"{POINT}:uncertain"]["n"] >= 6
    expect(page.locator(".trend-sign").first).to_have_text("存疑")
    expect(page.locator(".trend-sign .uncertain")).to_have_css("border-top-style", "dashed")
    send(node, [FAILED] * 2)
    page.wait_for_timeout(2_000)
    shot(page, "trend-uncertain-zh")


def test_live_uncertain_readings_go_on_dashed(sign_in: Any, node: Any) -> None:
    page = sign_in("zhuang", f"/trends?points={POINT}&span=30", language="en")
    page.wait_for_function("() => document.querySelector('anlan-trend').pens?.length", timeout=SHOWS)
    page.wait_for_timeout(1_500)
    before = page.evaluate("() => document.querySelector('anlan-trend').pens[0].data.uncertain.length")
    send(node, [UNSURE] * 4)
    page.wait_for_function(f"() => document.querySelector('anlan-trend').pens[0].data.uncertain.length > {before}", timeout=SHOWS)
    expect(page.locator(".trend-sign")).to_have_text(["uncertain", "bad"])


def test_in_a_long_window_too(sign_in: Any, node: Any) -> None:
    other = "LI-202"  # has no bad reading, which would hatch the whole of its span
    send(node, [UNSURE] * 2, other)
    page = sign_in("zhuang", f"/trends?points={other}&span=28800")
    page.wait_for_function(
        f"() => document.querySelector('anlan-trend').chart?.getOption()?.series.some(one => one.id === '{other}:uncertain')",
        timeout=SHOWS,
    )
    assert lines(page)[f"{other}:uncertain"]["type"] == [5, 4]
