"""The demo plant's console in the system's Chromium, one node for all tests of this folder."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.chromium import CHROMIUM

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic", "--no-first-run", "--disable-component-update", "--disable-sync"]  # fmt: skip
SPEED = 20.0
STORY = 0.0
PAST = 200
"""Wall seconds of the story before the tests begin: pressure has alarmed and returned, chlorine rises."""


def harness_module() -> Any:
    path = Path(__file__).parents[1] / "web" / "harness.py"
    spec = importlib.util.spec_from_file_location("anlan_test_harness", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["anlan_test_harness"] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


class Node:
    """The served demo plant, whose world runs on in a thread of its own."""

    def __init__(self, harness: Any, world: Any, password: str) -> None:
        self.harness, self.world, self.password = harness, world, password
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return str(self.harness.address)

    def link(self, up: bool) -> None:
        """Let the app hear the core, or not."""
        self.harness.on_loop(self.harness.context.live.link, up)

    def cut(self, source: str) -> None:
        self.world.cut.add(source)
        self.harness.tick(**{source: "down"})

    def mend(self, source: str) -> None:
        self.world.cut.discard(source)
        self.harness.tick(**{source: "up"})

    def _run(self) -> None:
        while not self._end.wait(1.0):
            self.world.step(SPEED, self.harness.clock.now())

    def close(self) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    module = harness_module()
    with module.demo(tmp_path_factory.mktemp("node"), speed=SPEED, plant_time=STORY, past=PAST) as (harness, world):
        harness.serve()
        served = Node(harness, world, module.PASSWORD)
        yield served
        served.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the session: while playwright's loop runs in this thread, no other test's can."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield running
        running.close()


class Watched:
    """What must not happen on any page: an error in the console, an exception, a request to another origin, an error answer."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.found, self._address = page, [], address
        self.found: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.found.append(f"exception: {error}"))
        page.on("request", lambda request: self._request(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.found.append(f"console: {message.text}")

    def _request(self, url: str) -> None:
        own = (self._address, self._address.replace("http", "ws", 1), "data:", "blob:")
        if not url.startswith(own):
            self.found.append(f"foreign request: {url}")


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(node: Node, browser: Browser) -> Iterator[SignIn]:
    """`sign_in("zhuang", "/alarms")` opens a page for a person of the demo node."""
    with signing_in(browser, node.address, node.password, "zhuang") as open_page:
        yield open_page


@contextmanager
def signing_in(browser: Browser, address: str, password: str, usual: str) -> Iterator[SignIn]:
    """What opens pages for people, for the `usual` one unless told; every page is watched until the end.

    A test that provokes a refusal puts words of the browser's message for it into its `expected`.
    """
    watched: list[Watched] = []
    contexts: list[BrowserContext] = []

    def open_page(account: str = usual, path: str = "/", *, language: str = "zh", size: tuple[int, int] = (1920, 1080)) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=address)
        contexts.append(context)
        body = {"account": account, "password": password, "language": language}
        answer = context.request.post("/api/v1/session", data=body, headers={"Origin": address})
        assert answer.ok, answer.text()
        page = context.new_page()
        watched.append(Watched(page, address))
        page.goto(path)
        page.wait_for_selector(".shell")
        return page

    open_page.expected = []  # type: ignore[attr-defined]
    yield open_page
    expected = open_page.expected  # type: ignore[attr-defined]
    found = [one for watch in watched for one in watch.found if not any(words in one for words in expected)]
    for context in contexts:
        context.close()
    assert found == []


@pytest.fixture(scope="session")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """A whole node as `anlan up` makes it, for the pages that change its configuration, and its administrator's client."""
    from tests.node.test_live_edit import Node, until
    from tests.ports import free_ports

    made = Node(tmp_path_factory.mktemp("works"), free_ports())
    try:
        made.start()
        client = made.sign_in()
        until(lambda: made.status()["received"].get("1", 0) > 15)
        until(lambda: made.status()["configuration"]["differing"] == [])
        yield made, client
    finally:
        if made.process.poll() is None:
            made.stop()
        made.device.kill()
        made.device.wait()
