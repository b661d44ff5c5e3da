"""How characters are read, against the Unicode Consortium's own table."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anlan.monitor.search.pinyin import initials, plain, readings

UNIHAN = Path(__file__).with_name("unihan_readings.tsv")
NO_SYLLABLE = {("儿", "r")}
"""The ending of other syllables, never typed alone."""


def published() -> list[tuple[str, list[str]]]:
    lines = [line.split("\t") for line in UNIHAN.read_text("utf-8").splitlines() if not line.startswith("#")]
    return [(character, told.split()) for character, told in lines]


def test_every_published_reading_of_every_character_is_known() -> None:
    table = published()
    assert len(table) > 1_000
    missing = [
        f"{character} {reading}"
        for character, told in table
        for reading in told
        if plain(reading) not in readings(character) and (character, reading) not in NO_SYLLABLE
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("character", "some"),
    [
        ("重", {"zhong", "chong"}),
        ("长", {"chang", "zhang"}),
        ("行", {"xing", "hang"}),
        ("调", {"tiao", "diao"}),
        ("量", {"liang"}),
    ],
)
def test_a_character_of_several_readings_has_them_all(character: str, some: set[str]) -> None:
    assert some <= set(readings(character))


@pytest.mark.parametrize(
    ("character", "typed"), [("氯", {"lv", "lyu"}), ("女", {"nv", "nyu"}), ("略", {"lve", "lue"}), ("绿", {"lv", "lyu", "lu"})]
)
def test_the_two_dots_are_spelled_as_keyboards_do(character: str, typed: set[str]) -> None:
    assert typed <= set(readings(character))


@pytest.mark.parametrize("character", ["A", "7", "-", "℃", "é", "か"])
def test_what_is_not_chinese_has_no_reading(character: str) -> None:
    assert readings(character) == ()


def test_initials_stand_for_a_syllable() -> None:
    assert (initials("zhong"), initials("an"), initials("shui")) == (("z", "zh"), ("a",), ("s", "sh"))


def test_the_table_leaves_the_process_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYPINYIN_NO_PHRASES", raising=False)
    readings("压")
    assert "PYPINYIN_NO_PHRASES" not in os.environ
