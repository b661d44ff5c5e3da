"""A person's step on an alarm (on a point: `point_commands`), as it stands in the log, and the answer it gets once its effect is committed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import orjson

from anlan.model.clock import HOUR, Micros
from anlan.model.errors import InputError
from anlan.model.events.alarms import AlarmState, Trigger
from anlan.model.languages import translate
from anlan.monitor.command_fields import check_fields
from anlan.monitor.point_commands import PointCommand
from anlan.monitor.shelving import LONGEST

CommandKind = Literal["acknowledge", "reset", "silence", "shelve", "unshelve", "remove_from_service", "return_to_service"]

TRIGGER: dict[str, Trigger] = {
    "acknowledge": Trigger.ACKNOWLEDGE,
    "reset": Trigger.RESET,
    "shelve": Trigger.SHELVE,
    "unshelve": Trigger.UNSHELVE,
    "remove_from_service": Trigger.REMOVE_FROM_SERVICE,
    "return_to_service": Trigger.RETURN_TO_SERVICE,
}
"""`silence` is not here: it quiets one console's horn, moves no alarm and is never refused."""


_HIDDEN = {
    AlarmState.SHELVED: "the alarm is shelved: unshelve it first",
    AlarmState.SUPPRESSED: "the alarm is suppressed by design: it comes back by itself",
    AlarmState.OUT_OF_SERVICE: "the alarm is out of service: return it to service first",
}
_WHY_NOT: dict[str, dict[AlarmState, str]] = {
    "acknowledge": {
        AlarmState.NORMAL: "the alarm is over: there is nothing to acknowledge",
        AlarmState.ACKNOWLEDGED: "the alarm is acknowledged already",
        AlarmState.LATCHED_ACKNOWLEDGED: "the alarm is acknowledged already",
        **_HIDDEN,
    },
    "reset": {AlarmState.LATCHED_UNACKNOWLEDGED: "the alarm must be acknowledged before it is reset", **_HIDDEN},
    "shelve": {**_HIDDEN, AlarmState.SHELVED: "the alarm is shelved already: unshelve it first to shelve it anew"},
    "remove_from_service": {AlarmState.OUT_OF_SERVICE: "the alarm is out of service already"},
}
_WHY_NOT_ELSE = {
    "reset": "only a latched alarm whose condition is gone can be reset",
    "unshelve": "the alarm is not shelved",
    "return_to_service": "the alarm is not out of service",
}


def why_not(kind: str, state: AlarmState) -> str:
    """Why a step that the state table doesn't know can't be taken in `state`: a msgid."""
    return _WHY_NOT.get(kind, {}).get(state) or _WHY_NOT_ELSE[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Who did what, at which post, to which activation of which alarm, and the severity they saw when they did.

    `until` ends a shelving, on the same wall clock as `at`; `work_order` is what an alarm is taken out of service for.
    """

    id: str
    kind: CommandKind
    alarm: int
    episode: int
    priority: int
    who: str
    post: str
    reason: str = ""
    at: Micros
    until: Micros | None = None
    work_order: str = ""

    @property
    def said(self) -> str:
        """What the journal keeps as the reason."""
        return f"{self.work_order}: {self.reason}" if self.work_order else self.reason

    def lacks(self) -> tuple[str, dict[str, Any]] | None:
        """What the step lacks in itself, whatever the alarm: a msgid and its facts."""
        if self.kind in {"shelve", "remove_from_service"} and not self.reason.strip():
            return "a reason is needed", {}
        if self.kind == "remove_from_service" and not self.work_order.strip():
            return "a work order is needed to take an alarm out of service", {}
        if self.kind == "shelve" and (self.until is None or self.until <= self.at):
            return "shelving needs an end that lies ahead", {}
        if self.kind == "shelve" and self.until is not None and self.until - self.at > LONGEST:
            return "shelving lasts {hours} h at most", {"hours": LONGEST // HOUR}
        return None

    def to_bytes(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Command:
        """Raises InputError when `data` is no command; names the field."""
        return cls.from_json(_parsed(data))

    @classmethod
    def from_json(cls, fields: Any) -> Command:
        given = fields if isinstance(fields, dict) else {}
        check_fields(given, _FIELDS, _DEFAULTS, get_args(CommandKind))
        return cls(**given)


Step = Command | PointCommand


def read_command(data: bytes | memoryview) -> Step:
    """Either kind: a step on a point names it. Raises InputError."""
    return command_of(_parsed(data))


def command_of(fields: Any) -> Step:
    return PointCommand.from_json(fields) if isinstance(fields, dict) and "point" in fields else Command.from_json(fields)


def _parsed(data: bytes | memoryview) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InputError("command is not JSON: {error}", error=str(error)) from None


_FIELDS: dict[str, type] = {
    "id": str,
    "kind": str,
    "alarm": int,
    "episode": int,
    "priority": int,
    "who": str,
    "post": str,
    "reason": str,
    "at": int,
    "until": int,
    "work_order": str,
}
_DEFAULTS: dict[str, Any] = {"reason": "", "until": None, "work_order": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer to one command. `why` is a msgid with `facts` when it was refused; `transition` the journal row it caused, `step` that of
    a point."""

    id: str
    accepted: bool
    why: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    transition: int | None = None
    step: int | None = None

    def text(self, language: str) -> str:
        return translate(self.why, language).format(**self.facts) if self.why else ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Result:
        return cls(**fields)
