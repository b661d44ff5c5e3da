"""What is added to a plant that runs: every mistake at its cell, nothing but additions, no file of this machine, no password in a version."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from anlan.model.errors import InputError
from anlan.plant.adding import _keep
from anlan.plant.additions import Addition, NewSource, add, limits_in, problems
from anlan.plant.api_additions import list_row
from anlan.plant.description import Plant
from anlan.plant.difference import differences
from anlan.plant.folder import load
from anlan.plant.new import empty_plant
from anlan.plant.points_file import read_list
from anlan.plant.writing import export_folder

POINT = {
    "id": "LT-1",
    "place": "U100/V-1",
    "name_zh": "液位",
    "kind": "level",
    "unit": "%",
    "source": "plc",
    "address": "hr:0 float32",
}
LIMIT = {"H": "80", "priority": "2", "consequence_zh": "溢流", "corrective_action_zh": "停泵", "time_to_respond": "300"}
SOURCE = {"id": "plc", "driver": "modbus", "options": {"host": "10.0.0.1", "port": 502}}
PLACES = [{"path": "U100", "name": {"zh": "罐区"}, "post": "panel"}, {"path": "U100/V-1", "name": {"zh": "储罐"}}]


@pytest.fixture
def empty(tmp_path: Path) -> Plant:
    empty_plant(tmp_path / "works", '示例: "企业"')
    return load(tmp_path / "works")


@pytest.fixture
def filled(empty: Plant) -> Plant:
    plant = add(empty, Addition.model_validate({"source": SOURCE, "places": PLACES, "points": [POINT]})).plant
    assert plant is not None
    return plant


def found(plant: Plant, **addition: Any) -> set[tuple[int | None, str, str]]:
    """(row, column, name) of each mistake."""
    added = add(plant, Addition.model_validate(addition))
    return {(one["row"], one["column"], one["name"]) for one in problems(added.findings) if one["fatal"]}


def test_an_empty_plant_is_filled_and_comes_back_from_its_folder(empty: Plant, filled: Plant, tmp_path: Path) -> None:
    assert (len(empty.points), empty.site.name.zh) == (0, '示例: "企业"')
    export_folder(filled, tmp_path / "out")
    assert load(tmp_path / "out") == filled
    assert {change.what for change in differences(empty, filled)} == {"place", "source", "point"}
    assert filled.rules == (), "no limit is invented"


def test_every_mistake_stands_at_its_cell(filled: Plant) -> None:
    rows = [
        POINT,
        POINT | {"id": "A", "unit": "degX", "address": "hr:2"},
        POINT | {"id": "B", "place": "U9", "address": "hr:3"},
        POINT | {"id": "C", "kind": "", "address": "hr:4"},
        POINT | {"id": "D", "range_low": "5", "range_high": "ten", "address": "hr:5"},
        POINT | {"id": "E", "address": "hr:6 float33"},
        POINT | {"id": "F", "source": "dcs", "address": "hr:7"},
    ]
    assert found(filled, points=rows) == {
        (0, "id", "duplicate-id"), (1, "unit", "unknown-unit"), (2, "place", "unknown-place"),
        (3, "kind", "missing-cell"), (4, "range_high", "value"), (5, "address", "address"), (6, "source", "unknown-source"),
    }  # fmt: skip
    assert found(filled, source=SOURCE, places=PLACES[:1]) == {(None, "id", "duplicate-id"), (None, "", "duplicate-place")}
    assert found(filled, places=[{"path": "U2/V-1", "name": {"zh": "x"}}]) == {(None, "place", "unknown-place")}
    with pytest.raises(InputError, match="nothing is added"):
        add(filled, Addition())


def test_a_limit_is_added_to_a_point_that_is_there_and_never_replaces_one(filled: Plant) -> None:
    first = add(filled, Addition(limits=({"id": "LT-1", **LIMIT},)))
    assert first.plant is not None
    rule = first.plant.rules[0]
    assert (rule.id, rule.limit, rule.priority, rule.post, rule.consequence.zh) == ("LT-1.H", 80.0, 2, "panel", "溢流")
    assert found(first.plant, limits=[{"id": "LT-1", **LIMIT, "H": "90"}]) == {(0, "id", "duplicate-id")}
    wrong = [{"id": "LT-9", "H": "1"}, {"id": "LT-1"}, {"id": "LT-1", "HH": "x"}, {"id": "LT-1", "L": "1", "address": "hr:9"}]
    names = {(row, name) for row, _, name in found(filled, limits=wrong)}
    assert names == {(0, "unknown-point"), (1, "empty"), (2, "value"), (3, "unknown-column")}
    assert found(first.plant, limits=[{"id": "LT-1", **LIMIT, "H": "", "HH": "70"}]) != set(), "HH below H"
    assert limits_in(Addition(points=(POINT | {"H": "5"},)))
    assert not limits_in(Addition(points=(POINT,)))


@pytest.mark.parametrize(
    ("driver", "options"),
    [
        ("opcua", {"url": "opc.tcp://10.0.0.66:4840", "username": "x", "password_file": "/etc/shadow"}),
        ("opcua", {"url": "opc.tcp://10.0.0.66:4840", "folder": "/"}),
        ("opcua", {"url": "opc.tcp://10.0.0.66:4840", "trust": "first"}),
        (
            "mqtt",
            {"host": "a", "client_id": "b", "topics": [{"filter": "#", "point": "x"}], "tls": {"key": "/etc/ssl/private/x.pem"}},
        ),
        ("modbus", {"host": "a", "folder": "/"}),
        ("nobody", {"path": "/etc/passwd"}),
    ],
)
def test_no_file_of_this_machine_is_named_from_a_browser(filled: Plant, driver: str, options: dict[str, Any]) -> None:
    assert found(filled, source={"id": "x", "driver": driver, "options": options}) == {(None, "", "source-option")}


def test_a_password_stands_in_its_own_file_and_in_no_version(empty: Plant, tmp_path: Path) -> None:
    source = NewSource(id="dcs", driver="opcua", options={"url": "opc.tcp://h:1", "username": "u"}, password="gehe1m")
    added = add(empty, Addition(source=source), tmp_path / "secrets" / "dcs.password")
    assert added.plant is not None
    assert b"gehe1m" not in added.plant.to_json()
    _keep(tmp_path / "secrets" / "dcs.password", source.password)
    kept = tmp_path / "secrets" / "dcs.password"
    assert (kept.read_text("utf-8"), stat.S_IMODE(kept.stat().st_mode)) == ("gehe1m", 0o600)


def test_a_list_pasted_from_excel_is_read_with_what_was_not_understood() -> None:
    text = "位号\t名称\t单位\t高报\tFoo\nTT-1\t温度\t℃\t>=150\tx\n"
    told = list_row(read_list(Path("paste.tsv"), source="plc", data=text.encode()))
    assert told["columns"] == {"id": "位号", "name_zh": "名称", "unit": "单位", "H": "高报"}
    assert (told["unknown"], told["rows"][0]["H"]) == (["Foo"], "150")
    assert {one["column"] for one in told["missing"]} == {"place", "address"}
    assert [note["line"] for note in told["notes"]] == [2, 2]


def test_a_broker_with_tls_takes_the_machines_own_authorities(filled: Plant) -> None:
    options = {
        "host": "a",
        "client_id": "b",
        "topics": [{"filter": "t", "point": "{field}", "fields": {"X-1": "$.v"}}],
        "tls": {},
    }
    row = POINT | {"id": "X-1", "source": "mq", "address": "X-1", "reporting": "on_change"}
    added = add(filled, Addition.model_validate({"source": {"id": "mq", "driver": "mqtt", "options": options}, "points": [row]}))
    assert added.plant is not None
    assert added.plant.sources[-1].options["tls"] == {}
