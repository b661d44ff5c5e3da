"""Points that a plant has because something is calculated: those it writes itself, its voting groups, and one for each alarm that looks
at more than one reading or is suppressed by a condition.

    calculated:   TDI-101 = TI-101 - TI-102                     a point of that id
    votes:        AV-300 = 2 of AT-301, AT-302, AT-303          a point of that id, AV-300.HEALTHY, and their two alarms
    hazards       a tank with its level and strapping table     a point <tank>.MASS, and the alarm of its design maximum
    alarms.rules  kind ROC, DEV, FRZ, DIS, TIS, CNT, IF         a point with the alarm's id, and a limit or state of it
                  suppress_when                                 a point <alarm id>.SUP

Each kind of alarm is a short form of an expression; docs/expressions.md shows them side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID
from anlan.model.kinds import kinds
from anlan.model.points import Point, Reporting
from anlan.model.words import Label
from anlan.monitor.companions import healthy_of, met_alarm_of, suppressor_of
from anlan.monitor.config import AlarmRule
from anlan.monitor.expressions import Expression, PointFacts, parse, print_text
from anlan.monitor.expressions.syntax import PointName
from anlan.plant.description import CalculatedPoint, Plant, Vote
from anlan.plant.tanks import tank_points

if TYPE_CHECKING:
    from anlan.plant.version import Numbers

CONDITION_STATES = {0: Label(zh="不成立", en="not met"), 1: Label(zh="成立", en="met")}
VOTE_STATES = {0: Label(zh="未成立", en="not met"), 1: Label(zh="表决成立", en="met")}
TRUTH, NUMBER = "condition", "calculated"
"""Kinds of the points that are made here (data/point_kinds.csv)."""

_WHAT = {
    AlarmKind.RATE: Label(zh="变化率", en="rate of change"),
    AlarmKind.DEVIATION: Label(zh="偏差", en="deviation"),
    AlarmKind.FROZEN: Label(zh="波动幅度", en="spread"),
    AlarmKind.DISCREPANCY: Label(zh="与指令不符", en="discrepancy"),
    AlarmKind.TIME_IN_STATE: Label(zh="持续时间", en="time in state"),
    AlarmKind.COUNT: Label(zh="次数", en="count"),
    AlarmKind.CONDITION: Label(zh="报警条件", en="alarm condition"),
}


@dataclass(frozen=True, slots=True)
class Made:
    """A calculated point and its expression; `unit` is what the expression is wanted in, "" for its own or a condition."""

    point: Point
    text: str
    unit: str = ""
    origin: tuple[str, str] = ("", "")
    """("calculated" | "vote" | "rule", id) of what it was made for."""


def made(plant: Plant, rules: Iterable[AlarmRule]) -> list[Made]:
    """Every calculated point of the plant; `rules` are all of its alarms."""
    top = plant.places[0].path if plant.places else ""
    return made_of(plant.points_by_id, (*plant.calculated, *tanks_of(plant)), plant.votes, rules, top)


def tanks_of(plant: Plant) -> list[CalculatedPoint]:
    """Of the tanks of its major hazards."""
    if not plant.hazards.units:
        return []
    return tank_points(plant.hazards, plant.points_by_id | {one.id: as_point(one) for one in plant.calculated})


def made_of(
    measured: Mapping[str, Point],
    calculated: Iterable[CalculatedPoint],
    votes: Iterable[Vote],
    rules: Iterable[AlarmRule],
    top: str,
) -> list[Made]:
    """The same from the parts of a plant; `top` is the path of the enterprise."""
    written = {one.id: as_point(one) for one in calculated}
    found = [Made(written[one.id], one.expression, one.unit, ("calculated", one.id)) for one in calculated]
    for vote in votes:
        found += _of_vote(vote)
    for rule in rules:
        base = measured.get(rule.point) or written.get(rule.point)
        if rule.watches_calculated and base is not None:
            found.append(_of_rule(rule, base))
        if rule.suppress_when:
            found.append(_suppressor(rule, base, top))
    return found


def as_point(written: CalculatedPoint) -> Point:
    """A calculated point as every room knows it; its address is its expression."""
    discrete = kinds()[written.kind].discrete
    return Point(
        id=written.id,
        place=written.place,
        name=written.name,
        kind=written.kind,
        unit=written.unit,
        decimals=written.decimals,
        range_low=written.range_low,
        range_high=written.range_high,
        states=written.states or (CONDITION_STATES if discrete else {}),
        source=NODE_ID,
        address=written.expression,
        reporting=Reporting(mode="on_change"),
        safety=kinds()[written.kind].safety,
        position=written.position,
    )


def vote_rules(plant: Plant) -> list[AlarmRule]:
    """The two alarms of each voting group: the vote stands, and too few members are left to vote."""
    return [rule for vote in plant.votes for rule in _alarms_of(vote, plant)]


def watched(rule: AlarmRule) -> AlarmRule:
    """The rule as the engine runs it: a limit or a state of the point it watches."""
    kind = rule.kind
    if kind is AlarmKind.FROZEN:
        return rule.model_copy(update={"kind": AlarmKind.LOW})
    if kind in {AlarmKind.DISCREPANCY, AlarmKind.CONDITION}:
        return rule.model_copy(update={"kind": AlarmKind.STATE, "states": (1,)})
    return rule.model_copy(update={"kind": AlarmKind.HIGH, "states": ()}) if rule.watches_calculated else rule


def facts_of(points: Iterable[Point], numbers: Mapping[str, int]) -> Callable[[str], PointFacts | None]:
    """What expressions may know of points; numbers of points that have none yet are counted on, which is enough for a check."""
    known = {point.id: PointFacts.of(numbers.get(point.id, n), point) for n, point in enumerate(points)}
    return known.get


def understood(one: Made, facts: Callable[[str], PointFacts | None], names: Callable[[], Iterable[str]]) -> Expression:
    """Raises ExpressionError."""
    return parse(one.text, facts, names, unit=one.unit)


def expressions(plant: Plant, rules: Iterable[AlarmRule], points: Sequence[Point], numbers: Numbers) -> dict[int, Expression]:
    """By the number of the calculated point. Raises ExpressionError; `anlan check` says where it was written."""
    facts = facts_of(points, numbers.points)
    names = partial(_ids, points)
    return {numbers.points[one.point.id]: understood(one, facts, names) for one in made(plant, rules)}


def _ids(points: Sequence[Point]) -> list[str]:
    return [point.id for point in points]


# --- voting groups ---------------------------------------------------------------------------------------------------------


def _of_vote(vote: Vote) -> list[Made]:
    member = _member(vote)
    members = [_named(one) for one in vote.members]
    options = f"; fault {_counts(vote.fault)}; calibration {_counts(vote.calibration)}"
    text = f"vote({vote.needed} of {', '.join(map(member, members))}{options})"
    able = " + ".join(f"if(bad({m}) or calibrating({m}) or maintained({m}), 0, 1)" for m in members)
    few = Point(
        id=healthy_of(vote.id),
        place=vote.place,
        name=Label(zh=f"{vote.name.zh or vote.id} 可用成员", en=f"{vote.name.en or vote.id} healthy members"),
        kind=NUMBER,
        decimals=0,
        source=NODE_ID,
        address=able,
        reporting=Reporting(mode="on_change"),
        safety=True,
    )
    return [Made(_voting_point(vote, text), text, origin=("vote", vote.id)), Made(few, able, origin=("vote", vote.id))]


def _voting_point(vote: Vote, text: str) -> Point:
    return Point(
        id=vote.id,
        place=vote.place,
        name=vote.name,
        kind="vote",
        states=VOTE_STATES,
        source=NODE_ID,
        address=text,
        reporting=Reporting(mode="on_change"),
        safety=True,
        position=vote.position,
    )


def _member(vote: Vote) -> Callable[[str], str]:
    if vote.states:
        return lambda m: f"{m} in {{{', '.join(map(str, vote.states))}}}"
    if vote.side == "low":
        return lambda m: f"below({m}, {vote.limit!r}, {vote.dead_band!r})"
    # A detector driven over its range has passed every limit within it, whatever it reads and whatever a fault counts as.
    return lambda m: f"above({m}, {vote.limit!r}, {vote.dead_band!r}) or over_range({m})"


def _counts(choice: str) -> str:
    return "alarms" if choice == "alarm" else "leaves"


def _alarms_of(vote: Vote, plant: Plant) -> list[AlarmRule]:
    post = vote.post or plant.post_of(vote.place)
    met = AlarmRule(
        id=met_alarm_of(vote.id),
        point=vote.id,
        kind=AlarmKind.STATE,
        states=(1,),
        priority=vote.priority,
        post=post,
        on_delay=vote.on_delay,
        consequence=vote.consequence,
        corrective_action=vote.corrective_action,
        time_to_respond=vote.time_to_respond,
    )
    few = AlarmRule(
        id=f"{healthy_of(vote.id)}.L",
        point=healthy_of(vote.id),
        kind=AlarmKind.LOW,
        limit=float(vote.least - 1),
        priority=min(2, vote.priority + 1),
        post=post,
        consequence=Label(
            zh="可用成员过少,表决可能不动作或误动作", en="Too few members are left: the vote may fail to act or act falsely"
        ),
        corrective_action=Label(
            zh="恢复故障或校验中的探测器;恢复前现场看护",
            en="Bring the faulty or calibrating detectors back; watch on site until then",
        ),
        time_to_respond=1800.0,
    )
    return [met, few]


# --- alarms ----------------------------------------------------------------------------------------------------------------


def _of_rule(rule: AlarmRule, base: Point) -> Made:
    text, unit = _short_form(rule, base)
    discrete = rule.kind in {AlarmKind.DISCREPANCY, AlarmKind.CONDITION}
    what = _WHAT[rule.kind]
    seconds = rule.kind is AlarmKind.TIME_IN_STATE
    point = Point(
        id=rule.id,
        place=base.place,
        name=Label(zh=f"{base.name.zh or base.id} {what.zh}", en=f"{base.name.en or base.id} {what.en}"),
        kind=TRUTH if discrete else NUMBER,
        unit="s" if seconds else unit,
        gas=base.gas if unit == base.unit else "",
        decimals=0 if discrete or rule.kind is AlarmKind.COUNT or seconds else base.decimals,
        states=CONDITION_STATES if discrete else {},
        source=NODE_ID,
        address=text,
        reporting=Reporting(mode="on_change"),
    )
    return Made(point, text, unit if rule.kind is AlarmKind.RATE else "", ("rule", rule.id))


def _short_form(rule: AlarmRule, base: Point) -> tuple[str, str]:
    """The expression that the kind stands for, and its unit."""
    p, window = _named(rule.point), f"over {rule.window!r} s"
    states = f"{p} in {{{', '.join(map(str, rule.states))}}}"
    if rule.kind is AlarmKind.RATE:
        return _on_side(rule, f"rate({p} {window})", f"-rate({p} {window})"), f"{base.unit}/{rule.per}" if base.unit else ""
    if rule.kind is AlarmKind.DEVIATION:
        other = _against(rule.against)
        return _on_side(rule, f"{p} - {other}", f"{other} - {p}"), base.unit
    if rule.kind is AlarmKind.FROZEN:
        return f"spread({p} {window})", base.unit
    if rule.kind is AlarmKind.DISCREPANCY:
        return f"{p} != {_named(rule.against)}", ""
    if rule.kind is AlarmKind.TIME_IN_STATE:
        return f"duration({states})", "s"
    if rule.kind is AlarmKind.COUNT:
        return f"count({states} {window})", "count"
    return rule.when, ""


def _named(point: str) -> str:
    """An id as it stands in an expression: in back quotes where it would be read as something else."""
    return print_text(PointName(point))


def _against(written: str) -> str:
    """The set point of a deviation: a number as it is, else the id of a point."""
    try:
        float(written)
    except ValueError:
        return _named(written)
    return written


def _on_side(rule: AlarmRule, up: str, down: str) -> str:
    return {"up": up, "down": down, "both": f"abs({up})"}[rule.direction]


def _suppressor(rule: AlarmRule, base: Point | None, top: str) -> Made:
    name = base.name if base is not None else Label()
    point = Point(
        id=suppressor_of(rule.id),
        place=base.place if base is not None else top,
        name=Label(zh=f"{name.zh or rule.id} 抑制条件", en=f"{name.en or rule.id} suppression condition"),
        kind=TRUTH,
        states=CONDITION_STATES,
        source=NODE_ID,
        address=rule.suppress_when,
        reporting=Reporting(mode="on_change"),
    )
    return Made(point, rule.suppress_when, origin=("rule", rule.id))
