"""What an alarm is, as a person writes it in the plant folder: one frozen model per rule.

Two conventions hold everywhere. A limit is inclusive: HIGH is on at value ≥ limit, LOW at value ≤ limit. It clears only beyond
the dead-band: HIGH when value < limit − dead_band, LOW when value > limit + dead_band. Delays run on the condition *after* its
dead-band, so noise around the limit doesn't restart them.

A rule that looks at more than one reading (rate, deviation, frozen, discrepancy, time in state, count, condition) is a limit or a
state of a point that is calculated for it; `watches_calculated` tells them apart, `plant.calculated` writes the expression.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from anlan.model.events.alarms import AlarmKind
from anlan.model.words import Label
from anlan.monitor.rationalisation import Rationalised

SUFFIX: dict[AlarmKind, str] = {
    AlarmKind.HIGH_HIGH: "HH",
    AlarmKind.HIGH: "H",
    AlarmKind.LOW: "L",
    AlarmKind.LOW_LOW: "LL",
    AlarmKind.STATE: "ST",
    AlarmKind.BAD_QUALITY: "BAD",
    AlarmKind.STALE: "STALE",
    AlarmKind.LOSS_OF_VIEW: "VIEW",
    AlarmKind.RATE: "ROC",
    AlarmKind.DEVIATION: "DEV",
    AlarmKind.FROZEN: "FRZ",
    AlarmKind.DISCREPANCY: "DIS",
    AlarmKind.TIME_IN_STATE: "TIS",
    AlarmKind.COUNT: "CNT",
    AlarmKind.CONDITION: "IF",
}
"""How a kind is written in files and in alarm ids: "<point id>.<suffix>"."""

KIND_OF_SUFFIX: dict[str, AlarmKind] = {suffix: kind for kind, suffix in SUFFIX.items()}
LIMIT_KINDS = frozenset({AlarmKind.LOW_LOW, AlarmKind.LOW, AlarmKind.HIGH, AlarmKind.HIGH_HIGH})
CALCULATED_KINDS = frozenset(kind for kind in SUFFIX if kind >= AlarmKind.RATE)
"""They watch a point that is calculated for them; its id is the rule's."""
_WITH_LIMIT = LIMIT_KINDS | (CALCULATED_KINDS - {AlarmKind.DISCREPANCY, AlarmKind.CONDITION})
_WITH_DEAD_BAND = LIMIT_KINDS | {AlarmKind.RATE, AlarmKind.DEVIATION}
_WITH_STATES = {AlarmKind.STATE, AlarmKind.TIME_IN_STATE, AlarmKind.COUNT}
_FIELDS_OF: dict[str, frozenset[AlarmKind]] = {
    "window": frozenset({AlarmKind.RATE, AlarmKind.FROZEN, AlarmKind.COUNT}),
    "against": frozenset({AlarmKind.DEVIATION, AlarmKind.DISCREPANCY}),
    "when": frozenset({AlarmKind.CONDITION}),
}
"""Fields that kinds need and others don't take."""
_EXAMPLE = {"window": "60", "against": "XV-101.CMD", "when": "TI-101 > 80 and XV-101 = 1"}


def _kind(value: object) -> object:
    return KIND_OF_SUFFIX.get(value, value) if isinstance(value, str) else value


Kind = Annotated[AlarmKind, BeforeValidator(_kind), PlainSerializer(lambda kind: SUFFIX[kind], return_type=str)]

AlarmId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,70}$")]


class AlarmRule(BaseModel):
    """One alarm. `point` is the point's id; for LOSS_OF_VIEW the source's. What it asks of the operator is part of it (ISA-18.2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: AlarmId
    point: str
    kind: Kind
    limit: float | None = Field(
        default=None, description="in the point's unit; a rate per `per`; FRZ: spread that counts as frozen; TIS: s; CNT: times"
    )
    states: tuple[int, ...] = Field(default=(), description="states that alarm, for kind ST")
    dead_band: float = Field(default=0.0, ge=0, description="in the point's unit")
    on_delay: float = Field(default=0.0, ge=0, le=604_800, description="s")
    off_delay: float = Field(default=0.0, ge=0, le=604_800, description="s")
    latching: bool = False
    priority: int = Field(default=3, ge=1, le=4, description="1 is the highest")
    post: str = ""
    consequence: Label = Label()
    corrective_action: Label = Label()
    time_to_respond: float = Field(default=0.0, ge=0, description="s; 0: not stated")
    cause: Label = Label()
    basis: Label = Field(default=Label(), description="design basis of the limit: data sheet, calculation, standard's clause")
    severity: str = Field(default="", description="of the consequence, id of a row of the priority matrix")
    alarm_class: str = Field(default="", description="id of one of the plant's alarm classes")
    rationalised: Rationalised | None = None
    enabled: bool = True
    window: float = Field(default=0.0, ge=0, le=604_800, description="s, for kinds ROC, FRZ, CNT")
    per: Literal["s", "min", "h"] = Field(default="min", description="unit of time of a rate's limit")
    direction: Literal["both", "up", "down"] = Field(default="both", description="of a rate or deviation that alarms")
    against: str = Field(default="", description="set point of DEV (a point or a number), command of DIS (a point)")
    when: str = Field(default="", description="the condition of kind IF, an expression")
    suppress_when: str = Field(default="", description="condition under which the design suppresses the alarm, an expression")

    @property
    def watches_calculated(self) -> bool:
        """Its condition stands on a point that is calculated for it."""
        return self.kind in CALCULATED_KINDS

    @model_validator(mode="after")
    def _fits_its_kind(self) -> AlarmRule:
        kind = SUFFIX[self.kind]
        if self.kind in _WITH_LIMIT and (self.limit is None or not math.isfinite(self.limit)):
            raise ValueError(f"alarm {self.id}: limit was {self.limit}; a finite number was expected")
        if self.kind not in _WITH_LIMIT and self.limit is not None:
            raise ValueError(f"alarm {self.id}: kind {kind} takes neither limit nor dead_band")
        if self.kind not in _WITH_DEAD_BAND and self.dead_band:
            raise ValueError(f"alarm {self.id}: kind {kind} takes no dead_band")
        if self.kind in _WITH_STATES and not self.states:
            raise ValueError(f"alarm {self.id}: states was []; kind {kind} needs at least one state")
        if self.states and self.kind not in _WITH_STATES:
            raise ValueError(f"alarm {self.id}: states was {list(self.states)}; kind {kind} takes none")
        for name, kinds in _FIELDS_OF.items():
            given = getattr(self, name)
            if self.kind in kinds and not given:
                raise ValueError(f"alarm {self.id}: kind {kind} needs {name}, for example {_EXAMPLE[name]}")
            if given and self.kind not in kinds:
                raise ValueError(f"alarm {self.id}: kind {kind} takes no {name}")
        if self.kind in {AlarmKind.RATE, AlarmKind.TIME_IN_STATE, AlarmKind.COUNT} and not (self.limit or 0) > 0:
            raise ValueError(f"alarm {self.id}: limit was {self.limit}; a number above 0 was expected for kind {kind}")
        if self.kind is AlarmKind.LOSS_OF_VIEW and self.priority != 1:
            raise ValueError(f"alarm {self.id}: priority was {self.priority}; losing sight of a source is priority 1")
        return self


def loss_of_view(source_id: str, *, post: str = "", on_delay: float = 0.0) -> AlarmRule:
    """The one alarm that a lost source raises; every source has it whether or not the plant folder says so."""
    return AlarmRule(
        id=f"{source_id}.{SUFFIX[AlarmKind.LOSS_OF_VIEW]}",
        point=source_id,
        kind=AlarmKind.LOSS_OF_VIEW,
        priority=1,
        post=post,
        on_delay=on_delay,
        consequence=Label(zh="该数据源的测点全部失去监视", en="None of this source's points can be seen"),
        corrective_action=Label(
            zh="查通信线路和设备供电;派人现场看护安全测点", en="Check link and power; watch its safety points on site"
        ),
    )
