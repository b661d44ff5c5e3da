"""The order of the tests."""

from __future__ import annotations

import pytest

LONGEST = "test_node_faults.py"
"""A hundred kills take as long as half of the other slow tests: begun first, two workers end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != LONGEST)
