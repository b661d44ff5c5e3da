"""Edits of a draft: taken together, each mistake named with its edit and its field."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from works import gas, line, write

from anlan.plant.description import Plant
from anlan.plant.difference import differences
from anlan.plant.editing import Edit, edited
from anlan.plant.fields import MODELS, fields_of
from anlan.plant.folder import load
from anlan.plant.loosening import loosened


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return load(write(tmp_path, line(), gas("20")))


def edit(what: str, identifier: str, **change: Any) -> Edit:
    return Edit(what=what, id=identifier, change=change or None)  # type: ignore[arg-type]


def test_several_edits_become_one_difference(plant: Plant) -> None:
    new = {
        "place": "works/U200",
        "name": {"zh": "泵出口压力"},
        "kind": "temperature",
        "unit": "Cel",
        "source": "plc",
        "address": "hr:30 float32",
    }
    found = edited(
        plant,
        [
            edit("point", "TI-9", **new),
            edit("alarm", "TI-9.H", point="TI-9", kind="H", limit=80, priority=3, post="panel"),
            edit("alarm", "LT-101.H", limit=82.0),
            edit("class", "critical", name={"zh": "关键"}, shelvable=False),
            edit("point", "AT-1"),
        ],
    )
    assert found.plant is not None, [m.as_json() for m in found.mistakes]
    told = {change.text() for change in differences(plant, found.plant)}
    gone = {"point AT-1 removed", "alarm AT-1.H removed"}
    assert told == gone | {
        "point TI-9 added",
        "alarm TI-9.H added",
        "alarm LT-101.H: limit 80 → 82",
        "alarm class critical added",
    }


WRONG = [
    (edit("alarm", "LT-101.H", limit=93.0), "limit", "LT-101: HH 90 is not above H 93"),
    (edit("alarm", "LT-101.H", limit="much"), "limit", "a number was expected"),
    (edit("alarm", "LT-101.H", on_delay=-1), "on_delay", "≥ 0"),
    (edit("alarm", "LT-101.H", post="nobody"), "post", "nobody"),
    (edit("alarm", "LT-101.H", limit=None), "limit", "a finite number was expected"),
    (edit("alarm", "AT-1.H", limit=60.0), "limit", "AT-1"),
    (edit("alarm", "LT-999.H", point="LT-999", kind="H", limit=1), "point", "LT-999"),
    (edit("alarm", "LT-101.STALE"), "", "LT-101.STALE"),
    (edit("point", "LT-101", address="hr:10 float32"), "address", "AT-1"),
    (edit("point", "LT-101", unit="Cel"), "unit", "Cel"),
    (edit("point", "LT-101", place="works/U9"), "place", "U9"),
    (edit("point", "LT-101", sauce="plc"), "sauce", "sauce"),
    (edit("point", "LT-102", name={"zh": "x"}), "place", "missing"),
    (edit("point", "AT-1", unit=""), "unit", "no unit"),
    (edit("point", "LT-101", place=["works"]), "place", "a text was expected"),
    (edit("class", "c"), "", "there is no c"),
    (edit("source", "sis", keep_alive=9), "", "there is no sis"),
    (edit("source", "plc", driver="opcua"), "driver", "cannot be changed here"),
    (edit("source", "plc", options={"host": "127.0.0.1", "prot": 502}), "options", "prot"),
    (edit("source", "plc", options={"host": "127.0.0.1", "password_file": "/etc/passwd"}), "options", "a file of the node"),
    (edit("source", "plc", keep_alive=-1), "keep_alive", "0"),
    (edit("source", "plc"), "", "plc still holds"),
    (edit("place", "works/U9", post="panel"), "", "there is no works/U9"),
    (edit("place", "works/U200", post="nobody"), "post", "nobody"),
    (edit("place", "works/U100"), "", "works/U100 still holds"),
    (edit("place", "works"), "", "works still holds"),
]


@pytest.mark.parametrize(("wrong", "field", "words"), WRONG, ids=[f"{w.what} {w.id} {f}" for w, f, _ in WRONG])
def test_a_mistake_is_named_at_its_field(plant: Plant, wrong: Edit, field: str, words: str) -> None:
    found = edited(plant, [edit("alarm", "LT-101.L", limit=18.0), wrong])
    assert found.plant is None
    told = [one.as_json() for one in found.mistakes if one.finding.fatal]
    assert {(one["edit"], one["field"]) for one in told} >= {(1, field)}, told
    assert any(words in one["text"]["en"] for one in told), told


def test_a_source_and_a_place_are_changed_and_taken_away(plant: Plant) -> None:
    """Where a guarded point is read from takes two persons; what a place is called takes one."""
    found = edited(plant, [edit("source", "plc", options={"host": "127.0.0.2"}, name={"zh": "联锁柜"})])
    assert found.plant is not None, [m.as_json() for m in found.mistakes]
    assert [one.text() for one in loosened(plant, found.plant)] == ["plc: options {'host': '127.0.0.1'} → {'host': '127.0.0.2'}"]
    found = edited(plant, [edit("place", "works/U200", name={"zh": "泵房(南)"}, post="panel"), edit("place", "works/U100/V-102")])
    assert found.plant is not None, [m.as_json() for m in found.mistakes]
    assert {change.text("en") for change in differences(plant, found.plant)} == {
        "place works/U200: name.zh 泵房 → 泵房(南)",
        "place works/U200: post — → panel",
        "place works/U100/V-102 removed",
    }
    assert loosened(plant, found.plant) == []
    whole = edited(plant, [edit("point", "LT-101"), edit("point", "AT-1"), edit("source", "plc")])
    assert whole.plant is not None, [m.as_json() for m in whole.mistakes]
    assert whole.plant.sources == ()
    assert "plc.VIEW removed" in [one.text() for one in loosened(plant, whole.plant)]


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValidationError, match="half a character"):
        edit("alarm", "LT-101.H", cause={"zh": "\ud800"})


@pytest.mark.parametrize("what", MODELS)
def test_a_form_offers_every_field_with_words_in_both_languages(plant: Plant, what: str) -> None:
    fields = fields_of(what, plant)
    names = {field["name"].partition(".")[0] for field in fields}
    assert names == set(MODELS[what].model_fields)
    assert all(field["zh"] and field["en"] for field in fields)
    assert [f["name"] for f in fields if f["zh"] == f["name"]] == []
