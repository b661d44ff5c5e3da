"""A release that knows one more point of the node itself starts on an unchanged plant, and numbers it."""

from pathlib import Path

from sqlalchemy import delete

from anlan.model.clock import SystemClock
from anlan.node.own_points import PROOF, numbers_of
from anlan.node.up import UpOptions, prepare
from anlan.plant.new import new_plant
from anlan.plant.records import NumberRow
from anlan.store.records import Records


def test_an_unchanged_plant_gets_the_new_point(tmp_path: Path) -> None:
    new_plant(tmp_path / "works")
    options = UpOptions(plant=tmp_path / "works", data=tmp_path / "node")
    first = prepare(options, SystemClock())
    first.lock.release()
    records = Records.open(first.folder.records)
    with records.session() as session:  # as an older release left it
        session.execute(delete(NumberRow).where(NumberRow.identifier.like(f"{PROOF}%")))
    records.close()
    again = prepare(options, SystemClock())
    again.lock.release()
    assert again.imported.version.number == first.imported.version.number
    assert PROOF in numbers_of(again.folder.engine_config.read_bytes())
