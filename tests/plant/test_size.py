"""A list of 100,000 points is read in seconds, not minutes."""

import time
from pathlib import Path

import pytest
from works import line, write

from anlan.plant.description import Plant
from anlan.plant.folder import load


@pytest.mark.slow
def test_a_hundred_thousand_points(tmp_path: Path) -> None:
    rows = [line(id=f"LT-{n}", address=f"{n // 30_000 + 1}/hr:{2 * (n % 30_000)} float32") for n in range(100_000)]
    folder = write(tmp_path, *rows)
    started = time.perf_counter()
    plant = load(folder)
    seconds = time.perf_counter() - started
    assert (len(plant.points), len(plant.rules)) == (100_000, 400_000)
    assert Plant.from_json(plant.to_json()).digest == plant.digest
    assert seconds < 60  # measured: docs/plant-folder.md; this bound only catches a square law
