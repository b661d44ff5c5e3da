"""What a field is called in a difference: in Chinese by its column's title, in English by its own name, as the API and the files write it."""

from __future__ import annotations

from functools import cache

from anlan.model.tables import read_table

COLUMN = {
    "reporting.mode": "reporting", "reporting.period": "period", "reporting.stale_after": "stale_after", "calibration.due": "calibration_due",
    "calibration.last": "calibration_last", "calibration.certificate": "calibration_certificate", "position.x": "x", "position.y": "y",
    "position.z": "z",
}  # fmt: skip
"""Fields within a field that have a column of their own name."""
OWN = {
    "window": ("统计窗口 (s)", "Window (s)"), "per": ("变化率单位时间", "Rate per"), "direction": ("方向", "Direction"),
    "against": ("对照", "Against"), "when": ("条件", "When"), "suppress_when": ("设计抑制条件", "Suppressed when"),
    "limit": ("报警值", "Limit"), "states": ("报警状态", "Alarm states"), "subject": ("感知对象", "Subject"), "kind": ("类型", "Kind"),
    "tonnes": ("设计最大量 (t)", "Design maximum (t)"), "contents": ("物质", "Contents"), "persons.principal": ("主要负责人", "Principal"),
    "persons.technical": ("技术负责人", "Technical"), "persons.operating": ("操作负责人", "Operating"),
    "residents.people": ("500 m 内人数", "People within 500 m"), "filing.number": ("备案号", "Filing number"),
    "point": ("位号", "Point"), "id": ("标识", "Id"), "rationalised.by": ("合理化评审人", "Rationalised by"),
    "rationalised.on": ("合理化评审日期", "Rationalised on"),
}  # fmt: skip
"""What points.csv has no column for, or calls otherwise."""


@cache
def titles() -> dict[str, tuple[str, str]]:
    """Column of points.csv → its titles."""
    return {row["column"]: (row["zh"], row["en"]) for row in read_table("columns.csv", "anlan.plant")}


def field_word(key: str, language: str) -> str:
    """`on_delay` is 报警延时 in Chinese; what has no title keeps its name."""
    if language != "zh":
        return key
    found = OWN.get(key) or titles().get(COLUMN.get(key, key.replace(".", "_")))
    return found[0] if found is not None else key
