"""What people did to the points of an alarm: inhibited for a work order, in calibration, or waiting for a reset on site after over range.

Whether a point is out of evidence is read from the engine that was led through the past, since when and by whom from the steps it was led by.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from anlan.model.clock import Micros
from anlan.model.quality import REASON_MASK, Reason, Severity, quality
from anlan.monitor.layout import NOT_DUE, PointFlag
from anlan.monitor.point_modes import BAD, FLAG, Mode, PointMode, PointStep, ends, mode_of
from anlan.monitor.recount import OF_QUALITY
from anlan.monitor.sub_plant import inputs_of, measured
from anlan.monitor.why.asked import Both
from anlan.monitor.why.case import Case
from anlan.monitor.why.words import Words, glued, joined

LATCHED = "over_range_latched"
_LATCHED = int(quality(Severity.BAD, Reason.OVER_RANGE_LATCHED))
_BEGUN = {
    Mode.INHIBITED: "Inhibited by {who} from {time} until {until}",
    Mode.CALIBRATING: "In calibration mode by {who} from {time} until {until}",
}


@dataclass(frozen=True, slots=True)
class Span:
    """One mode of one point from its begin to its end, which is `NOT_DUE` while it stands. `last` is the step that began or renewed it."""

    since: Micros
    ended: Micros
    last: PointStep


@dataclass(frozen=True, slots=True)
class Out:
    """One reason for which one point is no evidence. `mode` None: it is latched over range."""

    point: int
    since: Micros | None
    mode: PointMode | None = None


class Modes:
    def __init__(self, case: Case, words: Words) -> None:
        self._case, self._words = case, words
        self._points = self._watched()

    def _watched(self) -> list[int]:
        case = self._case
        if case.number is None:
            return []
        if not case.calculated:
            return [case.number]
        return sorted(set(inputs_of(case.asked.config, [case.number]).tolist()) & set(measured(case.asked.config)))

    @cached_property
    def out(self) -> list[Out]:
        """What keeps the point that decides, or those it is calculated from, from being evidence."""
        engine, found = self._case.engine, []
        for point in self._points:
            found += [Out(point, mode.since, mode) for mode in engine.modes.of(point) if mode.mode in FLAG]
            if engine.world.points["flags"][point] & PointFlag.OVER_LATCHED:
                found.append(Out(point, self._over_since(point)))
        return found

    @cached_property
    def spans(self) -> list[Span]:
        """When the point that decides was out of evidence, as people had it; of a calculated point its quality tells."""
        return [] if self._case.calculated else [span for point in self._points for span in _spans(self._steps(point))]

    # ---- the gate

    def gate(self) -> tuple[bool, Both]:
        out = self.out
        if not out:
            message = "Neither inhibited nor in calibration."
            return True, self._words.say(
                "None of its inputs is inhibited or in calibration." if self._case.calculated else message
            )
        if self._case.calculated:
            return self._case.word() < BAD, joined(self._of_input(one) for one in out)
        by_people = [one for one in out if one.mode is not None]
        if by_people:
            return False, joined(glued(self._head(one), self._no_evidence()) for one in by_people)
        return self._latched(out[0])

    def sent(self) -> int:
        """The quality that the source itself sent last."""
        case = self._case
        assert case.number is not None
        return case.word() if case.calculated else case.engine.modes.sent(case.engine.world, case.number)

    def told_of(self, at: Micros) -> Both:
        """What stood on the point at `at`, for a time at which it may be over."""
        one = next((span for span in self.spans if span.since <= at < span.ended), None)
        if one is None:
            return {}
        return self._said(one.last, one.since, one.ended if one.ended != NOT_DUE else one.last.until)

    def as_json(self) -> list[dict[str, Any]]:
        return [self._row(one) for one in self.out]

    # ---- in words

    def _of_input(self, one: Out) -> Both:
        return self._words.say("{point}: {what}.", point=self._name(one.point), what=self._head(one))

    def _head(self, one: Out) -> Both:
        if one.mode is None:
            return self._words.say("latched over range since {time}, until it is reset on site", time=self._words.time(one.since))
        return self._said(one.mode, one.mode.since, one.mode.until)

    def _said(self, mode: PointMode | PointStep, since: Micros, until: Micros | None) -> Both:
        words, which = self._words, mode.mode if isinstance(mode, PointMode) else mode_of(mode)
        assert which is not None
        facts = {"who": words.person(mode.who), "time": words.time(since), "until": words.time(until)}
        head = words.say(_BEGUN[which], **facts)
        if mode.work_order:
            why = words.say(" (work order {order}: {reason})", order=mode.work_order, reason=mode.reason)
        else:
            why = words.say(" ({reason})", reason=mode.reason)
        approved = [words.say(", approved by {who}", who=words.person(mode.approver))] if mode.approver else []
        return glued(head, why, *approved)

    def _no_evidence(self) -> Both:
        if self._case.kind in OF_QUALITY:
            return self._words.say(": its alarms of quality and silence are suppressed meanwhile.")
        return self._words.say(": its readings are no evidence, the alarm keeps what it last knew.")

    def _latched(self, one: Out) -> tuple[bool, Both]:
        open_ = self._case.tells_beyond(_LATCHED) or self._case.kind in OF_QUALITY
        message = (
            "Latched over range since {time}: until it is reset on site it counts as beyond every high limit."
            if open_
            else "Latched over range since {time}: until it is reset on site its readings are no evidence."
        )
        return open_, self._words.say(message, time=self._words.time(one.since))

    def _row(self, one: Out) -> dict[str, Any]:
        mode, row = one.mode, {"point": self._name(one.point), "mode": LATCHED, "since": one.since}
        if mode is None:
            return row
        said = {name: getattr(mode, name) for name in ("until", "who", "post", "reason", "work_order", "approver")}
        named = {f"{name}_name": self._words.person(said[name]) for name in ("who", "approver")}
        return {**row, "mode": mode.mode.value, **said, **named}

    def _name(self, point: int) -> str:
        return self._case.asked.point_names.get(point, f"#{point}")

    # ---- since when

    def _steps(self, point: int) -> list[PointStep]:
        return [step for step in self._case.asked.past.steps if step.point == point]

    def _over_since(self, point: int) -> Micros | None:
        """The reading that latched it: the first over range since the last reset."""
        reset = max((s.noticed_at for s in self._steps(point) if s.step == "reset_over_range"), default=-NOT_DUE)
        rows = self._case.asked.past.readings
        over = (rows.point == point) & (rows.quality & REASON_MASK == Reason.OVER_RANGE) & (rows.time >= reset)
        return int(np.min(rows.time[over])) if over.any() else None


def _spans(steps: list[PointStep]) -> list[Span]:
    """From the steps of one point, in order."""
    found: list[Span] = []
    open_: dict[Mode, Span] = {}
    for step in steps:
        mode = mode_of(step)
        if mode not in FLAG:
            continue
        begun = open_.pop(mode, None)
        if not ends(step):
            open_[mode] = Span(begun.since if begun is not None else step.noticed_at, NOT_DUE, step)
        elif begun is not None:
            found.append(Span(begun.since, step.noticed_at, begun.last))
    return [*found, *open_.values()]
