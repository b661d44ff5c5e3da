"""A long list takes seconds, and ten times the list takes ten times as long."""

import time
from pathlib import Path

import pytest
from works import line, write

from anlan.plant.description import Plant
from anlan.plant.folder import load


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_twenty_thousand_points(tmp_path: Path) -> None:
    rows = [line(id=f"LT-{n}", address=f"hr:{2 * n} float32") for n in range(20_000)]
    folder = write(tmp_path, *rows)
    started = time.process_time()
    plant = load(folder)
    seconds = time.process_time() - started
    assert (len(plant.points), len(plant.rules)) == (20_000, 80_000)
    assert Plant.from_json(plant.to_json()).digest == plant.digest
    assert seconds < 15  # of the processor; the bound only catches a square law
