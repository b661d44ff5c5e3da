"""What must hold of calculated points, voting groups and the alarms that calculate: every expression is read, with its units, and none
stands on itself.

A mistake inside an expression is told at the line of the file where it was written, with the character.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from anlan.model.errors import InputError, UnitError
from anlan.model.events.alarms import AlarmKind
from anlan.model.kinds import kinds
from anlan.model.points import Point
from anlan.model.tables import nearest
from anlan.monitor.config import AlarmRule
from anlan.monitor.expressions import Expression, ExpressionError
from anlan.monitor.expressions.written_units import read_written
from anlan.plant.calculated import Made, as_point, facts_of, made_of, understood
from anlan.plant.calculated_quality import names, width_of, windows
from anlan.plant.description import CalculatedPoint, Vote
from anlan.plant.draft import Draft
from anlan.plant.findings import Findings, Where
from anlan.plant.gas_checks import check_vote_limit
from anlan.plant.tanks import tank_points

Rules = Mapping[str, Mapping[AlarmKind, AlarmRule]]
OF_STATES = frozenset({AlarmKind.TIME_IN_STATE, AlarmKind.COUNT})
NEEDS_READINGS = frozenset({"rate", "delta", "avg", "min", "max", "spread", "count"})
"""Functions over time that nothing comes of while their window holds less than two readings."""
OF_VALUES = frozenset({AlarmKind.RATE, AlarmKind.FROZEN, AlarmKind.DEVIATION})


def check_calculated(draft: Draft, rules: Rules, findings: Findings) -> None:
    """Everything that calculates, once all points and rules are read."""
    measured = {point.id: point for point in draft.points}
    sound = [one for one in draft.calculated if _sound(one, draft, findings)]
    sound += tank_points(draft.hazards, measured | {one.id: as_point(one) for one in sound})
    for vote in draft.votes:
        _members(vote, measured, draft, findings)
    points = measured | {one.id: as_point(one) for one in sound}
    for rule in draft.rules.values():
        if rule.point in points:
            _base(rule, points[rule.point], draft.where["rule", rule.id], findings)
    _read_all(draft, sound, findings)


def _sound(one: CalculatedPoint, draft: Draft, findings: Findings) -> bool:
    """Kind and unit of a calculated point."""
    where = draft.where["point", one.id]
    if one.kind not in kinds():
        hint = nearest(one.kind, kinds()) or "calculated"
        findings.mistake("kind", "kind {kind} is not known; did you mean {hint}?", where, kind=one.kind, hint=hint)
        return False
    if one.unit and read_written(one.unit) is None:
        message = "{id}: unit {unit} is not known"
        findings.mistake("unit", message, where, mend="for example Cel, kPa, Cel/min", id=one.id, unit=one.unit)
        return False
    try:
        fits = kinds()[one.kind].fits(one.unit)
    except UnitError:
        fits = False  # a change per time, for a kind that measures something
    if not fits:
        message = "{id}: the unit {unit} does not fit the kind {kind}"
        findings.mistake("unit-kind", message, where, id=one.id, unit=one.unit, kind=one.kind)
    return fits


def _members(vote: Vote, measured: Mapping[str, Point], draft: Draft, findings: Findings) -> None:
    """Members exist, and measure the same in the same unit: a vote over %LEL and ppm would compare nothing."""
    where = draft.where["point", vote.id]
    for member in vote.members:
        if member not in measured:
            hint = nearest(member, measured) or "—"
            message = "the vote {vote} has the member {member}, which is not in the list"
            findings.mistake("unknown-point", message, where, mend="did you mean {hint}?", vote=vote.id, member=member, hint=hint)
            return
    points = [measured[member] for member in vote.members]
    for point in points[1:]:
        if (point.unit, point.gas, point.pressure_basis) != (points[0].unit, points[0].gas, points[0].pressure_basis):
            findings.mistake(
                "vote-members",
                "the vote {vote}: {member} measures {unit} {gas}, {first} measures {first_unit} {first_gas}",
                where,
                mend="members of one vote measure the same thing in the same unit",
                vote=vote.id,
                member=point.id,
                unit=point.unit,
                gas=point.gas,
                first=points[0].id,
                first_unit=points[0].unit,
                first_gas=points[0].gas,
            )
    discrete = kinds()[points[0].kind].discrete
    if discrete != bool(vote.states):
        wanted = "states" if discrete else "limit"
        message = "the vote {vote}: its members need {wanted}"
        findings.mistake("vote-members", message, where, vote=vote.id, wanted=wanted)
    elif vote.limit is not None and vote.side == "high":
        check_vote_limit(vote.id, vote.limit, points[0], where, draft, findings)


def _base(rule: AlarmRule, base: Point, where: Where, findings: Findings) -> None:
    """A kind that fits the point it is about."""
    discrete = kinds()[base.kind].discrete
    if rule.kind in OF_VALUES and discrete:
        message = "{rule}: a point of the kind {kind} has states, not values that rise or freeze"
        findings.mistake("discrete-limit", message, where, rule=rule.id, kind=base.kind)
    if rule.kind in OF_STATES and not discrete:
        message = "{rule}: a point of the kind {kind} has limits, not states"
        findings.mistake("analogue-state", message, where, rule=rule.id, kind=base.kind)
    if rule.kind is AlarmKind.FROZEN and base.reporting.mode == "on_change":
        message = "{rule}: {id} reports on change, so silence means unchanged and says nothing of a frozen transmitter"
        findings.mistake("frozen", message, where, mend="use stale_after, or poll the point", rule=rule.id, id=base.id)
    if rule.kind is AlarmKind.FROZEN and 2 * base.reporting.period <= rule.window < 10 * base.reporting.period:
        message = "{rule}: a window of {window:g} s holds fewer than ten readings of {id}"
        findings.warning("frozen-window", message, where, rule=rule.id, window=rule.window, id=base.id)


def _read_all(draft: Draft, sound: Sequence[CalculatedPoint], findings: Findings) -> None:
    """Read every expression, and find those that stand on themselves."""
    measured = {point.id: point for point in draft.points}
    votes = [vote for vote in draft.votes if all(member in measured for member in vote.members)]  # others have been told
    known = measured.keys() | {one.id for one in sound} | {vote.id for vote in votes}
    rules = [rule for rule in draft.rules.values() if rule.point in known or rule.suppress_when]
    everything = made_of(measured, sound, votes, rules, draft.places[0].path if draft.places else "")
    points = [*draft.points, *(one.point for one in everything)]
    facts, names = facts_of(points, {}), [point.id for point in points]
    reads: dict[str, tuple[str, ...]] = {}
    timed: list[tuple[Made, Expression, Where]] = []
    for one in everything:
        where = draft.where["rule" if one.origin[0] == "rule" else "point", one.origin[1]]
        try:
            expression = understood(one, facts, lambda: names)
        except ExpressionError as wrong:
            mark = one.text[wrong.position : wrong.position + wrong.length] or "—"
            facts_there = {**wrong.facts, "of": one.origin[1], "written": one.text, "column": wrong.position + 1, "mark": mark}
            at = InputError(wrong.message, **facts_there)
            findings.wrong("expression", at, where, mend="in {of}: {written} at character {column}: {mark}")
            continue
        reads[one.point.id] = expression.points
        _fits(one, expression, where, findings)
        timed.append((one, expression, where))
    periods = _Periods(measured, reads)
    for one, expression, where in timed:
        _windows(one, expression, where, periods, findings)
    for loop in _loops(reads):
        one = next(o for o in everything if o.point.id == loop[0])
        where = draft.where["rule" if one.origin[0] == "rule" else "point", one.origin[1]]
        message = "{id} is calculated from itself: {loop}"
        findings.mistake("loop", message, where, id=loop[0], loop=" ← ".join((*loop, loop[0])))


def _fits(one: Made, expression: Expression, where: Where, findings: Findings) -> None:
    """A condition where one is asked for, a number in the unit that is written where not."""
    discrete = kinds()[one.point.kind].discrete
    if discrete and expression.kind != "truth":
        message = "{id}: {text} is a number; a condition was expected, for example TI-101 > 80"
        findings.mistake("expression", message, where, id=one.origin[1], text=one.text)
    elif not discrete and expression.kind == "truth" and one.origin[0] == "calculated":
        message = "{id}: {text} is a condition"
        findings.mistake("expression", message, where, mend="write kind: condition", id=one.origin[1], text=one.text)
    elif not discrete and expression.unit and not one.point.unit:
        message = "{id}: {text} is in {unit}, and the point has no unit"
        findings.mistake(
            "expression", message, where, mend="write unit: {unit}", id=one.origin[1], text=one.text, unit=expression.unit
        )


class _Periods:
    """Of points and of what is calculated from them, the measured point that is read most rarely, and its period."""

    def __init__(self, measured: Mapping[str, Point], reads: Mapping[str, tuple[str, ...]]) -> None:
        self._measured, self._reads = measured, reads

    def longest(self, points: Iterable[str]) -> tuple[float, str]:
        """(0, "") where all of them report on change."""
        seen: set[str] = set()
        waiting, found = list(points), (0.0, "")
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            waiting.extend(self._reads.get(name, ()))
            point = self._measured.get(name)
            if point is not None and point.reporting.mode == "cyclic":
                found = max(found, (point.reporting.period, name))
        return found


def _windows(one: Made, expression: Expression, where: Where, periods: _Periods, findings: Findings) -> None:
    """A window must hold two readings of all that it looks at: with less there is never anything to compare."""
    for window in windows(expression.tree):
        width, (period, point) = width_of(window), periods.longest(names(window.operand))
        if window.name in NEEDS_READINGS and width < 2 * period:
            findings.mistake(
                "window-period",
                "{of}: {function} looks at {window:g} s, and {id} is read every {period:g} s",
                where,
                mend="a window of at least {least:g} s, or a shorter period",
                of=one.origin[1],
                function=window.name,
                window=width,
                id=point,
                period=period,
                least=2 * period,
            )


def _loops(reads: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Each ring of points that are calculated from one another, once."""
    done: set[str] = set()
    rings: list[tuple[str, ...]] = []

    def follow(point: str, path: tuple[str, ...]) -> None:
        if point in path:
            rings.append(path[path.index(point) :])
        elif point in reads and point not in done:
            for read in reads[point]:
                follow(read, (*path, point))
            done.add(point)

    for point in reads:
        follow(point, ())
    return rings
