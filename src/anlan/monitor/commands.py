"""A person's step on an alarm, as it stands in the log, and the answer it gets once its effect is committed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import orjson

from anlan.model.clock import Micros
from anlan.model.errors import InputError
from anlan.model.events.alarms import AlarmState, Trigger
from anlan.model.words import translate

CommandKind = Literal["acknowledge", "reset", "silence"]

TRIGGER: dict[str, Trigger] = {"acknowledge": Trigger.ACKNOWLEDGE, "reset": Trigger.RESET}
"""`silence` is not here: it quiets one console's horn and moves no alarm."""


_HIDDEN = {
    AlarmState.SHELVED: "the alarm is shelved: unshelve it first",
    AlarmState.SUPPRESSED: "the alarm is suppressed by design: it comes back by itself",
    AlarmState.OUT_OF_SERVICE: "the alarm is out of service: return it to service first",
}
_NOTHING_TO_ACKNOWLEDGE = {
    AlarmState.NORMAL: "the alarm is over: there is nothing to acknowledge",
    AlarmState.ACKNOWLEDGED: "the alarm is acknowledged already",
    AlarmState.LATCHED_ACKNOWLEDGED: "the alarm is acknowledged already",
    **_HIDDEN,
}
_NOTHING_TO_RESET = {
    AlarmState.LATCHED_UNACKNOWLEDGED: "the alarm must be acknowledged before it is reset",
    **_HIDDEN,
}


def why_not(kind: str, state: AlarmState) -> str:
    """Why a step that the state table doesn't know can't be taken in `state`: a msgid."""
    if kind == "acknowledge":
        return _NOTHING_TO_ACKNOWLEDGE[state]
    return _NOTHING_TO_RESET.get(state, "only a latched alarm whose condition is gone can be reset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Who did what, at which post, to which activation of which alarm, and the severity they saw when they did."""

    id: str
    kind: CommandKind
    alarm: int
    episode: int
    priority: int
    who: str
    post: str
    reason: str = ""
    at: Micros

    def to_bytes(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Command:
        """Raises InputError when `data` is no command; names the field."""
        try:
            fields = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise InputError("command is not JSON: {error}", error=str(error)) from None
        return cls.from_json(fields)

    @classmethod
    def from_json(cls, fields: Any) -> Command:
        given = fields if isinstance(fields, dict) else {}
        for name, kind in _FIELDS.items():
            value = given.get(name, "" if name == "reason" else None)
            if type(value) is not kind:
                raise InputError(
                    "command: {field} was {found}; {expected} was expected", field=name, found=repr(value), expected=kind.__name__
                )
        if unknown := sorted(set(given) - set(_FIELDS)):
            raise InputError("command: unknown field {field}", field=unknown[0])
        if given["kind"] not in get_args(CommandKind):
            raise InputError("command: kind was {found}; acknowledge, reset or silence was expected", found=repr(given["kind"]))
        return cls(**given)


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
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer to one command. `why` is a msgid with `facts` when it was refused; `transition` the journal row it caused."""

    id: str
    accepted: bool
    why: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    transition: int | None = None

    def text(self, language: str) -> str:
        return translate(self.why, language).format(**self.facts) if self.why else ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Result:
        return cls(**fields)
