"""Documents as PDF: what is said is what is read back, whatever its length and characters; nothing is printed as boxes."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import segno
from pypdf import PdfReader

from anlan.model.clock import SECOND
from anlan.model.errors import InputError
from anlan.web.paper import font, press
from anlan.web.paper.document import Column, Document, Printing, Section, Signature, Stamps
from anlan.web.paper.font import CannotPrint, drawable

START = 1_767_225_600 * SECOND
PRINTING = Printing(by="王丽 (wang.li)", at="2026-01-01 08:05:00")


def document(rows: int = 3) -> Document:
    columns = (Column("序号", "12mm", "right"), Column("级", "9mm", "center", mark=True), Column("报警"), Column("原因"))
    lines = tuple((str(i), str(i % 4 + 1), f"AT-{i}.HH 氯气", f"原因 {i}") for i in range(rows))
    return Document(
        kind="journal",
        title="报警记录",
        site="华澜化工",
        language="zh",
        facts=(("时段", "08:00 — 20:00"),),
        sections=(Section("报警", columns, lines), Section("测点操作", columns, (), empty="本时段没有操作")),
        signatures=(Signature("交班"), Signature("接班", "李雷", "2026-01-01 20:01:00")),
        warnings=("节点未运行",),
    )


def pages(pdf: bytes) -> list[str]:
    return [re.sub(r"[\s\u200b]", "", page.extract_text()) for page in PdfReader(BytesIO(pdf)).pages]


def test_every_row_is_read_back_on_numbered_pages() -> None:
    printed = document(120)
    found = pages(press.press(printed, PRINTING))
    assert len(found) > 2
    for n, text in enumerate(found, 1):
        assert f"第{n}/{len(found)}页" in text
        assert "华澜化工" in text
        assert "打印于2026-01-0108:05:00·王丽(wang.li)" in text
        assert "不替代DCS" in text
    whole = "".join(found)
    for row in printed.sections[0].rows:
        assert "".join(row).replace(" ", "") in whole
    assert "本时段没有操作" in whole
    assert "节点未运行" in found[0]
    assert printed.digest[:32] in found[0]
    assert "未签字" in found[-1]
    assert "签字2026-01-0120:01:00" in found[-1]


def test_the_hash_is_of_what_is_said_not_of_the_printing() -> None:
    one = document()
    assert one.digest == document().digest == replace(one, warnings=()).digest
    assert replace(one, title="旁路清单").digest != one.digest
    other = (*one.sections[0].rows[:-1], ("2", "3", "AT-2.HH 氯气", "别的原因"))
    assert replace(one, sections=(replace(one.sections[0], rows=other),)).digest != one.digest


def test_the_qr_tells_kind_and_hash() -> None:
    one = document()
    expected = segno.make_qr(f"anlan:journal:sha256:{one.digest}", error="m").svg_inline(border=0)
    assert press.sheet_of(one, PRINTING)["qr"] == expected


def test_a_character_without_a_glyph_is_written_as_its_code() -> None:
    assert drawable("李𠮷堃") == "李[U+20BB7]堃"
    assert drawable("a\x07b\tc\n") == "ab\tc\n"
    assert drawable("℃ m³ ≤ → μ ① ×") == "℃ m³ ≤ → μ ① ×"
    long = "x" * 40
    assert drawable(long).replace("\u200b", "") == long
    assert max(map(len, drawable(long).split("\u200b"))) <= 12
    assert drawable("长" * 40) == "长" * 40


def test_what_a_person_typed_is_never_markup() -> None:
    said = '#panic("x") $ *b* @ref `raw` <label> \\ [ ] // /* "'
    one = document()
    row = ("1", "1", said, "y")
    text = pages(press.press(replace(one, sections=(replace(one.sections[0], rows=(row,)),)), PRINTING))[0]
    assert re.sub(r"\s", "", said) in text


def test_without_its_font_nothing_is_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(font, "FOLDER", tmp_path)
    with pytest.raises(CannotPrint, match=r"font .*NotoSansCJKsc.* is missing") as refused:
        press.press(document(), PRINTING)
    assert "字体" in refused.value.text("zh")
    (tmp_path / font.FILE).write_bytes(b"cut short")
    with pytest.raises(CannotPrint, match="damaged"):
        press.press(document(), PRINTING)


def test_a_typesetter_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "sheet_of", lambda *_: {"title": "no more"})
    with pytest.raises(CannotPrint, match="could not be set"):
        press.press(document(), PRINTING)


def test_more_rows_than_can_be_printed_are_refused() -> None:
    with pytest.raises(InputError, match="choose a shorter period"):
        press.press(document(press.MOST_ROWS + 1), PRINTING)


def test_times_are_the_sites_and_say_when_summer_time_makes_them_differ() -> None:
    shanghai = Stamps("Asia/Shanghai", START)
    assert shanghai.zone_words == "Asia/Shanghai (UTC+08:00)"
    assert shanghai.second(START) == "2026-01-01 08:00:00"
    assert shanghai.milli(START + 120_000) == "2026-01-01 08:00:00.120"
    assert (shanghai.second(None), shanghai.milli(None)) == ("—", "—")
    assert shanghai.milli(1 << 60) == f"{1 << 60} µs"
    berlin = Stamps("Europe/Berlin", START)
    assert berlin.milli(START + 200 * 86_400 * SECOND) == "2026-07-20 02:00:00.000 (UTC+02:00)"
