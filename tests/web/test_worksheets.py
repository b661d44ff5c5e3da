"""Worksheets over the API: versions that nobody loses, links checked against the plant, review and signature by others, all on record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.records import AuditLeaf
from anlan.model.words import Label
from tests.web.conftest import PASSWORD, Console, Node

pytestmark = [pytest.mark.timeout(120)]
PATH = "/api/v1/risk/worksheets"
FULL = {
    "step": "连接鹤管",
    "hazard": "泄漏",
    "consequence": "中毒",
    "L": "3",
    "S": "5",
    "links": "point:AT-203; place:hualan/U200",
}
JHA = {"form": "jha", "method": "ls-a", "title": "液氯卸车", "place": "hualan/U200", "day": "2026-11-20", "reason": "first draft"}


async def made(console: Console, **more: Any) -> dict[str, Any]:
    answer = await console.post(PATH, json={**JHA, "lines": [{"cells": FULL}], **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def put(console: Console, told: dict[str, Any], base: int, *lines: dict[str, Any]) -> Any:
    body = {
        "base": base,
        "reason": "next",
        "title": told["title"],
        "place": told["place"],
        "day": told["day"],
        "lines": list(lines),
    }
    return await console.put(f"{PATH}/{told['id']}", json=body)


async def test_a_sheet_is_scored_listed_and_linked(node: Node, console: Console) -> None:
    await console.sign_in("safety")
    told = await made(console)
    (line,) = told["lines"]
    assert line["score"] == {"product": "15", "level": "2", "colour": "orange", "words": {"zh": "较大 橙", "en": "considerable, orange"}, "rule": "10 ≤ R < 20"}  # fmt: skip
    assert told["scale"]["unverified"] is True
    assert [(one["id"], one["found"]) for one in told["links"]] == [("AT-203", True), ("hualan/U200", True)]
    listed = (await console.get(PATH, params={"place": "hualan/U200", "colour": "orange"})).json()["items"]
    assert [(one["id"], one["state"], one["counts"]["orange"]) for one in listed] == [(told["id"], "draft", 1)]
    assert (await console.get(PATH, params={"colour": "red"})).json()["items"] == []
    assert (await console.get(PATH, params={"place": "hualan/U300"})).json()["items"] == []
    wrong = await console.post(PATH, json={**JHA, "lines": [{"cells": {"links": "point:AT-999"}}]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "sheet-mistakes")
    assert [(m["line"], m["column"]) for m in wrong.json()["facts"]["mistakes"]] == [(1, "links")]

    node.context.plant = replace(node.view, points={n: p for n, p in node.view.points.items() if p.id != "AT-203"})
    gone = (await console.get(f"{PATH}/{told['id']}")).json()["links"]
    assert [(one["id"], one["found"]) for one in gone] == [("AT-203", False), ("hualan/U200", True)]
    kept = await put(console, told, 1, {"id": line["id"], "cells": {**FULL, "L": "2"}})
    assert kept.status_code == 200, "a link that stood before is shown as gone, not refused"


async def test_of_two_who_edit_at_once_nobody_loses_anything(console: Console) -> None:
    await console.sign_in("safety")
    told = await made(console, lines=[{"cells": FULL}, {"cells": {"step": "启泵"}}])
    first, second = told["lines"]
    theirs = await put(
        console, told, 1, {"id": first["id"], "cells": {**FULL, "L": "4"}}, {"id": second["id"], "cells": second["cells"]}
    )
    assert theirs.json()["number"] == 2
    yours = await put(
        console,
        told,
        1,
        {"id": first["id"], "cells": {**FULL, "L": "2", "added": "双阀"}},
        {"id": second["id"], "cells": {"step": "启动泵"}},
    )
    assert (yours.status_code, yours.json()["code"]) == (409, "sheet-moved")
    assert yours.json()["facts"]["clashing"] == [{"line": "r1", "column": "L", "theirs": "4", "yours": "2"}]
    again = await put(
        console,
        told,
        2,
        {"id": first["id"], "cells": {**FULL, "L": "2", "added": "双阀"}},
        {"id": second["id"], "cells": {"step": "启动泵"}},
    )
    assert again.json()["number"] == 3
    changed = (await console.get(f"{PATH}/{told['id']}/versions/3/changes")).json()["items"]
    assert {(one["line"], one["column"], one["after"]) for one in changed} == {
        ("r1", "L", "2"),
        ("r1", "added", "双阀"),
        ("r2", "step", "启动泵"),
    }
    assert [one["number"] for one in again.json()["versions"]] == [3, 2, 1]
    same = await put(console, told, 3, *({"id": one["id"], "cells": one["cells"]} for one in again.json()["lines"]))
    assert same.json()["code"] == "command-refused", "nothing would change"


async def test_others_review_and_sign_what_is_filled_in(node: Node, console: Console, hashed: str) -> None:
    with node.records.session() as session:
        add_person(
            session, NewPerson("principal", Label(zh="李明"), (Held("hazard_principal"),)), hashed, node.clock, must_change=False
        )
    await console.sign_in("admin")
    told = await made(console, lines=[{"cells": FULL}, {"cells": {"step": "启泵", "L": "1"}}])
    assert told["may"] == {"edit": True, "sign": False}
    body = {"number": 1, "password": PASSWORD}
    assert (await console.post(f"{PATH}/{told['id']}/review", json=body)).status_code == 403
    await console.sign_in("safety")
    missing = await console.post(f"{PATH}/{told['id']}/review", json=body)
    assert (missing.status_code, missing.json()["code"]) == (409, "command-refused")
    assert "2 (hazard, consequence, S)" in missing.json()["detail"]
    await console.sign_in("admin")
    await put(console, told, 1, {"id": told["lines"][0]["id"], "cells": FULL})
    await console.sign_in("safety")
    assert (await console.post(f"{PATH}/{told['id']}/sign", json={**body, "number": 2})).status_code == 409, "not reviewed yet"
    assert (await console.post(f"{PATH}/{told['id']}/review", json={"number": 2, "password": "wrong"})).status_code == 403
    assert (await console.post(f"{PATH}/{told['id']}/review", json=body)).status_code == 409, "another version is current"
    reviewed = await console.post(f"{PATH}/{told['id']}/review", json={**body, "number": 2})
    assert reviewed.json()["state"] == "reviewed"
    both = await console.post(f"{PATH}/{told['id']}/sign", json={**body, "number": 2})
    assert (both.status_code, both.json()["code"]) == (403, "own-work"), "who reviewed it does not sign it too"
    await console.sign_in("principal")
    signed = (await console.post(f"{PATH}/{told['id']}/sign", json={**body, "number": 2})).json()
    assert (signed["state"], signed["unchanged"]) == ("signed", True)
    assert [one["step"] for one in signed["signatures"]] == ["review", "sign"]
    await console.sign_in("safety")
    own = await put(console, told, 2, {"id": told["lines"][0]["id"], "cells": {**FULL, "L": "1"}})
    assert own.json()["state"] == "draft", "a later version is a draft again"
    refused = await console.post(f"{PATH}/{told['id']}/review", json={"number": 3, "password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (403, "own-work")
    with node.records.reading() as session:
        actions = session.scalars(sa.select(AuditLeaf.action).where(AuditLeaf.subject == told["id"]).order_by(AuditLeaf.n)).all()
    assert actions == ["worksheet.create", "worksheet.change", "worksheet.review", "worksheet.sign", "worksheet.change"]


async def test_a_branch_sees_and_edits_its_own(console: Console) -> None:
    await console.sign_in("safety")
    told = await made(console)
    await console.sign_in("branch")
    assert (await console.get(PATH)).json()["items"] == []
    assert (await console.get(f"{PATH}/{told['id']}")).status_code == 404
    refused = await console.post(PATH, json={**JHA, "lines": []})
    assert refused.status_code == 403


async def test_lines_are_scored_without_being_kept(console: Console) -> None:
    await console.sign_in("safety")
    lines = [{"cells": {"L": "5", "S": "4"}}, {"cells": {"L": "5"}}]
    told = (await console.post(f"{PATH}/score", json={"form": "hazop", "method": "ls-b", "lines": lines})).json()
    assert told["counts"] == {"red": 1, "orange": 0, "yellow": 0, "blue": 0, "unassessed": 1}
    wrong = (await console.post(f"{PATH}/score", json={"lines": [{"cells": {"L": "9"}}]})).json()
    assert [(m["line"], m["column"]) for m in wrong["mistakes"]] == [(1, "L")]
    asked = (await console.get(f"{PATH}/deviations", params={"parameter": "level"})).json()["items"]
    assert [one["words"]["zh"] for one in asked] == ["无液位", "液位过高", "液位过低"]


async def test_a_workbook_comes_back_as_the_next_version(console: Console) -> None:
    import io

    import openpyxl

    await console.sign_in("safety")
    told = await made(console)
    book = await console.get(f"{PATH}/{told['id']}/book")
    opened = openpyxl.load_workbook(io.BytesIO(book.content))
    opened["工作表Sheet"]["H3"] = 4
    opened["工作表Sheet"]["B4"] = "启泵"
    out = io.BytesIO()
    opened.save(out)
    under = "/api/v1/risk/workbooks"
    seen = (await console.post(f"{under}/preview", content=out.getvalue())).json()
    assert (seen["of"]["id"], seen["accepted"], seen["mistakes"]) == (told["id"], True, [])
    assert [(one["line"], one["column"], one["after"]) for one in seen["changes"]] == [("r1", "L", "4"), ("r2", "", "启泵")]
    assert (await console.get(f"{PATH}/{told['id']}")).json()["number"] == 1, "a preview changes nothing"
    asked = {"base": 1, "reason": "from the shift", "name": "卸车.xlsx"}
    kept = await console.post(f"{under}/import", params=asked, content=out.getvalue())
    assert (kept.json()["number"], kept.json()["origin"], kept.json()["counts"]["red"]) == (2, "卸车.xlsx", 1)
    moved = await console.post(f"{under}/import", params=asked, content=book.content)
    assert moved.json()["code"] == "sheet-moved"
    anew = await console.post(f"{under}/import", params={"reason": "as a new one"}, content=book.content)
    assert (anew.json()["number"], anew.json()["id"] != told["id"]) == (1, True)
    opened["工作表Sheet"]["H3"] = "=1+1"
    spoiled = io.BytesIO()
    opened.save(spoiled)
    refused = await console.post(f"{under}/import", params=asked, content=spoiled.getvalue())
    assert (refused.status_code, refused.json()["facts"]["mistakes"][0]["cell"]) == (422, "工作表Sheet!H3")
    assert (await console.post(f"{under}/preview", content=b"")).status_code == 422
    named = await console.post(f"{under}/import", params={**asked, "name": "worksheets/../x.yaml"}, content=book.content)
    assert named.status_code == 422


async def test_a_version_is_printed_with_what_it_rests_on(console: Console) -> None:
    import io
    import re

    from pypdf import PdfReader

    await console.sign_in("safety", language="zh")
    told = await made(console)
    printed = await console.get("/api/v1/print/worksheet", params={"id": told["id"]})
    assert printed.status_code == 200, printed.text
    text = re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(printed.content)).pages))
    for words in (
        "液氯卸车",
        "工作危害分析JHA",
        "未核对原文",
        "R=L×S",
        "较大橙10≤R<20",
        "草稿:尚无人签字",
        "AT-203",
        "15较大橙·#1",
        "适用范围与限制",
        "第1/",
        "不替代DCS",
    ):
        assert words in text, words
