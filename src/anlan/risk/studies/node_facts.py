"""Facts as the running node knows them, on the app's event loop: live values, standing alarms, bypasses.

What is bad, not connected or hidden is unknown, with the reason. An over-range reading still answers a condition upwards: it is at least so high.
Since when a state holds is remembered from when it was first seen here; `restore` takes over what was known before a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from anlan.model.clock import Micros
from anlan.model.quality import Reason, Severity, reason_of, severity_of
from anlan.model.reasons import reasons
from anlan.model.words import Label
from anlan.monitor.service import AlarmService
from anlan.monitor.states import ACTIVE, HIDDEN
from anlan.risk.studies.checking import Names
from anlan.risk.studies.facts import BAD, Binding, Condition, Fact
from anlan.risk.wording import say
from anlan.web.context import Context, PlantView

Answer = tuple[bool | None, Micros, Label]
"""State, since when (0: not known), why."""
Answerer = Callable[[Binding], Answer]
_OVER = frozenset({Reason.OVER_RANGE, Reason.OVER_RANGE_LATCHED, Reason.NE43_HIGH})
_UNDER = frozenset({Reason.UNDER_RANGE, Reason.NE43_LOW})


class NodeFacts:
    """One per app process: `NodeFacts.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._board = AlarmService.of(context).board
        self._names: tuple[PlantView, Names] | None = None
        self._known: dict[Binding, tuple[bool, Micros]] = {}
        self._said: dict[Binding, tuple[PlantView, float, int, Answer]] = {}
        """Of points: by which plant, value and quality what was answered. Thousands are asked each second, and few have moved."""
        self._answerers: dict[str, Answerer] = {
            "point": self._point,
            "alarm": self._alarm,
            "bypass": self._bypass,
            "permit": self._permit,
        }

    @classmethod
    def of(cls, context: Context) -> NodeFacts:
        found = context.extras.setdefault("risk.facts", None)
        if found is None:
            found = context.extras["risk.facts"] = cls(context)
        assert isinstance(found, cls)
        return found

    def answer_by(self, sort: str, answerer: Answerer) -> None:
        """Whoever knows bow-ties, or permits, answers for them; called on the event loop, must not block."""
        self._answerers[sort] = answerer

    def restore(self, known: Mapping[Binding, tuple[bool, Micros]]) -> None:
        """What was last known before this process: adverse evidence outlives a restart."""
        self._known = dict(known) | self._known

    def fact(self, binding: Binding) -> Fact:
        answerer = self._answerers.get(binding.sort)
        if answerer is None:
            return self._unknown(binding, say("nothing on this node answers for {binding}", binding=binding))
        state, since, why = answerer(binding)
        if state is None:
            return self._unknown(binding, why)
        before = self._known.get(binding)
        if before is None or before[0] != state:
            # What is first seen now may have been so before: since when is known only where the answerer says it.
            self._known[binding] = before = (state, since or (self._context.clock.now() if before is not None else 0))
        return Fact(state, since or before[1], why, state)

    def glance(self, binding: Binding) -> Fact:
        """The same for what is only tried out: what no study in force asks for is not remembered, however many texts are typed."""
        asked = binding in self._known
        found = self.fact(binding)
        if not asked:
            self._known.pop(binding, None)
            self._said.pop(binding, None)
        return found

    def _unknown(self, binding: Binding, why: Label) -> Fact:
        before = self._known.get(binding)
        return Fact(None, before[1] if before is not None else 0, why, before[0] if before is not None else None)

    # ---- who answers

    def _point(self, binding: Binding) -> Answer:
        plant, condition = self._context.plant, binding.when
        number = plant.point_numbers.get(binding.id)
        if number is None or condition is None:
            return None, 0, say("the plant has no point {name}", name=binding.id)
        value, word = self._look(number)
        if condition.comparison == BAD and not self._context.live.connected:
            return None, 0, say("the engine cannot be heard")
        said = self._said.get(binding)
        if said is None or said[0] is not plant or said[2] != word or not (said[1] == value or np.isnan([said[1], value]).all()):
            self._said[binding] = said = (plant, value, word, self._answer(binding.id, condition, number, value, word))
        return said[3]

    def _answer(self, id: str, condition: Condition, number: int, value: float, word: int) -> Answer:
        """Of a point with this reading."""
        told = _why_bad(word)
        bad = severity_of(word) is Severity.BAD
        if condition.comparison == BAD:
            if reason_of(word) is Reason.NO_DATA_YET:
                return None, 0, say("the engine cannot be heard")
            why = say("the reading of {point} is bad: {reason}", point=id, reason=told)
            return bad, 0, why if bad else say("the reading of {point} can be used", point=id)
        if bad:
            beyond = reason_of(word)
            if beyond in _OVER and condition.comparison in (">", ">="):
                return (
                    True,
                    0,
                    say("{point} is over its range, so at least above {limit}", point=id, limit=f"{condition.limit:g}"),
                )
            if beyond in _UNDER and condition.comparison in ("<", "<="):
                return (
                    True,
                    0,
                    say("{point} is under its range, so at least below {limit}", point=id, limit=f"{condition.limit:g}"),
                )
            return None, 0, say("the reading of {point} is bad: {reason}", point=id, reason=told)
        point = self._context.plant.points[number]
        shown: Label | str = f"{value:.{point.decimals}f} {point.unit}".strip()
        if point.states:
            shown = point.states.get(int(value)) or f"{value:g}"
        facts = {"point": id, "value": shown, "condition": str(condition)}
        if condition.holds(value):
            return True, 0, say("{point} is {value}: {condition} holds", **facts)
        return False, 0, say("{point} is {value}: {condition} does not hold", **facts)

    def _look(self, number: int) -> tuple[float, int]:
        live = self._context.live
        if number >= len(live):
            live.reserve(number + 1)
        return float(live.value[number]), int(live.quality_now(np.array([number], np.int64))[0])

    def _alarm(self, binding: Binding) -> Answer:
        plant = self._context.plant
        number = plant.rule_numbers.get(binding.id)
        if number is None:
            return None, 0, say("the plant has no alarm {name}", name=binding.id)
        if not (self._context.live.connected and self._board.loaded):
            return None, 0, say("the engine cannot be heard")
        standing = self._board.standing.get(number)
        since = standing.last.happened_at if standing is not None else 0
        if standing is not None and standing.last.after in ACTIVE:
            return True, since, say("alarm {alarm} stands", alarm=binding.id)
        if standing is not None and standing.last.after in HIDDEN:
            return None, since, say("alarm {alarm} is put aside: nobody is told of it", alarm=binding.id)
        point = plant.point_of_rule(plant.rules[number])
        watched = plant.point_numbers.get(point.id) if point is not None else None
        if point is not None and watched is not None and severity_of(self._look(watched)[1]) is Severity.BAD:
            reason = _why_bad(self._look(watched)[1])
            return None, since, say("the reading of {point} is bad: {reason}", point=point.id, reason=reason)
        return False, since, say("alarm {alarm} does not stand", alarm=binding.id)

    def _bypass(self, binding: Binding) -> Answer:
        plant = self._context.plant
        found = self._bypass_of(binding.id)
        number = plant.point_numbers.get(found or "")
        if number is None:
            return None, 0, say("nothing tells whether {name} is bypassed", name=binding.id)
        value, word = self._look(number)
        if severity_of(word) is Severity.BAD or np.isnan(value):
            return None, 0, say("the reading of {point} is bad: {reason}", point=found, reason=_why_bad(word))
        if value:
            return True, 0, say("{name} is bypassed", name=binding.id)
        return False, 0, say("{name} is not bypassed", name=binding.id)

    def _bypass_of(self, name: str) -> str | None:
        """The point that tells it."""
        plant = self._context.plant
        if self._names is None or self._names[0] is not plant:
            self._names = (plant, Names.of_view(plant))
        return self._names[1].bypasses.get(name)

    def _permit(self, binding: Binding) -> Answer:
        return None, 0, say("this node knows no permits yet")


def _why_bad(word: int) -> Label:
    return reasons()[reason_of(word)].label
