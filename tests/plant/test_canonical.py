"""The canonical JSON of a plant: what digests are made of must not depend on how it was written."""

from __future__ import annotations

import gc
from pathlib import Path

import orjson
from works import line, write

from anlan.plant.description import FORMAT, Plant
from anlan.plant.folder import load
from anlan.plant.service import with_rule


def plainly(plant: Plant) -> bytes:
    """In one go, nothing remembered."""
    content = orjson.loads(plant.model_dump_json(exclude_defaults=True))
    return orjson.dumps({"format": FORMAT, **content}, option=orjson.OPT_SORT_KEYS)


def test_a_plant_is_written_the_same_in_one_go_piece_by_piece_and_after_edits(tmp_path: Path) -> None:
    plant = load(write(tmp_path, *(line(id=f"LT-{n}", address=f"hr:{2 * n} float32") for n in range(5))))
    assert plant.to_json() == plainly(plant)
    for limit in (61.0, 62.0, 63.0):
        rule = next(rule for rule in plant.rules if rule.limit is not None).model_copy(update={"limit": limit})
        plant = with_rule(plant, rule)
        gc.collect()
        assert plant.to_json() == plainly(plant)
        assert set(plant.written) == {id(item) for item in (*plant.points, *plant.rules)}
    without = plant.model_copy(update={"points": plant.points[:2], "rules": ()})
    assert without.to_json() == plainly(without)
