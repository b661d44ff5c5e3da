"""What a scraper reads, and what stands in the log file: figures of the core, one JSON object a line, no secret."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from anlan.model.errors import Unavailable
from anlan.web.logs import configure


def figures(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, tuple(sample.labels.values())): sample.value for sample in samples}


async def test_a_scraper_reads_the_cores_figures(node: Any, consoles: Any) -> None:
    node.feed("AT-203", 0.7)
    await node.settle()
    told = figures((await consoles("127.0.0.1").get("/api/v1/metrics")).text)
    assert told["anlan_engine_readings", ()] == 1
    assert told["anlan_alarms_standing", ()] == 1
    assert told["anlan_source_readings", ("1",)] == 1
    assert told["anlan_core_connected", ()] == 1
    assert told["anlan_points", ()] == 2


async def test_figures_of_a_core_that_is_away_are_absent_not_zero(
    node: Any, consoles: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> dict[str, Any]:
        raise Unavailable("the core is not connected")

    monkeypatch.setattr(node.core, "status", away)
    node.core.connected = False
    told = figures((await consoles("127.0.0.1").get("/api/v1/metrics")).text)
    assert told["anlan_core_connected", ()] == 0
    assert ("anlan_alarms_standing", ()) not in told


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    before, words = (logging.getLogger().handlers[:], logging.getLogger().level), structlog.get_config()
    configure("app", stream=stream)
    yield stream
    logging.getLogger().handlers[:], level = before
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()
    structlog.configure(**words)


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in written.getvalue().splitlines()]


def test_each_line_is_an_object_that_names_process_and_request(written: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request="r-1"):
        structlog.get_logger().info("alarm acknowledged", alarm="AT-203.H", who="张三")
        logging.getLogger("sqlalchemy").warning("from a library")
    ours, theirs = lines(written)
    assert (ours["event"], ours["process"], ours["request"], ours["who"]) == ("alarm acknowledged", "app", "r-1", "张三")
    assert (theirs["event"], theirs["level"], theirs["request"]) == ("from a library", "warning", "r-1")


@pytest.mark.parametrize("name", ["password", "new_password", "token", "Authorization", "cookie", "csrf"])
def test_a_secret_does_not_reach_the_file(written: io.StringIO, name: str) -> None:
    structlog.get_logger().info("x", **{name: "calm-waters-42"})
    assert "calm-waters-42" not in written.getvalue()


def test_an_error_is_told_with_its_place(written: io.StringIO) -> None:
    def fails() -> None:
        raise LookupError("nothing there")

    try:
        fails()
    except LookupError:
        structlog.get_logger().exception("failed")
    found = lines(written)[0]
    assert found["exception"][0]["exc_value"] == "nothing there"
    assert "locals" not in found["exception"][0]["frames"][0]
