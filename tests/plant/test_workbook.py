"""Workbooks that somebody sends to harm: refused by name, in little time and memory, before they are unpacked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from anlan.model.errors import ConfigError
from anlan.model.workbook import open_workbook
from anlan.plant.sheet import read_sheets, sheets_of

SHEET = "xl/worksheets/sheet1.xml"


def book(change: Callable[[openpyxl.worksheet.worksheet.Worksheet], object] = lambda _: None) -> bytes:
    made, out = openpyxl.Workbook(), io.BytesIO()
    made.active.append(["id", "name"])  # type: ignore[union-attr]
    change(made.active)  # type: ignore[arg-type]
    made.save(out)
    return out.getvalue()


def repacked(data: bytes, *, replace: tuple[bytes, bytes] = (b"", b""), add: dict[str, bytes] | None = None) -> bytes:
    """The same archive with the sheet's text changed and parts added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content.replace(*replace) if name == SHEET and replace[0] else content)
        for name, content in (add or {}).items():
            new.writestr(name, content)
    return out.getvalue()


ENTITY = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><worksheet '
FILE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet '
MERGED = b'</sheetData><mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
LINKED = b'</sheetData><hyperlinks><hyperlink ref="A1:XFD1048576" location="x"/></hyperlinks>'
FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not an .xlsx workbook"),
        (b"PK\x03\x04 and then nothing", "is not an .xlsx workbook"),
        (b"<html><script>alert(1)</script></html>", "is not an .xlsx workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is not an .xlsx workbook"),
        (book()[:-40], "is not an .xlsx workbook"),
        (repacked(book(), replace=(b"<sheetData>", b"<sheetData><broken>")), "is not an .xlsx workbook"),
        (repacked(book(), add={"xl/media/zeros.bin": bytes(140 << 20)}), "it unpacks to"),
        (repacked(book(), add={f"xl/media/{n}": b"" for n in range(600)}), "it unpacks to"),
        (repacked(book(), replace=(b"<worksheet ", ENTITY)), "declares entities"),
        (repacked(book(), replace=(b"<worksheet ", FILE)), "declares entities"),
        (repacked(book(), add={"xl/other.xml": "<!DOCTYPE x>".encode("utf-16")}), "declares entities"),
        (repacked(book(), replace=(b"</sheetData>", MERGED)), "merged cells or links over 17179869184 cells"),
        (repacked(book(), replace=(b"</sheetData>", LINKED)), "merged cells or links over 17179869184 cells"),
        (repacked(book(), replace=(b"</sheetData>", FAR)), "reaches to row 1048576, column 16384, and 3 of its cells are filled"),
    ],
)
def test_a_workbook_made_to_harm_is_refused_by_name(data: bytes, said: str) -> None:
    assert len(data) < 1 << 20
    with pytest.raises(ConfigError, match=said):
        open_workbook(data, "plant.xlsx")
    with pytest.raises(ConfigError, match=said):
        sheets_of(Path("plant.xlsx"), data)


def test_what_people_really_send_is_read() -> None:
    def filled(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        for n in range(2000):
            sheet.append([f"TI-{n}", "温度"])
        sheet["A3000"] = "signed: Li"
        sheet.merge_cells("A2100:Z2100")

    assert open_workbook(book(filled), "plant.xlsx").active.max_row == 3000  # type: ignore[union-attr]


def test_parts_that_lead_out_of_the_archive_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "plant.xlsx").write_bytes(repacked(book(), add={"../../evil.xml": b"<x/>", "/evil.xml": b"<x/>"}))
    assert [row.cells for row in read_sheets(tmp_path / "in" / "plant.xlsx")[0].rows] == [("id", "name")]
    assert [file.name for file in tmp_path.rglob("*")] == ["in", "plant.xlsx"]


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+1-1", "-x", "'=1", "''", "＝1", "-5", "-5.5e3", "氯气", "'quoted'"])
def test_what_would_be_a_formula_comes_back_as_written(tmp_path: Path, text: str) -> None:
    from anlan.model.tables import without_formula

    (tmp_path / "a.csv").write_text(f"id,name\n1,{without_formula(text)}\n", "utf-8")
    assert read_sheets(tmp_path / "a.csv")[0].rows[1].cells == ("1", text)
