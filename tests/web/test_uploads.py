"""Whole files sent to the node: no more than is allowed is read of them, they are what they are and not what they are called, and what is
given out is never run by a browser."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from fastapi import FastAPI

from anlan.monitor import api as monitor_api
from anlan.node.configuration import engine_config_in_force, view_of
from anlan.plant import api as plant_api
from anlan.plant.folder import load
from anlan.plant.running import Difference
from anlan.plant.versions import import_plant
from anlan.risk import api as risk_api
from anlan.web.app import build_app
from anlan.web.context import WebSettings
from anlan.web.gate import UPLOADS_UNDER
from anlan.web.rates import RATES, Rates
from tests.web.conftest import ROOMS, Console, console_of
from tests.web.matrix import calls
from tests.web.test_matrix import PLANT, POINTS

BOOKS = "/api/v1/alarms/master/preview"
LISTS = "/api/v1/plant/lists/read?name=list.xlsx"
KNOWN = {
    "/api/v1/alarms/master/preview", "/api/v1/alarms/master/import", "/api/v1/plant/lists/read", "/api/v1/plant/drawings/{drawing}/image",
    "/api/v1/risk/workbooks/preview", "/api/v1/risk/workbooks/import",
}  # fmt: skip
"""Routes that take whole files; of drawings: tests/plant/test_drawings.py, of worksheets: tests/web/test_worksheets.py."""


class Core:
    """Nothing is decided here."""

    async def bring_into_force(self, imported: Any) -> None: ...

    async def difference(self) -> Difference:
        return Difference(1, "a", 1, "a")


@pytest.fixture
async def whole(node: Any, people: None, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """With the plant's own routes, and little room for bodies so that a test fills it."""
    node.records.migrate({**ROOMS, "plant": "anlan.plant"})
    folder = tmp_path / "works"
    folder.mkdir()
    (folder / "plant.yaml").write_text(PLANT, "utf-8")
    (folder / "points.csv").write_text(POINTS.replace("甲", "=HYPERLINK(1)"), "utf-8")
    made = import_plant(node.records, load(folder), author="Li", reason="first", clock=node.clock)
    node.context.plant = node.view = view_of(made.plant, made.numbers, 1)
    node.context.extras["monitor.engine_config"] = lambda: engine_config_in_force(node.records)
    node.context.extras["plant.running"] = Core()
    node.context.settings = WebSettings(max_body=1 << 18, max_upload=1 << 19)
    app = build_app(node.context, routes=[plant_api.routes, monitor_api.routes, risk_api.routes])
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def admin(whole: FastAPI) -> AsyncIterator[Console]:
    async with console_of(whole) as console:
        await console.sign_in("admin")
        yield console


def bomb() -> bytes:
    """A workbook of some KB that unpacks to 200 MB."""
    out, book = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(book)
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("xl/sharedStrings2.xml", bytes(200 << 20))
    return out.getvalue()


@pytest.mark.parametrize("path", [BOOKS, LISTS, "/api/v1/plant/draft/preview"])
async def test_no_more_is_read_than_may_be_sent(admin: Console, path: str) -> None:
    """Announced or not: a body without its length is counted as it comes, and the rest is never asked for."""
    most = (1 << 19) if path.startswith(UPLOADS_UNDER) else (1 << 18)
    announced = await admin.post(path, content=bytes(most + 1))
    assert announced.status_code == 413
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while given < 1 << 30:
            given += 1 << 14
            yield bytes(1 << 14)

    counted = await admin.post(path, content=endless())
    assert counted.status_code == 413, counted.text
    assert given <= most + (1 << 15)


@pytest.mark.parametrize("path", [BOOKS, LISTS])
async def test_a_file_is_what_it_is_and_not_what_it_is_called(admin: Console, path: str) -> None:
    for content, kind in (
        (b"", "text/plain"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml"),
        (b"<html><script>alert(1)</script>", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (b"MZ\x90\x00" + bytes(512), "application/octet-stream"),
        (b"%PDF-1.7", "application/pdf"),
        (bomb(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ):
        answer = await admin.post(path, content=content, headers={"Content-Type": kind})
        assert answer.status_code == 422, (content[:20], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert b"<script" not in answer.content


async def test_a_list_s_name_is_a_name_and_no_path(admin: Console) -> None:
    for name in ("../../etc/passwd.csv", "/etc/passwd.csv", "..\\x.csv", "a.svg", "a.csv\x00.html", "a" * 300 + ".csv", ""):
        answer = await admin.post("/api/v1/plant/lists/read", params={"name": name}, content=b"id,name\nA,b\n")
        assert answer.status_code == 422, name


async def test_what_is_given_out_is_saved_and_never_run(admin: Console) -> None:
    book = await admin.get("/api/v1/alarms/master?format=xlsx")
    assert book.headers["content-disposition"].startswith("attachment; filename=")
    assert book.headers["x-content-type-options"] == "nosniff"
    cells = [cell for sheet in openpyxl.load_workbook(io.BytesIO(book.content)) for row in sheet for cell in row]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]
    assert [cell.value for cell in cells if cell.value == "=HYPERLINK(1)"], "the hostile name is there, as text"


async def test_every_route_that_takes_a_file_is_counted_and_known(whole: FastAPI) -> None:
    """A route that reads a whole body without a schema is one of KNOWN."""
    schema = whole.openapi()["paths"]
    takes = {
        call.path
        for call in calls(whole)
        if call.method in {"POST", "PUT"} and call.body is None and _reads_bytes(whole, call.path)
        if "requestBody" not in schema.get(call.path, {}).get(call.method.lower(), {})
    }
    assert takes <= KNOWN, "a new one is added there, with its tests"
    rates = Rates(None)  # type: ignore[arg-type]
    assert {rate.kind if (rate := rates.of("POST", path.replace("{", "").replace("}", ""))) else "" for path in takes} == {
        "upload"
    }
    assert [path for path in UPLOADS_UNDER if not any(one.startswith(path) for one in KNOWN)] == []
    asked = [f"{call.method} {call.path}" for call in calls(whole)]
    unused = [rate.kind for rate in RATES if not any(rate.of.fullmatch(one.replace("{", "").replace("}", "")) for one in asked)]
    assert set(unused) <= {"audit"}


def _reads_bytes(app: FastAPI, path: str) -> bool:
    """Whether the route's own code asks the request for its body."""
    import inspect

    from fastapi.routing import iter_route_contexts

    found = [one.original_route for one in iter_route_contexts(app.routes) if str(one.path) == path]
    return any("_body(request)" in (text := inspect.getsource(one.endpoint)) or "request.body()" in text for one in found)
