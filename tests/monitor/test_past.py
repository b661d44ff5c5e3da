"""What a question to the past looks up in the configuration: by columns, the same as going through the rules one by one."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

from anlan.model.events.alarms import AlarmKind
from anlan.monitor.compile import EngineConfig
from anlan.monitor.past import OwnPast
from anlan.monitor.sub_plant import cut

SOURCES, POINTS = 20, 300


def plant(version: int) -> EngineConfig:
    """Points over sources by chance; a limit for each point, and loss of view for most sources."""
    random = Random(version)
    points = {"number": list(range(1, POINTS + 1)), "source": [random.randint(1, SOURCES) for _ in range(POINTS)]}
    seen = [source for source in range(1, SOURCES + 1) if random.random() < 0.8]
    kinds = [int(AlarmKind.HIGH)] * POINTS + [int(AlarmKind.LOSS_OF_VIEW)] * len(seen)
    numbers = random.sample(range(1, 1_000), len(kinds))
    rules = {
        "number": numbers,
        "kind": kinds,
        "target": [*points["number"], *seen],
        "limit": [1.0] * POINTS + [float("nan")] * len(seen),
    }
    return EngineConfig.from_columns(version, {"number": list(range(1, SOURCES + 1))}, points, rules)


def past(versions: list[int]) -> tuple[OwnPast, list[int]]:
    """Of a plant whose version in force is the last of `versions`, and the versions that were loaded. It asks neither journal nor history."""
    loaded: list[int] = []
    nothing: Any = None

    def load() -> EngineConfig:
        loaded.append(versions[-1])
        return plant(versions[-1])

    view: Any = SimpleNamespace
    return OwnPast(lambda: view(version=versions[-1]), load, nothing, nothing), loaded


def one_by_one(config: EngineConfig, alarms: list[int]) -> tuple[list[int], list[int]]:
    rows = config.rule_table.select(["number", "kind", "target"]).to_pylist()
    wanted = [row for row in rows if row["number"] in alarms]
    return tuple([r["target"] for r in wanted if (r["kind"] == AlarmKind.LOSS_OF_VIEW) == lost] for lost in (False, True))  # type: ignore[return-value]


def test_what_alarms_watch() -> None:
    asked, _ = past([1])
    numbers = asked.config().rule_table["number"].to_pylist()
    for count in (0, 1, 5, 60):
        alarms = [*Random(count).sample(numbers, count), 5_000]
        assert asked.subjects(alarms) == one_by_one(asked.config(), alarms)


def test_a_part_holds_a_point_of_each_source_and_is_cut_once_for_the_same_points() -> None:
    asked, _ = past([1])
    config = asked.config()
    part = asked.part([7], [3, 4])
    owner = dict(zip(config.point_table["source"].to_pylist(), config.point_table["number"].to_pylist(), strict=True))
    expected = cut(config, [7, owner[3], owner[4]])
    assert part.rule_table["number"].equals(expected.rule_table["number"])
    assert part.point_table["number"].equals(expected.point_table["number"])
    assert asked.part([7], [3, 4]) is part
    assert asked.part([8]) is not part


def test_the_alarm_of_a_sources_view_is_looked_up_once_for_each_version() -> None:
    versions = [1]
    asked, loaded = past(versions)
    for version in (1, 2):
        versions.append(version)
        for _ in range(3):
            rows = asked.config().rule_table.select(["number", "kind", "target"]).to_pylist()
            assert asked._view_alarms == {r["target"]: r["number"] for r in rows if r["kind"] == AlarmKind.LOSS_OF_VIEW}
    assert loaded == [1, 2]
