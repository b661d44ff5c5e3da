"""The settings in real Chromium: what I set for myself, what the node is set to, and the language that changes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from anlan.guard.passwords import hash_password
from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.words import Label
from anlan.node.facts import RunningNode
from anlan.node.layout import NodeFolder
from anlan.web.listening import Listening
from anlan.web.node_facts import EXTRA

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SHOWS = 15_000
PICTURES = os.environ.get("ANLAN_PICTURES")


def test_what_is_in_force_is_shown_and_rules_are_changed_there(node: Any, sign_in: Any) -> None:
    harness = node.harness
    harness.context.extras[EXTRA] = RunningNode(
        NodeFolder(harness.folder), Listening(), [harness.folder / "witness.jsonl"], demo=True
    )
    with harness.records.session() as session:
        new = NewPerson("shezhi", Label(zh="管理", en="Guan Li"), (Held("administrator"),))
        add_person(session, new, hash_password(node.password), harness.clock, must_change=False)
    page: Page = sign_in("shezhi", "/settings")
    rows = page.locator('[data-section="people"]')
    expect(rows).to_contain_text("密码与会话", timeout=SHOWS)
    expect(page.locator('[data-section="node"]')).to_contain_text(str(harness.folder))
    expect(page.locator('[data-section="audit"]')).to_contain_text("witness.jsonl")
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / "settings.png")
    page.locator('[data-act="policy"]').click()
    page.locator("dialog.aside [name=policy]").select_option("mlps3")
    page.locator("dialog.aside [name=reason]").fill("等级保护三级")
    page.locator("dialog.aside [type=submit]").click()
    expect(rows).to_contain_text("等", timeout=SHOWS)
    page.locator('[data-act="language"][data-language="en"]').click()
    expect(page.locator("anlan-settings")).to_contain_text("For me, at this browser", timeout=SHOWS)
