"""What a replay prints for a person: transitions as they come, a summary, and the change that other rules would make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from anlan.model.clock import SECOND, Micros, to_datetime
from anlan.model.events.alarms import AlarmKind, Trigger
from anlan.model.languages import translate
from anlan.monitor.config import LIMIT_KINDS
from anlan.monitor.what_if import AlarmEffect, Change, Missed, ReplayedEffect
from anlan.plant.description import Plant
from anlan.plant.replaying.run import Summary, ToldTransition

TRIGGERS = {Trigger.CONDITION_ON: "comes", Trigger.CONDITION_OFF: "goes", Trigger.CONFIGURATION: "rule changed"}
SHOWN_ALARMS = 20
SHOWN_CHANGES = 20
SHOWN_NAMES = 8
SIGNS = {AlarmKind.HIGH: "≥", AlarmKind.HIGH_HIGH: "≥", AlarmKind.LOW: "≤", AlarmKind.LOW_LOW: "≤"}


class Report:
    """Lines in the person's language, times in the plant's zone."""

    def __init__(self, plant: Plant, language: str) -> None:
        self._zone, self._language = ZoneInfo(plant.site.zone), language
        self._decimals = {point.id: point.decimals for point in plant.points}
        self._width = max((len(rule.id) for rule in plant.rules), default=10)

    def transition(self, told: ToldTransition) -> str:
        rule = told.rule
        value = f"{told.value:.{self._decimals.get(rule.point, 2)}f}" if told.value == told.value else "—"
        against = f" {SIGNS[rule.kind]} {told.limit:g}" if rule.kind in LIMIT_KINDS else ""
        word = self.say(TRIGGERS.get(told.trigger, told.trigger.name))
        return f"{self.time(told.at)}  {rule.priority}  {rule.id:<{self._width}}  {word}  {value}{against}"

    def summary(self, summary: Summary) -> Iterator[str]:
        say = self.say
        yield say("{readings} readings of {points} points in {took} s: {rate} readings/s").format(
            readings=summary.readings, points=summary.points, took=f"{summary.took:.1f}", rate=round(summary.rate)
        )
        if summary.first is not None and summary.last is not None:
            yield say("from {start} to {end}").format(start=self.time(summary.first), end=self.time(summary.last))
        by_priority = " · ".join(
            say("priority {n}: {count}").format(n=n, count=count) for n, count in summary.by_priority.items() if count
        )
        yield say("{episodes} alarms of {alarms} rules").format(episodes=summary.episodes, alarms=summary.alarms) + (
            f"  {by_priority}" if by_priority else ""
        )
        quality = summary.quality
        if quality["uncertain"] or quality["bad"]:
            yield say("quality: good {good}, uncertain {uncertain}, bad {bad}").format(**quality)
        if summary.late or summary.duplicate:
            yield say("late {late}, twice {duplicate}").format(late=summary.late, duplicate=summary.duplicate)
        if summary.silent_points:
            names = _few(summary.silent_points)
            yield say("{count} points with alarms have no reading in these files: {names}").format(
                count=len(summary.silent_points), names=names
            )
        if summary.latched_points:
            yield say(
                "over range and not reset: a recording holds no resets, so these count as over range to its end: {names}"
            ).format(names=_few(summary.latched_points))
        for what, count in summary.skipped.items():
            yield say("left out, {what}: {count}").format(what=say(what), count=count)
        if summary.unknown_names:
            yield say("not in this plant: {names}").format(names=_few(summary.unknown_names))

    def effect(self, effect: ReplayedEffect) -> Iterator[str]:
        """The Friday list."""
        say = self.say
        yield say("{before} → {after} alarms ({change}), {missed} missed").format(
            before=effect.before, after=effect.after, change=_signed(effect.after - effect.before), missed=len(effect.missed)
        )
        if effect.unchanged:
            yield say("the other rules change nothing here")
            return
        yield say("added {added} · gone {gone} · merged {merged} · earlier {earlier} · later {later}").format(**effect.counts)
        moved = [f"{n}: {before} → {after}" for n, (before, after) in effect.priorities.items() if before != after]
        if moved:
            yield say("by priority  {moved}").format(moved=" · ".join(moved))
        if effect.chattering_removed:
            yield say("no longer chattering: {names}").format(names=_few(effect.chattering_removed))
        if effect.chattering_added:
            yield say("chattering now: {names}").format(names=_few(effect.chattering_added))
        yield from (self._alarm(alarm) for alarm in effect.alarms[:SHOWN_ALARMS])
        if (left := len(effect.alarms) - SHOWN_ALARMS) > 0:
            yield say("… and {count} more; --json lists all").format(count=left)
        yield from self._incidents(effect)
        yield from (self._change(change) for change in effect.changes[:SHOWN_CHANGES])
        if (left := len(effect.changes) - SHOWN_CHANGES) > 0:
            yield say("… and {count} more; --json lists all").format(count=left)

    def _incidents(self, effect: ReplayedEffect) -> Iterator[str]:
        say = self.say
        if effect.given:
            facts = {"total": effect.incidents, "before": effect.caught[0], "after": effect.caught[1]}
            yield say("of {total} incidents {before} were announced, {after} would be").format(**facts)
        else:
            yield say("grave alarms (priority 1, HH, LL, trips): {total}, of which {kept} are still announced").format(
                total=effect.incidents, kept=effect.caught[1]
            )
        yield from (self._missed(missed) for missed in (*effect.missed, *effect.later)[:SHOWN_CHANGES])

    def _missed(self, missed: Missed) -> str:
        if missed.by is None:
            return self.say("MISSED  {time}  {name} ({alarm})").format(
                time=self.time(missed.before), name=missed.name, alarm=missed.alarm
            )
        return self.say("later   {time}  {name} ({alarm}) by {by}").format(
            time=self.time(missed.before), name=missed.name, alarm=missed.alarm, by=_span(missed.by)
        )

    def _alarm(self, alarm: AlarmEffect) -> str:
        parts = [f"{self.say(what)} {count}" for what, count in alarm.counts.items() if count]
        by = f" ({_span(alarm.by_most)})" if alarm.by_most else ""
        return f"  {alarm.alarm:<{self._width}}  {alarm.before} → {alarm.after}  {', '.join(parts)}{by}"

    def _change(self, change: Change) -> str:
        at = change.before if change.before is not None else change.after
        by = f"  {_span(change.by)}" if change.by else ""
        return f"  {self.time(at or 0)}  {change.priority}  {change.alarm:<{self._width}}  {self.say(change.what)}{by}"

    def time(self, at: Micros) -> str:
        moment = to_datetime(at).astimezone(self._zone)
        tenths = f".{moment.microsecond // 100_000}" if moment.microsecond else "  "
        return f"{moment:%Y-%m-%d %H:%M:%S}{tenths}"

    def note(self, message: str, facts: dict[str, str]) -> str:
        return self.say(message).format(**facts)

    def say(self, message: str) -> str:
        return translate(message, self._language)


def _signed(number: int) -> str:
    return f"{number:+d}".replace("-", "−") if number else "±0"


def _span(micros: Micros) -> str:
    seconds = micros / SECOND
    return f"{seconds:+.1f} s".replace("-", "−").replace(".0 ", " ")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN_NAMES]) + (f" … ({len(names)})" if len(names) > SHOWN_NAMES else "")
