"""Versions and numbers: nothing is undone unseen, no number is given twice."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa
from works import PLANT, line, write

from anlan.model.clock import ManualClock
from anlan.model.errors import Corrupt, InputError, NotFound
from anlan.plant.folder import BASE_FILE, load
from anlan.plant.node_points import node_ids
from anlan.plant.records import VersionRow
from anlan.plant.version import Imported
from anlan.plant.versions import StaleBase, import_folder, import_plant, version, versions
from anlan.plant.writing import export_folder
from anlan.store.migrating import check_models_match_migrations
from anlan.store.records import Records


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(tmp_path / "records.db")
    opened.migrate({"plant": "anlan.plant"})
    yield opened
    opened.close()


@pytest.fixture
def works(tmp_path: Path) -> Path:
    return write(tmp_path / "works")


def take(records: Records, folder: Path, **more: int) -> Imported:
    return import_folder(records, folder, author="Li", reason="test", clock=ManualClock(), onto=more.get("onto"))


def test_models_match_migrations(records: Records) -> None:
    check_models_match_migrations(records)


def test_the_first_import_is_version_one_and_the_second_is_the_same(records: Records, works: Path) -> None:
    first, again = take(records, works), take(records, works)
    assert (first.new, first.version.number, first.version.base) == (True, 1, None)
    assert (again.new, again.version) == (False, first.version)
    assert version(records)[1] == load(works) == first.plant


def test_a_changed_folder_whose_base_is_current_becomes_the_next_version(records: Records, works: Path) -> None:
    take(records, works)
    write(works, line(H="75"))
    second = take(records, works)
    assert (second.version.number, second.version.base) == (2, 1)
    assert [c.text() for c in second.changes] == ["alarm LT-101.H: limit 80 → 75"]
    assert [v.number for v in versions(records)] == [2, 1]
    assert [r.limit for r in version(records, 1)[1].rules if r.id == "LT-101.H"] == [80]


def test_a_folder_that_rests_on_an_older_version_shows_the_difference_and_stops(
    records: Records, works: Path, tmp_path: Path
) -> None:
    take(records, works)
    colleague = export_to(records, tmp_path / "colleague")
    write(colleague, line(H="75"), line(id="LT-102", address="hr:2 float32"))
    take(records, colleague)
    write(works, line(H="78"))
    with pytest.raises(StaleBase) as refusal:
        take(records, works)
    assert str(refusal.value).splitlines() == [
        "the folder rests on version 1, but version 2 by Li (test) is current. Export that and edit it, or, if all of these 7 "
        "changes are meant, start with `anlan up … --onto 2`:",
        "  point LT-102 removed",
        "  alarm LT-101.H: limit 75 → 78",
        "  alarm LT-102.H removed",
        "  alarm LT-102.HH removed",
        "  alarm LT-102.L removed",
        "  alarm LT-102.LL removed",
        "  trip LT-102 removed",
    ]
    assert "  新增" not in refusal.value.text("zh")
    assert "  删除测点 LT-102" in refusal.value.text("zh")
    assert len(versions(records)) == 2
    assert take(records, works, onto=2).version.number == 3


def export_to(records: Records, folder: Path) -> Path:
    found, plant, _ = version(records)
    export_folder(plant, folder, found)
    return folder


def test_a_folder_that_cannot_be_written_is_known_by_its_path(records: Records, works: Path) -> None:
    take(records, works)
    (works / BASE_FILE).unlink()
    write(works, line(H="75"))
    assert take(records, works).version.number == 2


def test_a_folder_from_elsewhere_without_a_base_stops(records: Records, works: Path, tmp_path: Path) -> None:
    take(records, works)
    other = write(tmp_path / "other", line(H="75"))
    with pytest.raises(StaleBase, match="rests on version —, but version 1"):
        take(records, other)


def test_a_base_of_another_node_does_not_count(records: Records, works: Path, tmp_path: Path) -> None:
    take(records, works)
    write(works, line(H="75"))
    (works / BASE_FILE).write_text("1 01234567-0000-7000-8000-000000000000\n", "utf-8")
    with pytest.raises(StaleBase):
        take(records, works)
    (works / BASE_FILE).write_text("nonsense", "utf-8")
    with pytest.raises(InputError, match="was not written by Anlan; delete it"):
        take(records, works)


def test_a_plant_made_in_the_console_needs_the_current_base(records: Records, works: Path) -> None:
    plant = take(records, works).plant
    changed = plant.model_copy(update={"rules": plant.rules[1:]})
    with pytest.raises(StaleBase):
        import_plant(records, changed, author="Li", reason="", clock=ManualClock())
    made = import_plant(records, changed, author="Li", reason="", clock=ManualClock(), onto=1)
    assert made.version.number == 2


def of_plant(numbers: Mapping[str, int]) -> dict[str, int]:
    """Without the points that the node tells of itself."""
    return {identifier: number for identifier, number in numbers.items() if identifier not in node_ids()}


def test_numbers_are_given_once_and_survive_removal_and_rename(records: Records, works: Path) -> None:
    both = (line(), line(id="LT-102", address="hr:2 float32"))
    write(works, *both)
    first = take(records, works).numbers
    assert (first.sources, of_plant(first.points)) == ({"plc": 1}, {"LT-101": 1, "LT-102": 2})
    write(works, line(id="LT-103", address="hr:4 float32", was="LT-102"))
    second = take(records, works).numbers
    assert of_plant(second.points) == {"LT-101": 1, "LT-103": 2}
    assert second.alarms["LT-103.H"] == first.alarms["LT-102.H"]
    write(works, *both)
    third = take(records, works).numbers
    highest = max(second.points.values())
    assert of_plant(third.points) == {"LT-101": 1, "LT-103": 2, "LT-102": highest + 1}
    assert sorted(third.points.values()) == list(range(1, len(third.points) + 1))
    assert sorted(third.alarms.values()) == list(range(1, len(third.alarms) + 1))


def test_a_renamed_point_keeps_the_numbers_of_the_alarms_on_what_is_calculated_for_it(records: Records, works: Path) -> None:
    def rising(point: str) -> str:
        rule = f"{{point: {point}, kind: ROC, limit: 3, window: 60, priority: 3, consequence: a, corrective_action: b, time_to_respond: 60}}"
        return PLANT.replace("  stale: safety\n", f"  stale: safety\n  rules: [{rule}]\n")

    write(works, line(id="LT-102"), plant=rising("LT-102"))
    first = take(records, works).numbers
    write(works, line(id="LT-103", was="LT-102"), plant=rising("LT-103"))
    second = take(records, works).numbers
    for kind in ("H", "ROC", "ROC.BAD"):
        assert second.alarms[f"LT-103.{kind}"] == first.alarms[f"LT-102.{kind}"]


def test_a_rename_onto_an_id_with_its_own_history_is_refused(records: Records, works: Path) -> None:
    write(works, line(), line(id="LT-102", address="hr:2 float32"))
    take(records, works)
    write(works, line(was="LT-102"))
    with pytest.raises(InputError, match="LT-101 was LT-102, but LT-101 has a number of its own from before"):
        take(records, works)
    assert len(versions(records)) == 1


def test_a_version_that_was_tampered_with_is_noticed(records: Records, works: Path) -> None:
    take(records, works)
    with records.session() as session:
        session.execute(sa.update(VersionRow).values(digest="0" * 64))
    with pytest.raises(Corrupt, match="version 1 of the plant does not match its checksum"):
        version(records)
    with records.session() as session:
        session.execute(sa.update(VersionRow).values(content=b"x"))
    with pytest.raises(Corrupt):
        version(records)


def test_there_is_no_version_before_the_first(records: Records) -> None:
    with pytest.raises(NotFound, match="there is no version — of the plant"):
        version(records)


def test_differences_name_settings_places_and_sources(records: Records, works: Path) -> None:
    take(records, works)
    write(
        works,
        plant=PLANT.replace("name: {zh: 示例企业, en: Works}", "name: {zh: 新名, en: Works}").replace("127.0.0.1", "10.0.0.1"),
    )
    assert [c.text() for c in take(records, works).changes] == [
        "setting plant: name.zh 示例企业 → 新名",
        "source plc: options.host 127.0.0.1 → 10.0.0.1",
    ]


def test_a_folder_that_nobody_changed_does_not_stand_against_a_change_made_in_the_console(records: Records, works: Path) -> None:
    """A node whose rules were edited while it ran is started again by the same command: it goes on with the edit."""
    plant = take(records, works).plant
    edited = plant.model_copy(update={"rules": plant.rules[1:]})
    import_plant(records, edited, author="Li", reason="", clock=ManualClock(), onto=1)
    again = take(records, works)
    assert (again.new, again.version.number, again.plant) == (False, 2, edited)
    (works / BASE_FILE).unlink()  # as in a folder that cannot be written
    assert take(records, works).version.number == 2
    write(works, line(H="75"))
    with pytest.raises(StaleBase):
        take(records, works)


def test_what_a_replay_said_is_kept_with_the_version(records: Records, works: Path) -> None:
    plant = take(records, works).plant
    edited = plant.model_copy(update={"rules": plant.rules[1:]})
    import_plant(records, edited, author="Li", reason="", clock=ManualClock(), onto=1, effect={"gone": 212, "missed": 0})
    assert [v.effect for v in versions(records)] == [{"gone": 212, "missed": 0}, None]


def test_what_is_written_with_a_version_can_refuse_it(records: Records, works: Path) -> None:
    plant = take(records, works).plant
    edited = plant.model_copy(update={"rules": plant.rules[1:]})

    def refuse(session: object, before: object, made: Imported) -> None:
        assert (before, made.version.number) == (plant, 2)
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        import_plant(records, edited, author="Li", reason="", clock=ManualClock(), onto=1, also=refuse)
    assert len(versions(records)) == 1
