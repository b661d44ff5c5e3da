"""A worksheet through Excel and YAML: what is written is read back exactly; what is wrong is named by its cell; no formula is run or written."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from anlan.cli import _register_rooms, app
from anlan.model.errors import ConfigError
from anlan.risk.worksheets.book import ABOUT, LISTS, SHEET, read_book, write_book
from anlan.risk.worksheets.forms import forms
from anlan.risk.worksheets.methods import method, methods
from anlan.risk.worksheets.sheet import Sheet, read_sheet, tidy
from anlan.risk.worksheets.yaml_form import read_named, read_yaml, write_yaml


@pytest.fixture(autouse=True, scope="module")
def _few_empty_lines() -> Iterator[None]:
    """Two hundred are for people; here they would only take time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anlan.risk.worksheets.book.EMPTY_ROWS", 4)
        yield


DEMO = Path(str(files("anlan.sense.demo") / "plant" / "worksheets"))


def changed(sheet: Sheet, change: Any) -> bytes:
    """The workbook as somebody sends it back."""
    book = openpyxl.load_workbook(io.BytesIO(write_book(sheet)))
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def two_lines() -> Sheet:
    lines = [
        {"cells": {"step": "启泵", "hazard": "x", "consequence": "y", "L": "3", "S": "5", "kinds": "engineering"}},
        {"cells": {"step": "停泵"}},
    ]
    return read_sheet({"form": "jha", "method": "ls-a", "title": "泵", "lines": lines})


typed = st.text(st.characters(exclude_categories=("Cs",), max_codepoint=0xFFFF), max_size=30) | st.sampled_from(
    ["=1+1", "+A1", "@SUM(A1)", "'=x", "_x000D_", "_x0041_", "-5", "1e5", "007", "是", "a\nb", "\ufeff", '=HYPERLINK("http://x")']
)


@st.composite
def sheets(draw: Any) -> Sheet:
    """Every form with every method; every type of column; lines that are still empty among them."""
    form, scoring = draw(st.sampled_from(sorted(forms()))), draw(st.sampled_from(sorted(methods())))
    cells = []
    for empty in draw(st.lists(st.booleans(), max_size=5)):
        line: dict[str, str] = {}
        for column in forms()[form].columns(method(scoring)):
            some = [choice.id for choice in column.choices]
            one = st.sampled_from(["", *some])
            several = st.lists(st.sampled_from(some), unique=True, max_size=3).map("; ".join) if some else st.just("")
            made = {
                "text": typed,
                "words": typed,
                "choice": one,
                "factor": one,
                "choices": several,
                "number": st.sampled_from(["", "0.1", "1e-3"]),
                "links": st.sampled_from(["", "point:AT-1; place:a/b"]),
            }
            line[column.name] = "" if empty else draw(made.get(column.type, st.just("")))
        cells.append({"cells": line})
    head = {"place": draw(typed), "team": draw(typed), "day": draw(st.sampled_from(["", "2026-11-26"]))}
    title = "=" + (tidy(draw(typed)) or "t")[:200]
    return read_sheet({"form": form, "method": scoring, "title": title, "lines": cells, **head})


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(sheet=sheets())
def test_what_is_written_into_a_workbook_is_read_back(sheet: Sheet) -> None:
    read = read_book(write_book(sheet))
    assert (read.mistakes, read.notes, read.sheet) == ([], [], sheet)


@settings(
    max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), suppress_health_check=list(HealthCheck)
)
@given(sheet=sheets(), id=st.uuids())
def test_what_is_written_into_a_file_of_the_plant_folder_is_read_back(tmp_path: Path, sheet: Sheet, id: UUID) -> None:
    (tmp_path / "x.yaml").write_bytes(write_yaml(sheet, id))
    assert read_named(tmp_path / "x.yaml") == (sheet, id)


def test_nothing_in_a_workbook_of_ours_is_a_formula() -> None:
    sheet = read_sheet(
        {"form": "jha", "method": "ls-a", "title": "=1", "lines": [{"cells": {"step": "=cmd|'/c calc'!A1", "L": "1"}}]}
    )
    book = openpyxl.load_workbook(io.BytesIO(write_book(sheet)))
    assert [cell.coordinate for one in book.worksheets for row in one.iter_rows() for cell in row if cell.data_type == "f"] == []
    offered = book[SHEET].data_validations.dataValidation
    assert all(one.formula1.startswith(f"'{LISTS}'!") for one in offered)
    assert book[SHEET].protection.sheet
    locked = {cell.column_letter for cell in book[SHEET][3] if cell.protection.locked}
    heads = {cell.column_letter: cell.value for cell in book[SHEET][2]}
    assert {heads[letter] for letter in locked} == {"Line", "Product R", "Risk level"}


def test_each_mistake_names_its_cell() -> None:
    def spoil(book: Any) -> None:
        book[SHEET]["H3"], book[SHEET]["I4"], book[SHEET]["C4"], book[ABOUT]["C6"] = "9", "=2+3", "=A1", "下周"
        book[SHEET]["D5"] = "不存在的因素"
        book.create_sheet("草稿")["A1"] = "x"

    read = read_book(changed(two_lines(), spoil))
    assert read.sheet is None
    assert sorted(one.cell for one in read.mistakes) == [
        "工作表Sheet!C4",
        "工作表Sheet!D5",
        "工作表Sheet!H3",
        "工作表Sheet!I4",
        "说明About!C6",
    ]
    assert "'9' is none of 5, 4, 3, 2, 1" in next(m.text("en") for m in read.mistakes if m.cell.endswith("H3"))
    assert [one.cell for one in read.notes] == ["草稿"]


def test_columns_may_move_and_computed_ones_are_not_believed() -> None:
    def tamper(book: Any) -> None:
        sheet = book[SHEET]
        sheet.move_range(f"B1:B{sheet.max_row}", cols=30)
        sheet["J3"], sheet["K3"] = 1, "低 蓝"
        sheet["AF5"] = "新的一行"

    read = read_book(changed(two_lines(), tamper))
    assert read.mistakes == []
    assert read.sheet is not None
    assert [one.cells.get("step") for one in read.sheet.lines] == ["启泵", "停泵", "新的一行"]
    assert [one.id for one in read.sheet.lines] == ["r1", "r2", "r3"]


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04"])
def test_what_is_no_workbook_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"is not an \.xlsx workbook"):
        read_book(data)


def test_a_column_that_is_missing_is_told() -> None:
    read = read_book(changed(two_lines(), lambda book: book[SHEET].delete_cols(3)))
    assert [m.error.message for m in read.mistakes] == ["the column {column} ({title}) is missing"]


def test_a_mistake_in_yaml_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("form: jha\nmethod: ls-a\ntitle: x\nlines:\n  - {step: a}\n  - {step: b, L: 7}\n", "utf-8")
    with pytest.raises(ConfigError, match=r"x.yaml:6: '7' is none of 5, 4, 3, 2, 1"):
        read_yaml(path)


def test_the_command_scores_a_workbook_without_a_node(tmp_path: Path) -> None:
    _register_rooms()
    run = CliRunner()
    book = tmp_path / "hazop.xlsx"
    made = run.invoke(app, ["risk", "worksheet", str(DEMO / "chlorine-tank-hazop.yaml"), "--xlsx", str(book)])
    assert made.exit_code == 0, made.output
    told = orjson.loads(run.invoke(app, ["risk", "worksheet", str(book), "--json"]).stdout)
    assert told["counts"] == {"red": 0, "orange": 3, "yellow": 4, "blue": 0, "unassessed": 1}
    assert told["sha256"] == read_yaml(DEMO / "chlorine-tank-hazop.yaml").digest
    assert [line["score"] and line["score"]["rule"] for line in told["lines"]][2:4] == ["9 ≤ R < 20", "9 ≤ R < 20"]


def test_a_plant_folder_brings_its_sheets_once(tmp_path: Path) -> None:
    from anlan.model.clock import ManualClock
    from anlan.plant.findings import Findings
    from anlan.plant.worksheets import bring_in_worksheets, check_worksheets, export_worksheets
    from anlan.risk.worksheets.folder import read_folder
    from anlan.risk.worksheets.store import Worksheets
    from anlan.store.ids import uuid7
    from anlan.store.records import Records

    records, clock = Records.open(tmp_path / "records.db"), ManualClock()
    records.migrate({"guard": "anlan.guard", "risk": "anlan.risk"})
    for _ in range(2):
        bring_in_worksheets(records, DEMO.parent, clock, "demo plant")
    kept = Worksheets(records, clock).current()
    written = export_worksheets(records, tmp_path / "out", clock, replace=False)
    again = {id: sheet for _, sheet, id in read_folder(tmp_path / "out")}
    bring_in_worksheets(records, tmp_path / "out", clock, "the same folder")
    assert len(Worksheets(records, clock).current()) == len(written) == 3, "what a node has exported is known to it"
    store = Worksheets(records, clock)
    store.create(None, uuid7(clock), two_lines(), "x", "worksheets/../../escaped.yaml")
    outside = export_worksheets(records, tmp_path / "again", clock, replace=False)
    assert {path.parent for path in outside} == {tmp_path / "again" / "worksheets"}, "an origin is words, and leads nowhere else"
    records.close()
    assert again == {one.row.sheet: one.sheet for one in kept}
    assert sorted(one.row.origin for one in kept) == [
        "worksheets/chlorine-tank-hazop.yaml",
        "worksheets/chlorine-unloading-jha.yaml",
        "worksheets/reactor-overpressure-lopa.yaml",
    ]
    (tmp_path / "worksheets").mkdir()
    (tmp_path / "worksheets" / "bad.yaml").write_text("form: jha\nmethod: lec\ntitle: x\n", "utf-8")
    findings = Findings()
    check_worksheets(tmp_path, findings)
    assert [(one.name, one.error.file) for one in findings] == [("worksheet", "worksheets/bad.yaml")]
