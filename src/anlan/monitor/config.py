"""What an alarm is, as a person writes it in the plant folder: one frozen model per rule.

Two conventions hold everywhere. A limit is inclusive: HIGH is on at value ≥ limit, LOW at value ≤ limit. It clears only beyond
the dead-band: HIGH when value < limit − dead_band, LOW when value > limit + dead_band. Delays run on the condition *after* its
dead-band, so noise around the limit doesn't restart them.
"""

from __future__ import annotations

import math
from typing import Annotated

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
}
"""How a kind is written in files and in alarm ids: "<point id>.<suffix>"."""

KIND_OF_SUFFIX: dict[str, AlarmKind] = {suffix: kind for kind, suffix in SUFFIX.items()}
LIMIT_KINDS = frozenset({AlarmKind.LOW_LOW, AlarmKind.LOW, AlarmKind.HIGH, AlarmKind.HIGH_HIGH})


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
    limit: float | None = Field(default=None, description="in the point's unit")
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

    @model_validator(mode="after")
    def _fits_its_kind(self) -> AlarmRule:
        if self.kind in LIMIT_KINDS and (self.limit is None or not math.isfinite(self.limit)):
            raise ValueError(f"alarm {self.id}: limit was {self.limit}; a finite number was expected")
        if self.kind not in LIMIT_KINDS and (self.limit is not None or self.dead_band):
            raise ValueError(f"alarm {self.id}: kind {SUFFIX[self.kind]} takes neither limit nor dead_band")
        if (self.kind is AlarmKind.STATE) != bool(self.states):
            raise ValueError(
                f"alarm {self.id}: states was {list(self.states)}; kind ST needs at least one state, others take none"
            )
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
