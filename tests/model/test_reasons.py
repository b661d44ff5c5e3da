"""The table of quality reasons is whole, and its mappings name things that exist."""

from __future__ import annotations

import pytest
from asyncua import ua

from anlan.model.quality import Reason, Severity, quality
from anlan.model.reasons import by_code, named, reasons, words


def test_every_reason_has_a_row_and_words_in_both_languages() -> None:
    assert list(reasons()) == list(Reason)
    spoken = [row.label for reason, row in reasons().items() if reason is not Reason.NONE]
    assert all(label.zh and label.en for label in spoken)


def test_codes_are_the_names_of_the_enum() -> None:
    assert [row.code for row in reasons().values()] == [reason.name.lower() for reason in Reason]


def test_opcua_names_are_status_codes() -> None:
    known = vars(ua.StatusCodes)
    assert [name for name in by_code("opcua") if name not in known] == []


def test_no_foreign_name_means_two_reasons() -> None:
    for column in ("opcua", "hj212", "sparkplug"):
        names = [name for row in reasons().values() for name in getattr(row, column)]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("good", quality(Severity.GOOD)),
        ("bad.calibration", quality(Severity.BAD, Reason.CALIBRATION)),
        ("uncertain", quality(Severity.UNCERTAIN, Reason.UNSPECIFIED)),
        ("over_range", quality(Severity.UNCERTAIN, Reason.OVER_RANGE)),
    ],
)
def test_a_quality_can_be_named(text: str, word: int) -> None:
    assert named(text) == word


@pytest.mark.parametrize("text", ["", "fine", "bad.fine", "worse.calibration"])
def test_a_name_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(KeyError):
        named(text)


def test_words_for_people() -> None:
    assert words(named("bad.communication"), "zh") == "坏 · 通讯中断"
    assert words(named("good"), "en") == "good"
