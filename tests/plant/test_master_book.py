"""The master alarm database through Excel and back: the same rules, every mistake at its cell, nothing lost unseen."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet
from works import gas, line, write

from anlan.model.errors import ConfigError
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.rationalisation import AlarmClass, PriorityMatrix, Rationalised, Severity, default_matrix
from anlan.plant.compile import all_rules
from anlan.plant.description import Plant
from anlan.plant.folder import load
from anlan.plant.master import columns, lines
from anlan.plant.master_book import ABOUT, ALARMS, CLASSES, MATRIX, BookMistakes, must_be_sound, read_book, write_book

CLASS = AlarmClass(id="critical", name=Label(zh="安全关键", en="Critical"), shelvable=False, test_interval=365)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Tank level (HH, H, L, LL, trip above 95) and a gas detector (H 20 %LEL)."""
    found = load(write(tmp_path_factory.mktemp("works"), line(), gas("20")))
    return found.model_copy(update={"alarms": found.alarms.model_copy(update={"classes": (CLASS,)})})


@pytest.fixture(autouse=True, scope="module")
def _few_empty_lines() -> Iterator[None]:
    """Two hundred are for people; here they would only take time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anlan.plant.master_book.EMPTY_ROWS", 4)
        yield


Change = Callable[[Any], None]


def edited(plant: Plant, change: Change) -> bytes:
    """A workbook as a person would save it after `change`."""
    book = openpyxl.load_workbook(io.BytesIO(write_book(plant, None)))
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def cell(sheet: Worksheet, alarm: str, column: str) -> Any:
    row = next(r for r in range(3, sheet.max_row + 1) if sheet.cell(r, 1).value == alarm)
    return sheet.cell(row, [c.name for c in columns()].index(column) + 1)


def put(alarm: str, column: str, value: Any) -> Change:
    def change(book: Any) -> None:
        cell(book[ALARMS], alarm, column).value = value

    return change


def test_what_was_written_reads_back_as_the_same_plant(plant: Plant) -> None:
    read = read_book(write_book(plant, None), plant)
    assert (read.plant, read.changes, read.fatal) == (plant, (), False)


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
labels = st.builds(Label, zh=texts, en=texts)
numbers = st.floats(0, 600_000)


@st.composite
def rewritten(draw: Any, rule: AlarmRule) -> AlarmRule:
    change: dict[str, Any] = {
        "dead_band": draw(st.floats(0, 0.9)) if rule.limit is not None else 0.0,
        "on_delay": draw(numbers),
        "off_delay": draw(numbers),
        "latching": draw(st.booleans()),
        "priority": draw(st.integers(1, 4)),
        "post": draw(st.sampled_from(["", "panel"])),
        "consequence": draw(labels),
        "corrective_action": draw(labels),
        "cause": draw(labels),
        "basis": draw(labels),
        "time_to_respond": draw(st.just(0.0) | st.floats(0, 1e9)),
        "severity": draw(st.sampled_from(["", "minor", "severe"])),
        "alarm_class": draw(st.sampled_from(["", "critical"])),
        "rationalised": draw(st.none() | st.builds(Rationalised, by=texts.filter(bool), on=st.dates(date(1900, 3, 1)))),
        "enabled": draw(st.booleans()),
    }
    return rule.model_copy(update=change)


@given(data=st.data())
@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=25)
def test_whatever_the_rules_hold_a_workbook_brings_it_back(plant: Plant, data: st.DataObject) -> None:
    """Read against themselves (an untouched export changes nothing), whatever control characters the texts hold."""
    rules = tuple(data.draw(rewritten(rule)) for rule in plant.rules)
    after = plant.model_copy(update={"rules": rules})
    read = read_book(write_book(after, None), after)
    wrong = [f.text() for f in read.findings if f.fatal and f.name not in {"no-post", "late-alarm"}]
    assert wrong == []
    if read.plant is not None:
        assert read.plant == after
        assert read.changes == ()


tidy = st.text(st.characters(exclude_categories=("C", "Z")), max_size=20)


@given(data=st.data())
@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=25)
@pytest.mark.slow
def test_a_workbook_brings_the_rules_to_a_plant_that_has_others(plant: Plant, data: st.DataObject) -> None:
    rules = tuple(
        data.draw(rewritten(rule)).model_copy(
            update={
                "post": "panel",
                "on_delay": 1.5,
                "off_delay": data.draw(st.floats(0, 1000).map(lambda v: round(v, 3))),
                "dead_band": 0.25,
                "consequence": Label(zh=data.draw(tidy)),
                "corrective_action": Label(en=data.draw(tidy)),
                "cause": Label(zh=data.draw(tidy), en=data.draw(tidy)),
                "basis": Label(zh=data.draw(tidy)),
                "time_to_respond": 3600.0,
                "rationalised": Rationalised(by=data.draw(tidy.filter(bool)), on=date(2026, 3, 1)),
            }
        )
        for rule in plant.rules
    )
    after = plant.model_copy(update={"rules": rules})
    read = read_book(write_book(after, None), plant)
    assert [f.text() for f in read.findings if f.fatal] == []
    assert read.plant == after


def test_a_change_in_a_cell_is_the_difference(plant: Plant) -> None:
    read = read_book(edited(plant, put("LT-101.H", "limit", 78)), plant)
    assert [c.text() for c in read.changes] == ["alarm LT-101.H: limit 80 → 78"]
    assert read.loosened == ()
    weaker = read_book(edited(plant, put("AT-1.H", "limit", 24.5)), plant)
    assert [one.text() for one in weaker.loosened] == ["AT-1.H: limit 20.0 → 24.5"]


def test_chinese_words_and_numbers_typed_as_text_are_understood(plant: Plant) -> None:
    def change(book: Any) -> None:
        cell(book[ALARMS], "LT-101.H", "limit").value = "７８"
        cell(book[ALARMS], "LT-101.H", "latching").value = "是"
        cell(book[ALARMS], "LT-101.H", "rationalised_by").value = "李工"
        cell(book[ALARMS], "LT-101.H", "rationalised_on").value = "2026年3月1日"

    read = read_book(edited(plant, change), plant)
    rule = next(r for r in must_be_sound(read).rules if r.id == "LT-101.H")
    assert (rule.limit, rule.latching, rule.rationalised) == (78.0, True, Rationalised(by="李工", on=date(2026, 3, 1)))


MISTAKES = [
    (put("LT-101.H", "limit", "80,5 o"), "limit", '报警值 was "80,5 o"; a number was expected'),
    (put("LT-101.H", "limit", 99), "limit", "HH 90 is not above H 99"),
    (put("LT-101.H", "priority", 7), "priority", "priority"),
    (put("LT-101.H", "priority", 1.5), "priority", "a whole number was expected"),
    (put("LT-101.H", "latching", "vielleicht"), "latching", "yes or no was expected"),
    (put("LT-101.H", "post", "nobody"), "post", "the post nobody is not in plant.yaml"),
    (put("LT-101.H", "alarm_class", "kritisch"), "alarm_class", "the alarm class kritisch is not"),
    (put("LT-101.H", "severity", "huge"), "severity", "the severity huge is not in the priority matrix"),
    (put("LT-101.H", "rationalised_on", "yesterday"), "rationalised_on", "a date such as 2027-03-01 was expected"),
    (put("LT-101.H", "kind", "HH"), "kind", "another point or kind is another alarm"),
    (put("LT-101.H", "dead_band", 60), "dead_band", "dead band 60 reaches the next limit"),
    (put("AT-1.H", "limit", 60), "limit", "above 25 %LEL"),
    (put("LT-101.H", "on_delay", 4000), "on_delay", "leaves nothing of the"),
]


@pytest.mark.parametrize(("change", "column", "text"), MISTAKES, ids=[m[2][:30] for m in MISTAKES])
def test_every_mistake_names_its_cell(plant: Plant, change: Change, column: str, text: str) -> None:
    data = edited(plant, change)
    read = read_book(data, plant)
    assert read.plant is None
    alarm = "AT-1.H" if "25 %LEL" in text else "LT-101.HH" if "HH 90" in text else "LT-101.H"
    place = cell(openpyxl.load_workbook(io.BytesIO(data))[ALARMS], alarm, column).coordinate
    told = [f.text() for f in read.findings if f.fatal]
    assert any(one.startswith(f"{ALARMS}!{place}: ") and text in one for one in told), told
    with pytest.raises(BookMistakes, match="in the workbook"):
        must_be_sound(read)


def test_a_mistake_is_said_in_chinese_too(plant: Plant) -> None:
    read = read_book(edited(plant, put("LT-101.H", "limit", "x")), plant)
    assert "应为数字" in read.findings[-1].text("zh") or "数字" in BookMistakes(read.findings).text("zh")


def test_a_line_below_the_last_is_a_new_alarm_and_a_missing_one_is_removed(plant: Plant) -> None:
    def change(book: Any) -> None:
        sheet = book[ALARMS]
        last = max(r for r in range(3, sheet.max_row + 1) if sheet.cell(r, 1).value)
        names = [c.name for c in columns()]
        for name, value in {"id": "AT-1.HH", "point": "AT-1", "kind": "HH", "limit": 40, "priority": 1, "post": "panel"}.items():
            sheet.cell(last + 1, names.index(name) + 1).value = value
        sheet.delete_rows(cell(sheet, "LT-101.LL", "id").row)

    read = read_book(edited(plant, change), plant)
    assert [f.text() for f in read.findings if f.fatal] == []
    assert sorted(c.text() for c in read.changes) == ["alarm AT-1.HH added", "alarm LT-101.LL removed"]


def test_an_alarm_of_the_plant_s_own_is_written_out_only_when_changed(plant: Plant) -> None:
    assert "plc.VIEW" in {line["id"] for line in lines(plant)}
    read = read_book(edited(plant, put("plc.VIEW", "on_delay", 10)), plant)
    assert [r.id for r in must_be_sound(read).rules if r not in plant.rules] == ["plc.VIEW"]
    assert [o.field for o in read.loosened] == ["on_delay"]

    def without(book: Any) -> None:
        book[ALARMS].delete_rows(cell(book[ALARMS], "plc.VIEW", "id").row)

    gone = read_book(edited(plant, without), plant)
    assert gone.plant == plant
    assert [f.name for f in gone.findings if f.name == "automatic-alarm"] == ["automatic-alarm"]


def test_the_alarm_of_a_calculation_goes_with_the_one_that_stands_on_it(plant: Plant) -> None:
    """LT-101.ROC.BAD is there by itself as long as LT-101.ROC is, and is not missed when both lines are gone."""
    rate = AlarmRule(id="LT-101.ROC", point="LT-101", kind="ROC", limit=3.0, window=600.0, post="panel")  # type: ignore[arg-type]
    before = plant.model_copy(update={"rules": (*plant.rules, rate)})

    def without(*alarms: str) -> Change:
        return lambda book: [book[ALARMS].delete_rows(cell(book[ALARMS], alarm, "id").row) for alarm in alarms]

    gone = read_book(edited(before, without("LT-101.ROC", "LT-101.ROC.BAD")), before)
    assert [c.text() for c in gone.changes] == ["alarm LT-101.ROC removed"]
    assert "automatic-alarm" not in {f.name for f in gone.findings}
    left = read_book(edited(before, without("LT-101.ROC")), before)
    assert must_be_sound(left).rules == must_be_sound(gone).rules
    kept = read_book(edited(before, without("LT-101.ROC.BAD")), before)
    assert [f.name for f in kept.findings if f.name == "automatic-alarm"] == ["automatic-alarm"]


def test_the_same_alarm_twice_is_a_mistake(plant: Plant) -> None:
    def change(book: Any) -> None:
        sheet = book[ALARMS]
        last = max(r for r in range(3, sheet.max_row + 1) if sheet.cell(r, 1).value)
        sheet.cell(last + 1, 1).value = "LT-101.H"

    read = read_book(edited(plant, change), plant)
    assert [f.name for f in read.findings if f.fatal] == ["duplicate-id"]


def test_comments_columns_cells_and_sheets_that_are_not_read_are_told(plant: Plant) -> None:
    def change(book: Any) -> None:
        sheet = book[ALARMS]
        cell(sheet, "LT-101.H", "limit").comment = Comment("为何是80?", "Li")
        beyond = len(columns()) + 1
        sheet.cell(1, beyond).value = "备注"
        sheet.cell(5, beyond).value = "x"
        sheet.cell(6, beyond + 2).value = "stray"
        book.create_sheet("会议纪要")

    read = read_book(edited(plant, change), plant)
    told = {f.name: f.text() for f in read.findings if f.name in {"comment", "unknown-column", "stray-cell", "unknown-sheet"}}
    assert set(told) == {"comment", "unknown-column", "stray-cell", "unknown-sheet"}
    assert "为何是80?" in told["comment"]
    assert read.plant == plant


def test_a_missing_column_leaves_what_it_held(plant: Plant) -> None:
    def change(book: Any) -> None:
        book[ALARMS].delete_cols([c.name for c in columns()].index("cause_zh") + 1)

    before = plant.model_copy(update={"rules": tuple(r.model_copy(update={"cause": Label(zh="阀卡")}) for r in plant.rules)})
    read = read_book(edited(before, change), before)
    assert read.plant == before
    assert "missing-column" in {f.name for f in read.findings}


def test_classes_and_the_matrix_are_read_too(plant: Plant) -> None:
    def change(book: Any) -> None:
        book[CLASSES].cell(3, 5).value = "是"  # shelvable
        book[CLASSES].cell(4, 1).value, book[CLASSES].cell(4, 2).value = "process", "工艺"
        book[MATRIX].cell(3, 6).value = 1

    read = read_book(edited(plant, change), plant)
    after = must_be_sound(read)
    assert [(c.id, c.shelvable) for c in after.alarms.classes] == [("critical", True), ("process", True)]
    assert after.alarms.priority_matrix is not None
    assert after.alarms.priority_matrix.priority("minor", 60) == 1
    assert default_matrix().priority("minor", 60) == 2


def test_a_plant_s_own_matrix_survives(plant: Plant) -> None:
    own = PriorityMatrix(within=(90.0, 1000.5), severities=(Severity(id="a", name=Label(zh="甲"), priorities=(1, 2, None)),))
    before = plant.model_copy(update={"alarms": plant.alarms.model_copy(update={"priority_matrix": own})})
    assert read_book(write_book(before, None), before).plant == before


def test_a_text_that_looks_like_a_formula_is_a_text(plant: Plant) -> None:
    rules = tuple(r.model_copy(update={"cause": Label(zh='=HYPERLINK("http://x")')}) for r in plant.rules)
    before = plant.model_copy(update={"rules": rules})
    data = write_book(before, None)
    found = cell(openpyxl.load_workbook(io.BytesIO(data))[ALARMS], "LT-101.H", "cause_zh")
    assert found.data_type == "s"
    assert read_book(data, before).plant == before


def test_the_sheet_is_protected_frozen_and_offers_lists(plant: Plant) -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(write_book(plant, None)))[ALARMS]
    assert sheet.protection.sheet
    assert sheet.freeze_panes == "D3"
    assert cell(sheet, "LT-101.H", "id").protection.locked
    assert not cell(sheet, "LT-101.H", "limit").protection.locked
    assert {str(v.sqref).split("3:")[0] for v in sheet.data_validations.dataValidation}
    assert [sheet.cell(1, 1).value, sheet.cell(2, 1).value] == ["报警标识", "Alarm"]


def test_what_is_no_workbook_says_so(plant: Plant) -> None:
    with pytest.raises(ConfigError, match=r"is not an .xlsx workbook"):
        read_book(b"PK\x03\x04 not really", plant)
    empty = io.BytesIO()
    openpyxl.Workbook().save(empty)
    assert [f.name for f in read_book(empty.getvalue(), plant).findings if f.fatal] == ["missing-sheet"]
    assert ABOUT in openpyxl.load_workbook(io.BytesIO(write_book(plant, None))).sheetnames


def test_every_field_of_a_rule_has_a_column(plant: Plant) -> None:
    assert {c.field for c in columns() if c.kind != "told"} == set(AlarmRule.model_fields)
    assert len(lines(plant)) == len(all_rules(plant))


def test_a_broken_line_does_not_hide_the_others(plant: Plant, tmp_path: Path) -> None:
    def change(book: Any) -> None:
        put("LT-101.H", "limit", "x")(book)
        put("LT-101.L", "priority", "y")(book)

    assert len([f for f in read_book(edited(plant, change), plant).findings if f.fatal]) == 2
