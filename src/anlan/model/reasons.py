"""The reasons of quality in words and in other protocols' terms: `data/quality.csv`, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from anlan.model.quality import Reason, Severity, quality, reason_of, severity_of
from anlan.model.tables import read_table
from anlan.model.words import Label

SEVERITY_WORDS = {
    Severity.GOOD: Label(zh="好", en="good"),
    Severity.UNCERTAIN: Label(zh="不确定", en="uncertain"),
    Severity.BAD: Label(zh="坏", en="bad"),
}


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """`severity` holds where a protocol gives only the reason; `opcua`, `hj212` and `sparkplug` are its names there."""

    reason: Reason
    code: str
    severity: Severity
    label: Label
    opcua: tuple[str, ...]
    sparkplug: tuple[int, ...]
    hj212: tuple[str, ...]


@cache
def reasons() -> Mapping[Reason, ReasonRow]:
    """The whole table, in order of the numbers."""
    return {row.reason: row for row in map(_row, read_table("quality.csv"))}


@cache
def by_code(column: str) -> Mapping[str, ReasonRow]:
    """Name in a protocol → row; `column` is opcua, hj212, sparkplug, or code for our own words (`over_range`)."""
    if column == "code":
        return {row.code: row for row in reasons().values()}
    return {str(name): row for row in reasons().values() for name in getattr(row, column)}


def named(text: str) -> int:
    """The quality word of `good`, `uncertain`, `bad`, `bad.calibration` or a bare reason such as `calibration`; KeyError else."""
    severity, _, code = text.partition(".")
    if severity.upper() in Severity.__members__:
        reason = by_code("code")[code].reason if code else Reason.NONE
        if not code and severity != "good":
            reason = Reason.UNSPECIFIED
        return quality(Severity[severity.upper()], reason)
    row = by_code("code")[text]
    return quality(row.severity, row.reason)


def words(word: int, language: str) -> str:
    """A quality word as people read it: `坏 · 通讯中断`, `bad · no communication`; a plainly good one is `好`, `good`."""
    severity = SEVERITY_WORDS[severity_of(word)].text(language)
    reason = reasons()[reason_of(word)].label.text(language)
    return f"{severity} · {reason}" if reason else severity


def _row(row: dict[str, str]) -> ReasonRow:
    return ReasonRow(
        Reason(int(row["number"])), row["code"], Severity[row["severity"].upper()], Label(zh=row["zh"], en=row["en"]),
        tuple(row["opcua"].split()), tuple(int(n) for n in row["sparkplug"].split()), tuple(row["hj212"].split()),
    )  # fmt: skip
