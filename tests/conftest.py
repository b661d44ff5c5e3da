"""The order of the tests, and how seldom they look for garbage."""

from __future__ import annotations

import gc

import pytest
import structlog

from tests.chromium import CHROMIUM

LONGEST = (
    "test_node_faults.py",  # eight minutes, half of it a hundred kills
    "test_every_page.py",
    "test_benchmarks.py",
    "test_live_edit.py",
    "test_matrix.py",
    "test_log_faults.py",
    "test_up.py",
    "test_wall.py",
    "test_drivers.py",
    "test_alarm_aside.py",
    "test_lost_records.py",
    "test_servers.py",
    "test_audit_tampering.py",
    "test_replay.py",
    "test_why_modes.py",
    "test_history.py",
    "test_point_steps.py",
    "test_corrector.py",
    "test_replaying.py",
    "test_past.py",
    "test_trials.py",
    "test_reader.py",
    "test_in_force.py",
    "test_kernel.py",
    "test_master_book.py",
    "test_api_docs.py",
)
"""Files that take long, begun first in this order: so the workers end together."""


# A fault that a test provokes is told as in a terminal, but without the frames' local variables: drawing a whole node takes ten seconds.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items if CHROMIUM is None else ():
        if item.get_closest_marker("browser") is not None:
            item.add_marker(
                pytest.mark.skip(reason="Debian's chromium-headless-shell or chromium is not installed: make test-deps")
            )
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_collection_finish() -> None:
    """What is imported and collected by now lives to the end; looking through it for garbage again and again takes a fifth of all tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
