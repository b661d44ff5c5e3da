"""The first hour, as real processes: an empty node leads to a source, a value that arrives, an alarm that raises: at the page, and by the API."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import async_playwright, expect

from anlan.node.supervisor import read_processes
from anlan.sense.modbus.simulator import ModbusServer
from anlan.sense.opcua.simulator import OpcUaServer
from tests.chromium import CHROMIUM
from tests.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PATIENCE = 120.0
SHOWS = 30_000
OWN = "wave-after-wave-9"
PICTURES = os.environ.get("ANLAN_PICTURES")
"""A folder to keep screenshots in, for whoever wants to look."""


@dataclass(frozen=True)
class Node:
    """What `anlan init` and `anlan up` have made; its first administrator has chosen an own password."""

    folder: Path
    address: str

    def pids(self) -> dict[str, int]:
        return {name: child["pid"] for name, child in read_processes(self.folder / "data" / "run")["children"].items()}


def sign_in(client: httpx.Client, address: str, password: str) -> None:
    opened = client.post("/session", json={"account": "admin", "password": password, "language": "en"}).raise_for_status()
    client.headers.update({"X-CSRF-Token": opened.json()["csrf"], "Origin": address, "Accept-Language": "en"})


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("first-hour")
    environment = {**os.environ, "LANG": "C", "LC_ALL": "C"}
    anlan, works, output = [sys.executable, "-m", "anlan"], str(folder / "works"), folder / "up.out"
    subprocess.run([*anlan, "init", works, "--name", "示例企业"], check=True, env=environment, capture_output=True)
    command = [*anlan, "up", works, "--data", str(folder / "data"), "--port", str(free_ports())]
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    try:
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(r"Console: (http://\S+)", output.read_text("utf-8"))):
            assert time.monotonic() < deadline, output.read_text("utf-8")
            time.sleep(0.1)
        first = re.findall(r"^ +admin +(\S+)$", output.read_text("utf-8"), re.MULTILINE)[0]
        with httpx.Client(base_url=f"{found[1]}/api/v1", timeout=60) as client:
            sign_in(client, found[1], first)
            client.post("/me/password", json={"old": first, "new": OWN}).raise_for_status()
        yield Node(folder, found[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


async def until(true: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                if found := await true():
                    return found
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)


@pytest.fixture
async def console(node: Node) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{node.address}/api/v1", timeout=60) as client:
        opened = await client.post("/session", json={"account": "admin", "password": OWN, "language": "en"})
        client.headers.update({"X-CSRF-Token": opened.json()["csrf"], "Origin": node.address, "Accept-Language": "en"})
        yield client


@pytest.fixture
async def server() -> AsyncIterator[OpcUaServer]:
    server = OpcUaServer()
    server.add("Tanks/V101/Level", "Double", 81.5, unit="%", range=(0, 100), description="储罐液位")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def device() -> AsyncIterator[ModbusServer]:
    device = ModbusServer()
    device.set("hr:0 float32", 81.5)
    await device.start()
    yield device
    await device.stop()


@pytest.mark.browser
async def test_the_page_leads_from_an_empty_plant_to_the_first_alarm(node: Node, device: ModbusServer) -> None:
    found: list[str] = []

    async def keep(name: str) -> None:
        if PICTURES:
            await page.screenshot(path=Path(PICTURES) / f"start-{name}.png")

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
        page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: found.append(str(error)))
        await page.goto(f"{node.address}/login")
        await page.fill("[name=account]", "admin")
        await page.fill("[name=password]", OWN)
        await page.click("[type=submit]")
        await page.wait_for_url("**/start", timeout=SHOWS)
        await expect(page.locator(".start-head")).to_contain_text("装置还没有数据源", timeout=SHOWS)
        await keep("choose")
        await page.click("[data-way=modbus]")
        await page.fill("[name=host]", "127.0.0.1")
        await page.fill("[name=port]", str(free_ports()))
        await page.click("[data-send=scan] [type=submit]")
        await expect(page.locator(".start-error")).to_contain_text("没有服务在监听", timeout=SHOWS)
        await page.fill("[name=port]", str(device.port))
        await page.fill("[name=count]", "12")
        await page.click("[data-send=scan] [type=submit]")
        line = page.locator("tr[data-key='hr:0']")
        await expect(line).to_contain_text("81.5", timeout=SHOWS)
        device.set("hr:0 float32", 82.5)
        await page.click("[data-send=scan] [type=submit]")
        await expect(line).to_contain_text("变化 ×1", timeout=SHOWS)
        await line.locator("select").select_option("float32")
        await line.locator("[type=checkbox]").check()
        await keep("modbus")
        await page.click("footer [data-act=points]")
        cells = {"id": "LT-100", "name": "一号罐液位", "place": "U100", "kind": "level", "unit": "degX"}
        for key, text in cells.items():
            await page.fill(f"[data-key={key}]", text)
        await page.click("[data-act=preview]")
        await expect(page.locator("[data-key=unit].wrong")).to_be_focused(timeout=SHOWS)
        await keep("mistake")
        await page.fill("[data-key=unit]", "%")
        await page.fill("[data-part=name]", "罐区")
        await page.locator("[data-part=post]").select_option("panel")
        await page.click("[data-act=preview]")
        await expect(page.locator(".start-seen")).to_contain_text("LT-100", timeout=SHOWS)
        await keep("preview")
        await page.click("[data-act=add]")
        await page.wait_for_url("**/start?added=*", timeout=SHOWS)
        await expect(page.locator("[data-point=LT-100] .figure")).to_have_text("82.50", timeout=SHOWS)
        await page.locator("details.help summary").first.click()
        await page.fill("[name=limit]", "80")
        await expect(page.locator(".start-hint")).to_contain_text("立即报警", timeout=SHOWS)
        await keep("limit")
        await page.fill("[name=time_to_respond]", "300")
        await page.fill("[name=consequence]", "满罐溢流")
        await page.fill("[name=action]", "停止进料")
        await page.click("[data-send=limit] [type=submit]")
        await expect(page.locator(".start-first")).to_contain_text("首个报警已触发:LT-100.H", timeout=SHOWS)
        await keep("first-alarm")
        await page.goto(f"{node.address}/sources")
        await expect(page.locator(".to-start a")).to_have_attribute("href", "/start", timeout=SHOWS)
        await browser.close()
    assert [text for text in found if "422" not in text] == []


async def test_a_source_is_browsed_and_added_by_the_api(
    node: Node, console: httpx.AsyncClient, server: OpcUaServer, device: ModbusServer
) -> None:
    async def look(what: str, **body: Any) -> dict[str, Any]:
        return dict((await console.post(f"/devices/{what}", json=body)).raise_for_status().json())

    before = node.pids()
    assert [one["security"] for one in (await look("opcua/endpoints", url=server.url))["endpoints"]] == ["none"]
    level: dict[str, Any] = {"node": ""}
    for step in ("Tanks", "V101", "Level"):
        told = await look("opcua/browse", url=server.url, security="none", node=level["node"])
        level = next(item for item in told["items"] if item["name"] in {step, "储罐液位"})
    assert (level["value"], level["readable"]) == (81.5, True)

    point = level["row"] | {"id": "LT-101", "place": "U200", "kind": "level", "source": "dcs"}
    addition = {
        "places": [{"path": "U200", "name": {"zh": "罐区"}, "post": "panel"}],
        "source": {"id": "dcs", "driver": "opcua", "options": {"url": server.url, "security": "none"}},
        "points": [point | {"unit": "degX"}],
    }
    wrong = (await console.post("/plant/additions/preview", json=addition)).json()
    assert [(one["row"], one["column"]) for one in wrong["problems"] if one["fatal"]] == [(0, "unit")]
    addition["points"] = [point]
    seen = (await console.post("/plant/additions/preview", json=addition)).json()
    assert (seen["fatal"], {c["what"] for c in seen["changes"]}) == (False, {"place", "source", "point"})
    version = seen["version"]
    body = addition | {"base": version, "reason": "first source"}
    key = {"Idempotency-Key": "first"}
    made = [(await console.post("/plant/additions", json=body, headers=key)).raise_for_status().json() for _ in range(2)]
    assert [one["version"] for one in made] == [version + 1] * 2

    async def value() -> Any:
        items = (await console.get("/live")).json()["items"]
        return next((row["value"] for row in items if row["point"] == "LT-101"), None)

    assert await until(value) == 81.5
    limit = {
        "id": "LT-101",
        "H": "80",
        "priority": "2",
        "consequence_zh": "溢流",
        "corrective_action_zh": "停泵",
        "time_to_respond": "300",
    }
    body = {"limits": [limit], "base": version + 1, "reason": "first limit"}
    assert (await console.post("/plant/additions", json=body)).raise_for_status().json()["version"] == version + 2

    async def standing() -> Any:
        return [row for row in (await console.get("/alarms")).json()["items"] if row["id"] == "LT-101.H"]

    assert (await until(standing))[0]["priority"] == 2

    row = {
        "id": "PT-102",
        "place": "U200",
        "name_zh": "压力",
        "kind": "pressure",
        "unit": "kPaG",
        "source": "plc",
        "address": "hr:0 float32",
    }
    source = {"id": "plc", "driver": "modbus", "options": {"host": device.host, "port": device.port}}
    body = {"source": source, "points": [row], "base": version + 2, "reason": "second source"}
    (await console.post("/plant/additions", json=body)).raise_for_status()
    await until(lambda: _has(console, "PT-102", 81.5))
    assert node.pids() == before, "nothing was restarted"
    assert server.recording.counts["CreateSubscription"] == 1, "the first source ran on while the second one was added"
    leaves = (await console.get("/audit")).json()["items"]
    assert {"source.look", "source.configure"} <= {leaf["action"] for leaf in leaves}


SITE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 400"><script>alert(1)</script><rect width="800" height="400" fill="#20262b"/>
<g fill="none" stroke="#59636d" stroke-width="3"><rect x="60" y="60" width="260" height="220"/><circle cx="150" cy="160" r="50"/><circle cx="250" cy="210" r="40"/>
<path d="M320 170H520V90H740M520 170V330H740"/><rect x="540" y="240" width="180" height="120"/></g><text x="70" y="90" fill="#8f99a3" font-size="22">T-900</text></svg>"""


@pytest.mark.browser
async def test_the_plants_own_drawing_becomes_the_plan(
    node: Node, console: httpx.AsyncClient, device: ModbusServer, tmp_path: Path
) -> None:
    place = {"path": "U900", "name": {"zh": "新罐区"}, "post": "panel"}
    row = {
        "id": "LT-900",
        "place": "U900",
        "name_zh": "液位",
        "kind": "level",
        "unit": "%",
        "source": "tank",
        "address": "hr:0 float32",
    }
    source = {"id": "tank", "driver": "modbus", "options": {"host": device.host, "port": device.port}}
    limit = {"H": "80", "priority": "2", "consequence_zh": "溢流", "corrective_action_zh": "停泵", "time_to_respond": "300"}
    addition = {"places": [place], "source": source, "points": [row | limit]}
    seen = (await console.post("/plant/additions/preview", json=addition)).raise_for_status().json()
    body = {**addition, "base": seen["version"], "reason": "to be drawn"}
    (await console.post("/plant/additions", json=body)).raise_for_status()
    file = tmp_path / "总图.svg"
    file.write_text(SITE, "utf-8")
    found: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
        page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: found.append(str(error)))
        opened = await page.request.post(
            f"{node.address}/api/v1/session", data={"account": "admin", "password": OWN}, headers={"Origin": node.address}
        )
        assert opened.ok
        await page.goto(f"{node.address}/drawing")
        await page.set_input_files("[type=file]", file)
        sheet = page.locator(".drawing-sheet svg")
        await expect(sheet).to_be_visible(timeout=SHOWS)
        box = await sheet.bounding_box()
        assert box is not None
        await page.locator("[data-act=choose][data-id='LT-900']").drag_to(
            sheet, target_position={"x": box["width"] * 0.25, "y": box["height"] * 0.5}
        )
        await expect(page.locator(".spots [data-id='LT-900']")).to_be_visible(timeout=SHOWS)
        unit = page.locator(".drawing-list [data-what=places]", has_text="U900")
        await unit.click()
        for key in ("Enter", "Shift+ArrowLeft", "Shift+ArrowLeft", "ArrowUp", "Shift++"):
            await page.keyboard.press(key)
        await page.check("[name=invert]")
        await page.click("[data-act=save]")
        await expect(page.locator(".toast")).to_contain_text("已保存", timeout=SHOWS)
        if PICTURES:
            await page.screenshot(path=Path(PICTURES) / "drawing-edit.png")
        await page.goto(f"{node.address}/")
        await expect(page.locator(".plan .spot.good[data-points='LT-900']")).to_be_visible(timeout=SHOWS)
        await expect(page.locator(".plan image.own.invert")).to_be_visible()
        await expect(page.locator("[data-unit-mark$='/U900'] .sym")).to_be_visible(timeout=SHOWS)
        if PICTURES:
            await page.screenshot(path=Path(PICTURES) / "drawing-overview.png")
        where = (await page.locator("[data-unit-mark$='/U900']").get_attribute("data-unit-mark")) or ""
        await page.goto(f"{node.address}/drawing?place={where}")
        await page.set_input_files("[type=file]", file)
        await page.locator("[data-act=choose][data-id='LT-900']").click(timeout=SHOWS)
        await page.keyboard.press("Enter")
        await page.click("[data-act=save]")
        await expect(page.locator(".toast")).to_contain_text("已保存", timeout=SHOWS)
        await page.goto(f"{node.address}/places/{where}")
        await expect(page.locator(".place-plan .spot.good[data-points='LT-900'] .sym")).to_be_visible(timeout=SHOWS)
        if PICTURES:
            await page.screenshot(path=Path(PICTURES) / "drawing-place.png")
        await browser.close()
    assert found == []
    drawing = (await console.get("/plant/drawings")).json()["items"][0]
    assert (drawing["id"], drawing["place"]) == ("site", "")
    assert drawing["points"]["LT-900"] == pytest.approx([0.25, 0.5], abs=0.02)
    assert list(drawing["places"].values()) == [pytest.approx([0.4, 0.495, 0.17, 0.15])]
    picture = await console.get(drawing["image"].removeprefix("/api/v1"))
    assert "script" not in picture.text
    assert picture.headers["content-security-policy"].startswith("default-src 'none'")
    assert picture.headers["content-security-policy"].endswith("sandbox")


async def _has(console: httpx.AsyncClient, point: str, value: float) -> bool:
    items = (await console.get("/live")).json()["items"]
    return any(row["point"] == point and row["value"] == value for row in items)
