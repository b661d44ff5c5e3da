"""A driver over addresses of one's own on one table with its simulator, for tests beyond the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anlan.model.clock import SystemClock
from anlan.sense.contract import Bench
from anlan.sense.driver import Driver, Tag


@asynccontextmanager
async def reading(
    kind: type[Driver],
    harness: Any,
    addresses: Sequence[str],
    folder: Path,
    *,
    period: float = 0.05,
    states: dict[int, Any] | None = None,
    **options: Any,
) -> AsyncIterator[Bench]:
    """The driver runs over `addresses` of the started harness; points are numbered from 1."""
    bench = Bench(kind, harness, folder)
    config = kind.Config.model_validate(harness.options(folder) | options)
    tags = [Tag(n, f"P-{n}", kind.parse(a, {"states": states or {}}), period) for n, a in enumerate(addresses, 1)]
    driver = kind(config, tags, bench.witness, SystemClock())
    bench.driver = driver  # type: ignore[attr-defined]
    bench.task = asyncio.create_task(driver.run())
    try:
        yield bench
    finally:
        await bench.end()


def last(bench: Bench, point: int) -> tuple[float, int]:
    """(value, quality) of the newest row of a point."""
    return next((value, quality) for p, _, value, quality in reversed(bench.witness.rows) if p == point)


def told(bench: Bench, point: int) -> bool:
    return any(p == point for p, _, _, _ in bench.witness.rows)
