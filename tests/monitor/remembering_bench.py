"""The bench of three detectors with the stores of a node beside its engine: a journal in alarms.db, a history of what was sent, and what the
engine itself said of its alarms at each tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from bench_of_points import BADQ, HIGH, OWN, SILENT, START, TOLD, VOTE, VOTED, A, B, Bench, C
from engine_reference_state import SECOND

from anlan.model.events.alarms import AlarmKind, AlarmTransition
from anlan.model.frames import Kind
from anlan.model.points import Point, Reporting
from anlan.model.readings import Readings
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.journal import Journal
from anlan.monitor.journal_view import JournalView
from anlan.monitor.layout import Phase, PointFlag
from anlan.monitor.past import OwnPast
from anlan.monitor.why import Explanation
from anlan.web.context import PlantView

NAMES = {A: "AT-1", B: "AT-2", C: "AT-3", VOTE: "AV-1", OWN: "BP-1.APPROVED"}
PEOPLE = {"zhang": "张三", "li": "李四"}
FLAGS = {PointFlag.INHIBITED: "inhibited", PointFlag.CALIBRATING: "calibrating", PointFlag.OVER_LATCHED: "over_range_latched"}


class Sent:
    """A history in memory."""

    def __init__(self, rows: Sequence[tuple[int, int, float, int]]) -> None:
        self._rows = sorted(rows, key=lambda row: row[:2])

    def read(self, points: Sequence[int], start: int, end: int, *, limit: int | None = None) -> pa.Table:
        return self._table([row for row in self._rows if row[0] in points and start <= row[1] < end][:limit])

    def latest(self, points: Sequence[int], before: int) -> pa.Table:
        newest = {row[0]: row for row in self._rows if row[0] in points and row[1] < before}
        return self._table(list(newest.values()))

    @staticmethod
    def _table(rows: list[tuple[int, int, float, int]]) -> pa.Table:
        return pa.Table.from_batches([Readings.of(rows).to_arrow()])


@dataclass
class Remembering(Bench):
    """`said`: second → alarm → (state, whether its condition is on), as the live engine had it after that tick; `out`: what it had of A."""

    sent: list[tuple[int, int, float, int]] = field(default_factory=list)
    said: dict[int, dict[int, tuple[str, bool]]] = field(default_factory=dict)
    out: dict[int, set[str]] = field(default_factory=dict)

    def read(self, at: float, *rows: tuple[int, float] | tuple[int, float, int]) -> list[AlarmTransition]:
        self.sent += [(r[0], START + round(at * SECOND), r[1], r[2] if len(r) > 2 else 0) for r in rows]
        return super().read(at, *rows)

    def step(self, kind: Kind, at: float, body: bytes, source: int = 0, rows: int = 1) -> list[AlarmTransition]:
        found = super().step(kind, at, body, source, rows)
        if kind is Kind.TICK:
            self.said[round(at)] = {
                alarm: (self.state(alarm).name, self.is_on(alarm)) for alarm in (HIGH, BADQ, SILENT, VOTED, TOLD)
            }
            self.out[round(at)] = {word for flag, word in FLAGS.items() if self.engine.world.points["flags"][A] & flag}
        return found

    def is_on(self, alarm: int) -> bool:
        row = self.engine.row_of(alarm)
        return bool(self.engine.world.status["phase"][row] >= Phase.STANDING)

    def view(self) -> PlantView:
        points = {n: Point(id=name, place="works", name=Label(en=name), kind="gas.combustible", unit="ppm", source="gds", address="x", decimals=1, reporting=Reporting(mode="on_change", period=60)) for n, name in NAMES.items()}  # fmt: skip
        rules = [
            (HIGH, A, AlarmKind.HIGH, {"limit": 1.0, "on_delay": self.high_delay}),
            (BADQ, A, AlarmKind.BAD_QUALITY, {"on_delay": 5, "off_delay": self.off_delay}),
            (SILENT, A, AlarmKind.STALE, {}),
            (VOTED, VOTE, AlarmKind.STATE, {"states": (1,)}),
            (TOLD, OWN, AlarmKind.STATE, {"states": (1,)}),
        ]
        made = {n: AlarmRule.model_validate({"id": f"{NAMES[p]}.{k.name}", "point": NAMES[p], "kind": k, **rest}) for n, p, k, rest in rules}  # fmt: skip
        return PlantView(version=self.version, id="works", name=Label(), points=points, rules=made)

    def past(self, folder: Path) -> OwnPast:
        """Asked of what its stores hold now."""
        config, view = self.engine_config(), self.view()
        journal = Journal.open(folder / "alarms.db")
        journal.begin_incarnation("log", 1)
        journal.commit(self.engine.frame, self.all)
        journal.close()
        stores: Any = JournalView(folder / "alarms.db"), Sent(self.sent)
        return OwnPast(lambda: view, lambda: config, *stores)

    def engine_config(self) -> Any:
        self.version -= 1
        return self.config()


def ask(past: OwnPast, at: float, alarm: int = HIGH) -> Explanation:
    return past.why(alarm, START + round(at * SECOND), lambda who: PEOPLE.get(who, ""))
