"""A slow model of the engine in plain Python, written from ISA-18.2's table and the rules of DOMAIN.md 1–3, not from the engine.

It has none of the kernel's short cuts: no quiet band, no blocks that are due, no phases packed into numbers; it looks at every rule at
every step, and its state table is written out by hand. Both must agree on every transition.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from engine_reference_state import (
    BACK,
    BAD,
    HIDDEN,
    LA,
    LATCHING,
    LIMITS,
    LU,
    NOT_FLAGS,
    OFF,
    ON,
    PLAIN,
    SECOND,
    SH,
    STEPS,
    UNANSWERED,
    A,
    Alarm,
    Config,
    N,
    Point,
    Rule,
    Seen,
    Source,
    U,
    beyond,
    is_fault,
    same,
)

from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.quality import FLAG_MASK, Flag, Reason, Severity, quality
from anlan.monitor.commands import Command


@dataclass
class Reference:
    u: int = 0
    wall: int = 0
    newest: int = 0
    moment: int = 0
    """Node time of what is being decided on."""
    config: Config = field(default_factory=lambda: Config(0, (), (), ()))
    seen: dict[int, Seen] = field(default_factory=dict)
    sources: dict[int, Source] = field(default_factory=dict)
    alarms: dict[int, Alarm] = field(default_factory=dict)
    retired: dict[int, int] = field(default_factory=dict)
    out: list[tuple[object, ...]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("duplicate", "late", "unknown_point", "clock_bad"), 0))

    # ---- entrances

    def readings(self, source: int, received_at: int, rows: list[tuple[int, int, float, int]]) -> None:
        u = self.moment = self.node_time(received_at)
        if source in self.sources and self.sources[source].state == "unknown":
            self.view({source: "up"}, received_at, u)
        before = None
        for number, time, value, word in rows:
            if time != before:
                self.calculate(received_at, u)
            self.reading(number, time, value, word, received_at, u)
            before = time
        self.calculate(received_at, u)

    def tick(self, now: int, told: dict[int, str], *, begun: bool = False) -> None:
        if begun and self.wall:
            for alarm in self.alarms.values():
                alarm.shelf_ends -= max(0, now - self.wall)
        step = now - self.wall
        if self.wall:
            self.u = self.u + step if 0 <= step <= 2_500_000 else max(self.u + SECOND, self.newest)
        self.wall = now
        self.newest = max(self.newest, self.u)
        self.moment = self.u
        silent = {n: "down" for n, s in self.sources.items() if s.state == "unknown" and self.u - s.since >= 30 * SECOND}
        self.view({**silent, **told}, now, self.u)
        for number in sorted(self.sources):
            for alarm in self.of(number, view=True):
                self.absence(alarm, self.sources[number].state == "down", self.u, now, math.nan, None)
        for number in sorted(self.seen):
            self.look(self.seen[number], now)
        self.time_passed()
        self.calculate(now, self.u)
        while due := self.what_is_due():
            at, _, alarm = min(due, key=lambda one: one[:2])
            happened_at = now - (self.u - at)
            if alarm.state == SH:
                self.move(alarm, Trigger.UNSHELVE, happened_at, now, *self.evidence(alarm))
            else:
                waited = self.config.escalation[alarm.told]
                alarm.told += 1
                self.write(
                    alarm, Trigger.ESCALATE, alarm.state, alarm.state, happened_at, now, float(alarm.told), 0, waited / SECOND
                )

    def what_is_due(self) -> list[tuple[int, int, Alarm]]:
        """Shelvings that are over, and alarms that wait too long for an answer: (since when, number, alarm)."""
        due = [(a.shelf_ends, n, a) for n, a in self.alarms.items() if a.state == SH and a.shelf_ends <= self.u]
        for number, alarm in self.alarms.items():
            for after in self.config.escalation[alarm.told :]:
                if alarm.waiting_since is not None and alarm.waiting_since + after <= self.u:
                    due.append((alarm.waiting_since + after, number, alarm))
        return due

    def command(self, command: Command, noticed_at: int) -> bool:
        self.moment = self.node_time(noticed_at)
        alarm = self.alarms.get(command.alarm)
        if alarm is None or not alarm.rule.enabled:
            return False
        if command.kind == "silence":
            if alarm.state in UNANSWERED and command.episode == alarm.episode:
                self.write(alarm, Trigger.SILENCE, alarm.state, alarm.state, command.at, noticed_at, math.nan, 0, math.nan)
            return True
        if command.episode != alarm.episode or command.priority != alarm.rule.priority:
            return False
        if not self.complete(command, alarm.rule):
            return False
        trigger = STEPS[command.kind]
        possible = alarm.state == BACK[trigger] if trigger in BACK else (alarm.state, trigger) in self.table(alarm)
        if not possible:
            return False
        value, word = self.evidence(alarm)
        if command.kind == "shelve":
            assert command.until is not None
            before, alarm.state = alarm.state, SH
            self.remember(alarm, before)
            alarm.shelf_ends = self.moment + (command.until - command.at)
            self.answered(alarm)
            self.write(alarm, trigger, before, SH, command.at, noticed_at, float(command.until), 0, math.nan)
        else:
            self.move(alarm, trigger, command.at, noticed_at, value, word)
        return True

    def complete(self, command: Command, rule: Rule) -> bool:
        """Whoever hides an alarm says why; a shelf has an end within 12 h, and is not for what guards safety; taking out of service
        is work, with an order for it."""
        if command.kind == "shelve":
            span = (command.until or 0) - command.at
            return bool(command.reason) and 0 < span <= 12 * 3600 * SECOND and rule.shelvable
        if command.kind == "remove_from_service":
            return bool(command.reason) and bool(command.work_order)
        return True

    def configure(self, config: Config, at: int) -> None:
        before, self.config = self.alarms, config
        u = self.moment = self.node_time(at)
        gone = [a for n, a in before.items() if not self.goes_on(a, {r.number: r for r in config.rules}.get(n))]
        for alarm in sorted(gone, key=lambda a: a.rule.number):
            if alarm.episode:
                self.retired[alarm.rule.number] = alarm.episode
            if alarm.state != N:
                value, word = self.evidence(alarm)
                self.write(alarm, Trigger.CONFIGURATION, alarm.state, N, at, at, value, word)
        kept_sources = self.sources
        self.sources = {n: kept_sources.get(n, Source(since=self.u)) for n in config.sources}
        self.sources[0] = Source("up")
        kept = self.seen
        modes = {n: (s.point.on_change, s.point.deadline) for n, s in kept.items()}
        self.seen = {p.number: self.carry(kept.get(p.number), p) for p in config.points}
        self.alarms, judge = {}, {}
        for rule in config.rules:
            old = before.get(rule.number)
            if old is not None and self.goes_on(old, rule):
                judge[rule.number] = self.changed(old.rule, rule)
                old.rule = rule
                self.alarms[rule.number] = old
            else:
                judge[rule.number] = "afresh"
                self.alarms[rule.number] = Alarm(rule, episode=self.retired.get(rule.number, 0))
        for number, seen in self.seen.items():
            if seen is not kept.get(number) or modes[number] != (seen.point.on_change, seen.point.deadline):
                seen.stale, seen.covered_to = False, seen.usable_at
                for alarm in self.of(number):
                    alarm.running = ""
                    judge[alarm.rule.number] = judge[alarm.rule.number] or "on"
        for number in sorted(self.seen):
            for alarm in self.of(number):
                if judge[alarm.rule.number]:
                    self.judge(self.seen[number], alarm, judge[alarm.rule.number], at, u)
        self.recalculate(kept, modes, at, u)
        self.count_by_dates(at, u)
        for alarm in self.alarms.values():
            self.answered(alarm)
            if alarm.state == SH and not alarm.rule.shelvable:
                alarm.shelf_ends = self.moment

    # ---- what calculated points add (engine_reference_calculated)

    def is_calculated(self, seen: Seen) -> bool:
        return False

    def fed(self, number: int, time: int) -> None:
        """The point has a new value, or its value is worth something else, as of `time`."""

    def worth_changed(self, number: int, u: int) -> None:
        """The point's value is worth something else, and no reading came."""

    def time_passed(self) -> None:
        """A tick."""

    def calculate(self, noticed_at: int, u: int) -> None:
        """Evaluate what was fed."""

    def recalculate(self, kept: dict[int, Seen], modes: dict[int, tuple[bool, int]], at: int, u: int) -> None:
        """A new configuration."""

    def came_back(self, alarm: Alarm, at: int, noticed_at: int) -> None:
        """A person, or the end of a shelf, no longer hides it."""

    # ---- one reading

    def reading(self, number: int, time: int, value: float, word: int, received_at: int, u: int) -> None:
        seen = self.seen.get(number)
        if seen is None:
            self.counts["unknown_point"] += 1
            return
        if math.isnan(value) and word < BAD:
            word = (word & FLAG_MASK) | quality(Severity.BAD, Reason.NOT_A_NUMBER)
        fresh = abs(time - received_at) <= 5 * SECOND and not word & (Flag.BACKFILL | Flag.MANUAL)
        set_back = fresh and seen.time is not None and time < seen.time and received_at + 5 * SECOND < seen.time
        known_wrong = word & Flag.CLOCK_BAD and not word & (Flag.BACKFILL | Flag.MANUAL)
        if time > received_at + 5 * SECOND or set_back or known_wrong:
            time = received_at if seen.time is None else max(received_at, self.now(seen, u))
            word |= Flag.CLOCK_BAD
            self.counts["clock_bad"] += 1
        elif seen.time is not None and time < seen.time:
            self.counts["late"] += 1
            return
        elif seen.time == time and same(value, seen.value) and (word & NOT_FLAGS) == (seen.sent & NOT_FLAGS):
            self.counts["duplicate"] += 1
            return
        seen.sent = word
        self.take(seen, time, value, self.counted(seen), received_at, u)
        seen.held = self.sources[seen.point.source].state == "up"
        self.fed(number, time)

    def take(self, seen: Seen, time: int, value: float, word: int, received_at: int, u: int) -> None:
        """Every rule of the point against a new reading."""
        self.hold(seen, time, received_at)
        usable = word < BAD
        gap = self.cover(seen, time) if usable else 0
        for alarm in self.of(seen.point.number):
            kind = alarm.rule.kind
            if kind == AlarmKind.STALE:
                if alarm.running == "off":
                    continue  # absence rules end their delays at ticks
                self.condition(alarm, False, u, received_at, received_at, value, word)
            elif kind == AlarmKind.BAD_QUALITY:
                in_view = self.in_view(seen, word)
                bad = is_fault(word) and alarm.rule.enabled and (in_view or alarm.on or bool(alarm.running))
                self.condition(alarm, bad, time, time, received_at, value, word)
            elif usable:
                alarm.since += gap
                self.condition(alarm, self.meets(alarm, value), time, time, received_at, value, word)
            elif beyond(kind, word):
                self.condition(alarm, alarm.rule.enabled, time, time, received_at, value, word)
        if usable or beyond(AlarmKind.HIGH, word) or beyond(AlarmKind.LOW, word):
            seen.usable_at = seen.covered_to = time
        elif seen.point.on_change and seen.held and seen.usable:
            seen.covered_to = time
        seen.time, seen.value, seen.quality, seen.heard, seen.stale = time, value, word, u, False

    def in_view(self, seen: Seen, word: int) -> bool:
        """Whether a bad value is the point's own matter: the alarm of a lost source stands for all that it hides, calculations included,
        and what is calculated of points that never spoke is unknown."""
        reason = word & 0xFF
        hidden = reason == Reason.NO_DATA_YET or (
            reason == Reason.COMMUNICATION and any(one.state == "down" for one in self.sources.values())
        )
        return self.sources[seen.point.source].state != "down" and not (hidden and self.is_calculated(seen))

    def cover(self, seen: Seen, time: int) -> int:
        """How much of the time since the value was last known counts for nothing."""
        if seen.time is None:
            return 0
        if seen.point.on_change:
            return 0 if seen.held and seen.usable else max(0, time - seen.covered_to)
        if not seen.point.deadline:
            return 0
        return max(0, time - seen.usable_at - seen.point.deadline)

    def hold(self, seen: Seen, until: int, noticed_at: int) -> None:
        """Let what silence holds run on to `until`."""
        if seen.time is None:
            return
        in_view = seen.held or self.sources[seen.point.source].state == "up"
        for alarm in self.of(seen.point.number):
            kind = alarm.rule.kind
            if kind == AlarmKind.STALE or not alarm.running:
                continue
            still_bad = kind == AlarmKind.BAD_QUALITY and alarm.running == "on"
            known = seen.usable or beyond(kind, seen.quality)
            by_itself = in_view if still_bad else seen.held and seen.point.on_change and known
            if by_itself and alarm.since + alarm.delay <= until:
                at = alarm.since + alarm.delay
                self.fire(alarm, at, noticed_at, seen.value, seen.quality)

    def condition(self, alarm: Alarm, met: bool, at: int, happened_at: int, noticed_at: int, value: float, word: int) -> None:
        """What is known at `at` (on the rule's own clock)."""
        if met and not alarm.on and not alarm.running:
            alarm.running, alarm.since = "on", at
        elif alarm.running == ("off" if met else "on"):
            alarm.running = ""
        elif not met and alarm.on and not alarm.running:
            alarm.running, alarm.since = "off", at
        if alarm.running and at - alarm.since >= alarm.delay:
            self.fire(alarm, happened_at, noticed_at, value, word)

    def meets(self, alarm: Alarm, value: float, *, afresh: bool = False) -> bool:
        rule = alarm.rule
        if not rule.enabled:
            return False
        if rule.kind == AlarmKind.STATE:
            return value in rule.states
        still = alarm.met and not afresh
        if rule.kind in (AlarmKind.HIGH, AlarmKind.HIGH_HIGH):
            return value >= (rule.limit - rule.dead_band if still else rule.limit)
        return value <= (rule.limit + rule.dead_band if still else rule.limit)

    # ---- ticks

    def look(self, seen: Seen, now: int) -> None:
        source = self.sources[seen.point.source]
        if source.state != "up":
            return
        begun = max(seen.heard, source.since) + seen.point.deadline
        if seen.point.deadline and self.u >= begun and self.can_go_silent(seen):
            if not seen.stale and seen.time is not None:
                self.fed(seen.point.number, self.now(seen, self.u))
            seen.stale = True
        if seen.time is not None:
            self.hold(seen, self.now(seen, self.u), now)
        for alarm in self.of(seen.point.number):
            if alarm.rule.kind == AlarmKind.STALE:
                word = (quality(Severity.BAD, Reason.STALE) | (seen.quality & FLAG_MASK)) if seen.stale else seen.quality
                if seen.stale and alarm.rule.enabled:
                    self.end(alarm, begun, now, seen.value, word)
                    self.absence(alarm, True, begun, now, seen.value, word)
                self.end(alarm, self.u, now, seen.value, word)

    def can_go_silent(self, seen: Seen) -> bool:
        return True

    def absence(self, alarm: Alarm, met: bool, at: int, now: int, value: float, word: int | None) -> None:
        met = met and alarm.rule.enabled
        if met and not alarm.on and not alarm.running:
            alarm.running, alarm.since = "on", at
        elif alarm.running == ("off" if met else "on"):
            alarm.running = ""
        elif not met and alarm.on and not alarm.running:
            alarm.running, alarm.since = "off", at
        self.end(alarm, at, now, value, word)

    def end(self, alarm: Alarm, until: int, now: int, value: float, word: int | None) -> None:
        """End an absence rule's delay if it ends by `until` in node time."""
        if alarm.running and alarm.since + alarm.delay <= until:
            if word is None:
                word = quality(Severity.BAD, Reason.COMMUNICATION) if alarm.running == "on" else 0
            self.fire(alarm, now - (self.u - alarm.since - alarm.delay), now, value, word)

    def view(self, told: dict[int, str], now: int, u: int) -> None:
        moved = [n for n, s in told.items() if n in self.sources and self.sources[n].state != s]
        for number in moved:
            self.sources[number] = Source(told[number], u)
        for number in sorted(self.seen):
            seen = self.seen[number]
            if seen.point.source in moved:
                if self.sources[seen.point.source].state == "down":
                    self.lose(seen, now, u)
                else:
                    self.regain(seen, now, u)
                if seen.time is not None:
                    self.fed(number, self.now(seen, u))
        if moved:
            self.calculate(now, u)

    def lose(self, seen: Seen, now: int, u: int) -> None:
        if seen.time is not None and seen.held:
            self.hold(seen, self.now(seen, u), now)
            if seen.point.on_change and seen.usable:
                seen.covered_to = self.now(seen, u)
        seen.held = False
        for alarm in self.of(seen.point.number):
            if alarm.rule.kind in (AlarmKind.BAD_QUALITY, AlarmKind.STALE):
                alarm.running = ""

    def regain(self, seen: Seen, now: int, u: int) -> None:
        seen.stale = False
        for alarm in self.of(seen.point.number):
            fresh = alarm.rule.enabled and not alarm.on and not alarm.running
            if alarm.rule.kind == AlarmKind.BAD_QUALITY and seen.time is not None and is_fault(seen.quality) and fresh:
                at = self.now(seen, u)
                self.condition(alarm, True, at, at, now, seen.value, seen.quality)

    # ---- dates of calibration

    def date(self, own: int, overdue: bool, at: int) -> bool:
        """The node tells one of its own points whether a calibration is overdue."""
        u = self.moment = self.node_time(at)
        seen = self.seen.get(own)
        if seen is None or seen.point.source != 0 or self.is_calculated(seen):
            return False
        counts = dict(self.counts)
        self.reading(own, at, float(overdue), 0, at, u)
        self.calculate(at, u)
        self.counts = counts
        self.count_by_dates(at, u)
        return True

    def counted(self, seen: Seen) -> int:
        """What a reading is worth: one of a detector that is overdue is uncertain, if it isn't so or worse by itself."""
        own = self.seen.get(seen.point.due)
        overdue = own is not None and own.usable and own.value == 1
        if overdue and seen.sent < quality(Severity.UNCERTAIN):
            return seen.sent & FLAG_MASK | quality(Severity.UNCERTAIN, Reason.CALIBRATION_OVERDUE)
        return seen.sent

    def count_by_dates(self, at: int, u: int) -> None:
        for number in sorted(self.seen):
            seen = self.seen[number]
            if seen.time is not None and not self.is_calculated(seen) and self.counted(seen) != seen.quality:
                seen.quality = self.counted(seen)
                self.worth_changed(number, u)
                self.calculate(at, u)

    # ---- configuration

    def goes_on(self, alarm: Alarm, rule: Rule | None) -> bool:
        old = alarm.rule
        return rule is not None and rule.kind == old.kind and rule.target == old.target and rule.enabled and old.enabled

    def changed(self, old: Rule, new: Rule) -> str:
        clear = (
            (lambda r: r.limit - r.dead_band)
            if new.kind in (AlarmKind.HIGH, AlarmKind.HIGH_HIGH)
            else lambda r: r.limit + r.dead_band
        )
        if new.kind in LIMITS and (old.limit != new.limit or clear(old) != clear(new)):
            return "afresh"
        if list(old.states) != list(new.states):
            return "afresh"
        return "on" if (old.on_delay, old.off_delay) != (new.on_delay, new.off_delay) else ""

    def carry(self, old: Seen | None, point: Point) -> Seen:
        if old is None or old.point.source != point.source:
            return Seen(point, heard=self.u)
        old.point = point
        return old

    def judge(self, seen: Seen, alarm: Alarm, how: str, at: int, u: int) -> None:
        kind = alarm.rule.kind
        if seen.time is None or kind in (AlarmKind.STALE, AlarmKind.LOSS_OF_VIEW):
            return
        moment = self.now(seen, u) if seen.held and seen.point.on_change else seen.time
        if kind == AlarmKind.BAD_QUALITY:
            met = is_fault(seen.quality) and alarm.rule.enabled and self.in_view(seen, seen.quality)
        elif seen.usable:
            met = self.meets(alarm, seen.value, afresh=how == "afresh")
            if seen.point.on_change and seen.held:
                seen.covered_to = moment
        elif beyond(kind, seen.quality):
            met = alarm.rule.enabled
        else:
            return
        self.condition(alarm, met, moment, at, at, seen.value, seen.quality)

    # ---- moving

    def fire(self, alarm: Alarm, at: int, noticed_at: int, value: float, word: int) -> None:
        alarm.on = alarm.running == "on"
        trigger = ON if alarm.on else OFF
        alarm.running = ""
        self.move(alarm, trigger, at, noticed_at, value, word)

    def move(self, alarm: Alarm, trigger: Trigger, at: int, noticed_at: int, value: float, word: int) -> None:
        if trigger in BACK:
            after = U if alarm.on else LU if alarm.was_latched else N
        elif alarm.state in HIDDEN and trigger in (ON, OFF):
            if trigger is ON:
                alarm.was_latched = alarm.rule.latching
            return  # its condition is followed, and says nothing
        else:
            after = self.table(alarm)[alarm.state, trigger]
        alarm.episode += after == U
        self.write(alarm, trigger, alarm.state, after, at, noticed_at, value, word)
        before, alarm.state = alarm.state, after
        self.remember(alarm, before)
        self.answered(alarm)
        if trigger in BACK:
            self.came_back(alarm, at, noticed_at)

    def remember(self, alarm: Alarm, before: AlarmState) -> None:
        """Hiding an alarm resets nothing: one that was on or latched comes back latched."""
        if alarm.state not in HIDDEN:
            alarm.was_latched = False
        elif before not in HIDDEN:
            alarm.was_latched = alarm.rule.latching and before in (U, A, LU, LA)

    def table(self, alarm: Alarm) -> dict[tuple[AlarmState, Trigger], AlarmState]:
        return LATCHING if alarm.rule.latching else PLAIN

    def answered(self, alarm: Alarm) -> None:
        """Whether it waits for an answer now. Coming on anew while it waits is no answer."""
        if alarm.state not in UNANSWERED or alarm.rule.priority != 1:
            alarm.waiting_since, alarm.told = None, 0
        elif alarm.waiting_since is None:
            alarm.waiting_since = self.moment

    def write(
        self,
        alarm: Alarm,
        trigger: Trigger,
        before: AlarmState,
        after: AlarmState,
        at: int,
        noticed_at: int,
        value: float,
        word: int,
        limit: float | None = None,
    ) -> None:
        kind = alarm.rule.kind
        if limit is None:
            limit = alarm.rule.limit if kind in LIMITS else value if kind == AlarmKind.STATE else math.nan
        self.out.append(
            (alarm.rule.number, alarm.episode, trigger, before, after, at, noticed_at, *(str(x) for x in (value, word, limit)))
        )

    # ---- asking

    def of(self, number: int, *, view: bool = False) -> list[Alarm]:
        """The alarms of a point (or of a source), in the order of kinds."""
        found = [a for a in self.alarms.values() if a.rule.target == number and (a.rule.kind == AlarmKind.LOSS_OF_VIEW) == view]
        return sorted(found, key=lambda a: a.rule.kind)

    def evidence(self, alarm: Alarm) -> tuple[float, int]:
        if alarm.rule.kind == AlarmKind.LOSS_OF_VIEW:
            return math.nan, 0
        seen = self.seen.get(alarm.rule.target)
        return (seen.value, seen.quality) if seen is not None and seen.time is not None else (math.nan, 0)

    def now(self, seen: Seen, u: int) -> int:
        assert seen.time is not None
        return seen.time + max(0, u - seen.heard)

    def node_time(self, received_at: int) -> int:
        self.newest = max(self.newest, self.u + (min(max(received_at - self.wall, 0), 2_500_000) if self.wall else 0))
        return self.newest
