"""How many examples a property is tried on: few in the fast part of the tests, many in the slow one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy


def tried_on(*drawn: SearchStrategy[Any], few: int, many: int, derandomize: bool = False) -> Callable[[Callable[..., None]], Any]:
    """As hypothesis's `given`, for a test without fixtures; it becomes two tests, of which the longer one is `slow`."""

    def twice(holds: Callable[..., None]) -> Any:
        @pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.slow)])
        def test(examples: int) -> None:
            chosen = settings(
                max_examples=examples, deadline=None, derandomize=derandomize, suppress_health_check=list(HealthCheck)
            )
            chosen(given(*drawn)(holds))()

        # Not by functools.wraps: pytest would read the arguments of what is wrapped.
        test.__name__, test.__qualname__, test.__module__, test.__doc__ = (
            holds.__name__,
            holds.__name__,
            holds.__module__,
            holds.__doc__,
        )
        return test

    return twice
