"""The safety system as the plant describes it: causes (functions that trip, buttons), effects (valves, pumps, fans), which leads to which."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from anlan.model.places import Id
from anlan.model.words import Label


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Cause(_Part):
    """One row of the matrix. `point` tells by one of `active` that it demands its effects; the safety system decides that, not Anlan."""

    id: Id
    name: Label = Label()
    point: Id
    active: Annotated[tuple[int, ...], Field(min_length=1)] = (1,)
    watches: tuple[Id, ...] = Field(default=(), description="measured points that make it act, with their trips")
    effects: tuple[Id, ...] = ()
    bypass: Id | None = Field(default=None, description="the point that tells its bypass; 0 is not bypassed")
    bypass_left: Id | None = Field(default=None, description="the safety system's own countdown")
    first_out: int | None = Field(default=None, description="the state of the first-out point that names this cause")
    sil: int | None = Field(default=None, ge=1, le=4, description="as the plant's own assessment states it; never computed here")


class Effect(_Part):
    """One column. `safe` is where a demand moves it; `stroke_time` s is what it may take."""

    id: Id
    name: Label = Label()
    safe: Literal["closed", "open", "stopped", "running"] = "closed"
    closed: Id | None = None
    open: Id | None = None
    running: Id | None = Field(default=None, description="of a pump or fan: 1 is running")
    command: Id | None = Field(default=None, description="what the control system asks for: 1 is open or running")
    stroke_time: float = Field(gt=0, le=3600, description="s")

    @model_validator(mode="after")
    def _has_a_position(self) -> Effect:
        if self.confirmed_by is None:
            wanted = self.safe if self.safe in {"closed", "open"} else "running"
            raise ValueError(f"effect {self.id}: {wanted} was not given; the point that tells its safe position was expected")
        return self

    @property
    def confirmed_by(self) -> tuple[str, int] | None:
        """The point that tells its safe position, and the state by which it does."""
        point = {"closed": self.closed, "open": self.open, "stopped": self.running, "running": self.running}[self.safe]
        return None if point is None else (point, 0 if self.safe == "stopped" else 1)

    @property
    def position(self) -> str | None:
        """The point that a command is compared with: open or running."""
        return self.running if self.safe in {"stopped", "running"} else self.open


class SafetySystem(_Part):
    """The section `safety`."""

    causes: tuple[Cause, ...] = ()
    effects: tuple[Effect, ...] = ()
    first_out: Id | None = Field(default=None, description="the point in which the safety system traps what acted first")

    def effect(self, identifier: str) -> Effect | None:
        return next((one for one in self.effects if one.id == identifier), None)

    def causes_of(self, effect: str) -> list[Cause]:
        return [cause for cause in self.causes if effect in cause.effects]

    @cached_property
    def named(self) -> frozenset[str]:
        """Every point that the section names."""
        return frozenset(self.points())

    @cached_property
    def first_out_states(self) -> dict[str, list[int]]:
        """Point → states of the first-out register that name a cause which it is, or makes act."""
        found: dict[str, list[int]] = {}
        for cause in self.causes:
            if cause.first_out is not None:
                for point in {cause.point, *cause.watches}:
                    found.setdefault(point, []).append(cause.first_out)
        return found

    def points(self) -> set[str]:
        """Every point that the section names."""
        found = {self.first_out}
        for cause in self.causes:
            found |= {cause.point, cause.bypass, cause.bypass_left, *cause.watches}
        for effect in self.effects:
            found |= {effect.closed, effect.open, effect.running, effect.command}
        return {one for one in found if one is not None}
