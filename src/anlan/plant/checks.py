"""What must hold between the parts of a plant: ids that exist, units that fit, limits in order, alarms that ask for an action.

DOMAIN rules behind them: an alarm belongs to a post, needs an operator's action and stands on the safe side of its trip; limits rise
LL < L < H < HH inside the range. Gas limits have their own module.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations, pairwise
from typing import Any
from zoneinfo import available_timezones

from anlan.guard.roles import load_roles
from anlan.model.credit_code import credit_code
from anlan.model.errors import DriverError, InputError, NotFound
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID
from anlan.model.kinds import kinds
from anlan.model.links import Camera, Document
from anlan.model.points import Point
from anlan.model.regions import region
from anlan.model.tables import nearest
from anlan.model.units import units
from anlan.monitor.companions import healthy_of, mass_of
from anlan.monitor.config import LIMIT_KINDS, SUFFIX, AlarmRule
from anlan.plant.calculated_checks import check_calculated
from anlan.plant.description import Plant, Trip
from anlan.plant.draft import Draft, PlaceIndex, draft_of
from anlan.plant.drawings.reading import check_drawings
from anlan.plant.findings import Findings, Where
from anlan.plant.gas_checks import check_gas
from anlan.plant.hazards_section import check_hazards
from anlan.plant.node_points import node_ids
from anlan.plant.rationalisation_checks import check_rationalisation, check_rule
from anlan.plant.safety_checks import check_safety
from anlan.plant.tanks import watched_contents

RISING = (AlarmKind.LOW_LOW, AlarmKind.LOW, AlarmKind.HIGH, AlarmKind.HIGH_HIGH)
HIGHS = frozenset({AlarmKind.HIGH, AlarmKind.HIGH_HIGH})
NO_BASIS_NEEDED = frozenset({"pressure.difference", "weather.pressure"})
"""Pressures that are gauge or absolute by nature."""
LATEST_ESCALATION = 3600.0
"""s. Later than that nobody is told while it still helps. Not in the model: versions kept from before must stay readable."""


def check_draft(draft: Draft, places: PlaceIndex, findings: Findings) -> None:
    """Every check that looks at more than one line."""
    _site(draft, findings)
    _posts_and_places(draft, places, findings)
    _shifts_and_escalation(draft, findings)
    _polygons(draft, findings)
    _outside(draft, places, findings)
    check_drawings(draft, places, findings)
    _sources(draft, findings)
    _reserved(draft, findings)
    _renames(draft, findings)
    _addresses(draft, findings)
    check_hazards(draft, places, findings)
    rules = _rules_by_point(draft, findings)
    check_calculated(draft, rules, findings)
    trips = {trip.point: trip for trip in draft.trips}
    for point in draft.points:
        _Point(point, rules.get(point.id, {}), draft, findings).check(trips.get(point.id))
    check_rationalisation(draft, findings)
    check_safety(draft, findings)


def check_one_rule(plant: Plant, rule_id: str, where: Where, findings: Findings) -> None:
    """What an edit of one written rule can break: its post, its point's other limits, trip and gas limits, its class and priority."""
    draft = draft_of(plant, where)
    rule = draft.rules[rule_id]
    posts = {post.id for post in plant.posts}
    if rule.post and rule.post not in posts:
        _unknown("post", rule.post, posts, where, findings)
    point = plant.points_by_id.get(rule.point)
    if point is not None:
        rules = {r.kind: r for r in plant.rules if r.point == rule.point}
        trip = next((t for t in plant.trips if t.point == rule.point), None)
        _Point(point, rules, draft, findings).check(trip)
    check_rule(rule, plant.alarms, where, findings)


def _site(draft: Draft, findings: Findings) -> None:
    if draft.site is None:
        return
    site = draft.site
    if site.zone not in available_timezones():
        hint = nearest(site.zone, available_timezones()) or "Asia/Shanghai"
        mend = "did you mean {hint}?"
        findings.mistake(
            "zone", "{found} is not a time zone", draft.where["plant", "zone"], mend=mend, found=site.zone, hint=hint
        )
    for key, text, read in (("region", site.region, region), ("credit_code", site.credit_code, credit_code)):
        try:
            _ = read(text) if text else None
        except InputError as wrong:
            findings.wrong(key.replace("_", "-"), wrong, draft.where["plant", key])


def _posts_and_places(draft: Draft, places: PlaceIndex, findings: Findings) -> None:
    posts = {p.id for p in draft.posts}
    for place in draft.places:
        if place.post and place.post not in posts:
            _unknown("post", place.post, posts, draft.where["place", place.path], findings)
    for rule in draft.rules.values():
        if rule.post and rule.post not in posts:
            _unknown("post", rule.post, posts, draft.where["rule", rule.id], findings)
    for i, area in enumerate(draft.areas):
        if area.place:
            try:
                draft.areas[i] = area.model_copy(update={"place": places.resolve(area.place)})
            except InputError as wrong:
                findings.wrong("unknown-place", wrong, draft.where["area", area.id])


def _outside(draft: Draft, places: PlaceIndex, findings: Findings) -> None:
    """Documents and cameras belong to places and points that the plant has."""
    draft.documents = [
        one.model_copy(update={"place": _place_of("document", one, draft, places, findings)}) for one in draft.documents
    ]
    draft.cameras = [one.model_copy(update={"place": _place_of("camera", one, draft, places, findings)}) for one in draft.cameras]
    known = {p.id for p in draft.points} | {c.id for c in draft.calculated} | {v.id for v in draft.votes}
    for camera in draft.cameras:
        for point in camera.points:
            if point not in known:
                message = "camera {camera} looks at {point}, which is no point of this plant"
                hint = nearest(point, known) or "—"
                where = draft.where["camera", camera.id]
                findings.mistake(
                    "unknown-point", message, where, mend="did you mean {hint}?", camera=camera.id, point=point, hint=hint
                )


def _place_of(kind: str, one: Document | Camera, draft: Draft, places: PlaceIndex, findings: Findings) -> str:
    """The whole path of the place that it names, "" for none."""
    try:
        return places.resolve(one.place) if one.place else ""
    except InputError as wrong:
        findings.wrong("unknown-place", wrong, draft.where[kind, one.id])
        return one.place


def _shifts_and_escalation(draft: Draft, findings: Findings) -> None:
    begun: dict[str, str] = {}
    for shift in draft.shifts:
        if (first := begun.setdefault(shift.start, shift.id)) != shift.id:
            message = "the shifts {first} and {second} both begin at {start}"
            where = draft.where["shift", shift.id]
            findings.mistake("shifts", message, where, first=first, second=shift.id, start=shift.start)
    where, known = draft.where["escalation", ""], {p.id for p in draft.posts} | load_roles().roles.keys()
    for step in draft.alarms.escalation:
        if step.to not in known:
            message = "escalation goes to {to}, which is neither a post of this plant nor a role"
            hint = nearest(step.to, known) or "shift_leader"
            findings.mistake("escalation", message, where, mend="did you mean {hint}?", to=step.to, hint=hint)
        if step.after > LATEST_ESCALATION:
            message = "escalation to {to} comes after {after} s; at most {most} s was expected"
            findings.mistake("escalation", message, where, to=step.to, after=f"{step.after:g}", most=f"{LATEST_ESCALATION:g}")
    for before, then in pairwise(draft.alarms.escalation):
        if then.after <= before.after:
            message = "escalation: {then} s stands after {before} s; rising times were expected"
            findings.mistake("escalation", message, where, then=f"{then.after:g}", before=f"{before.after:g}")


def _unknown(kind: str, found: str, known: Iterable[str], where: Where, findings: Findings) -> None:
    hint = nearest(found, known) or ", ".join(sorted(known)) or "—"
    findings.mistake(
        f"unknown-{kind}",
        "the {kind} {found} is not in plant.yaml",
        where,
        mend="there is: {hint}",
        kind=kind,
        found=found,
        hint=hint,
    )


def _polygons(draft: Draft, findings: Findings) -> None:
    for area in draft.areas:
        corners = [*area.polygon, area.polygon[0]]
        sides = list(pairwise(corners))
        for (i, first), (j, second) in combinations(enumerate(sides), 2):
            neighbours = j == i + 1 or (i == 0 and j == len(sides) - 1)
            if not neighbours and _cross(*first, *second):
                message = "the polygon of {id} crosses itself: side {first} and side {second}"
                where = draft.where["area", area.id]
                findings.mistake(
                    "polygon",
                    message,
                    where,
                    mend="list the corners in order around the area",
                    id=area.id,
                    first=i + 1,
                    second=j + 1,
                )


Corner = tuple[float, float]


def _cross(a: Corner, b: Corner, c: Corner, d: Corner) -> bool:
    """Whether the segments ab and cd have a point in common."""
    turns = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    if 0.0 in turns:
        return any(
            turn == 0.0 and _between(*ends)
            for turn, ends in zip(turns, ((a, b, c), (a, b, d), (c, d, a), (c, d, b)), strict=True)
        )
    return (turns[0] > 0) != (turns[1] > 0) and (turns[2] > 0) != (turns[3] > 0)


def _turn(a: Corner, b: Corner, c: Corner) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _between(a: Corner, b: Corner, c: Corner) -> bool:
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])


def _sources(draft: Draft, findings: Findings) -> None:
    for source in draft.sources:
        if draft.read_sources is not None and source.id not in draft.read_sources:
            findings.warning(
                "idle-source", "no point is read from the source {id}", draft.where["source", source.id], id=source.id
            )


def _reserved(draft: Draft, findings: Findings) -> None:
    """The node tells its own faults as points of a source of its own."""
    for source in draft.sources:
        if source.id == NODE_ID:
            findings.mistake(
                "reserved-id", "the id {id} belongs to the node itself", draft.where["source", source.id], id=source.id
            )
    for point in draft.points:
        if point.id in node_ids():
            findings.mistake("reserved-id", "the id {id} belongs to the node itself", draft.where["point", point.id], id=point.id)


def _renames(draft: Draft, findings: Findings) -> None:
    taken: dict[str, str] = {}
    for point in draft.points:
        if not point.was:
            continue
        where = draft.where["point", point.id]
        if ("point", point.was) in draft.where:
            findings.mistake("rename", "{id} was {was}, but {was} is still in the list", where, id=point.id, was=point.was)
        elif point.was in taken:
            findings.mistake(
                "rename", "{id} and {other} both were {was}", where, id=point.id, other=taken[point.was], was=point.was
            )
        taken.setdefault(point.was, point.id)


def _addresses(draft: Draft, findings: Findings) -> None:
    parsers = _parsers(draft)
    taken: dict[tuple[str, str], str] = {}
    for point in draft.points:
        if point.source not in parsers:
            continue  # told once, at the source
        where = draft.where["point", point.id]
        try:
            address = parsers[point.source](point.address, point.model_dump())
        except InputError as wrong:
            findings.wrong("address", wrong, where)
            continue
        other = taken.setdefault((point.source, repr(address)), point.id)
        if other != point.id:
            message = "{id} reads the same address as {other}: {address} of {source}"
            findings.mistake("same-address", message, where, id=point.id, other=other, address=point.address, source=point.source)


def _parsers(draft: Draft) -> dict[str, Callable[[str, dict[str, Any]], Any]]:
    """Source → its driver's `parse`, of the sources whose driver there is."""
    from anlan.sense.registry import driver

    parsers: dict[str, Callable[[str, dict[str, Any]], Any]] = {}
    for source in draft.sources:
        with contextlib.suppress(NotFound, DriverError):
            parsers[source.id] = driver(source.driver).parse
    return parsers


def _rules_by_point(draft: Draft, findings: Findings) -> dict[str, dict[AlarmKind, AlarmRule]]:
    by_point: dict[str, dict[AlarmKind, AlarmRule]] = defaultdict(dict)
    known = {p.id for p in draft.points} | {identifier for kind, identifier in draft.where if kind == "point"} | set(node_ids())
    known |= {one.id for one in (*draft.calculated, *draft.votes)} | {healthy_of(vote.id) for vote in draft.votes}
    known |= {mass_of(content.id) for _, content, _ in watched_contents(draft.hazards)}
    for_alarms = _calculated_for_alarms(draft)
    sources = {s.id for s in draft.sources}
    for rule in draft.rules.values():
        where = draft.where["rule", rule.id]
        if rule.kind is AlarmKind.LOSS_OF_VIEW:
            if rule.point not in sources:
                _unknown("source", rule.point, sources, where, findings)
        elif rule.point not in known and not (rule.kind is AlarmKind.BAD_QUALITY and rule.point in for_alarms):
            hint = nearest(rule.point, known) or "—"
            mend = "did you mean {hint}?"
            findings.mistake(
                "unknown-point", "the point {point} is not in the list", where, mend=mend, point=rule.point, hint=hint
            )
        named = f"{rule.point}.{SUFFIX[rule.kind]}"
        several = rule.kind is AlarmKind.CONDITION and rule.id.startswith(named)  # TI-101.IF, TI-101.IF-startup
        if rule.id != named and not several:
            findings.mistake("rule-id", "the rule {id} should be called {right}", where, id=rule.id, right=named)
        by_point[rule.point][rule.kind] = rule
    return by_point


def _calculated_for_alarms(draft: Draft) -> set[str]:
    """Ids of the points that are calculated for alarms, those that the plant has by itself included."""
    bypassed = {f"{point.id}.{SUFFIX[AlarmKind.CONDITION]}" for point in draft.points if point.kind == "bypass"}
    demanded = [e for e in draft.safety.effects if e.confirmed_by is not None and draft.safety.causes_of(e.id)]
    confirmed = {f"{e.confirmed_by[0]}.{SUFFIX[AlarmKind.CONDITION]}" for e in demanded if e.confirmed_by is not None}
    commanded = {f"{e.position}.{SUFFIX[AlarmKind.DISCREPANCY]}" for e in draft.safety.effects if e.command is not None}
    return {rule.id for rule in draft.rules.values() if rule.watches_calculated} | bypassed | confirmed | commanded


class _Point:
    """One point with its alarms."""

    def __init__(self, point: Point, rules: Mapping[AlarmKind, AlarmRule], draft: Draft, findings: Findings) -> None:
        self.point, self.rules, self.draft, self.findings = point, rules, draft, findings
        self.where = draft.where["point", point.id]
        self.kind = kinds()[point.kind]
        self.limits = [(kind, rules[kind]) for kind in RISING if kind in rules]

    def check(self, trip: Trip | None) -> None:
        self._unit()
        self._kinds_of_alarm()
        self._order()
        self._range()
        if trip is not None:
            self._trip(trip)
        for rule in self.rules.values():
            self._rationalised(rule)
        if self.kind.hazard:
            check_gas(self.point, self.kind, self.rules, self.draft, self.findings)

    def _unit(self) -> None:
        point, kind = self.point, self.kind
        if not kind.fits(point.unit):
            expected = "no unit" if kind.discrete else kind.default_unit
            message = "{id}: the unit {unit} does not fit the kind {kind}"
            self._mistake(
                "unit-kind",
                message,
                self.where,
                mend="expected for example: {expected}",
                unit=point.unit,
                kind=kind.id,
                expected=expected,
            )
            return
        dimension = units()[point.unit].dimension if point.unit else ""
        if dimension == "pressure" and not point.pressure_basis and point.kind not in NO_BASIS_NEEDED:
            message = "{id}: pressure in {unit} does not say gauge or absolute"
            self._warning(
                "pressure-basis", message, self.where, mend="write {unit}G or {unit}A, or fill pressure_basis", unit=point.unit
            )
        for key, basis, wanted in (
            ("pressure_basis", point.pressure_basis, "pressure"),
            ("flow_basis", point.flow_basis, "volume_flow"),
        ):
            if basis and dimension != wanted:
                self._mistake(
                    "basis", "{id}: {key} is given, but the unit is {unit}", self.where, key=key, unit=point.unit or "—"
                )

    def _kinds_of_alarm(self) -> None:
        for kind, rule in self.rules.items():
            if kind in LIMIT_KINDS and self.kind.discrete:
                message = "{rule}: a point of the kind {kind} has states, not limits"
                self._mistake(
                    "discrete-limit",
                    message,
                    self._at(rule),
                    mend="write the states that alarm under ST",
                    rule=rule.id,
                    kind=self.kind.id,
                )
            if kind is AlarmKind.STATE and not self.kind.discrete:
                message = "{rule}: a point of the kind {kind} has limits, not states"
                self._mistake("analogue-state", message, self._at(rule), rule=rule.id, kind=self.kind.id)
            unknown = [s for s in rule.states if self.point.states and s not in self.point.states]
            if unknown:
                known = ", ".join(map(str, sorted(self.point.states)))
                message = "{rule}: {id} has no state {found}"
                self._mistake(
                    "unknown-state",
                    message,
                    self._at(rule),
                    mend="its states are {known}",
                    rule=rule.id,
                    found=unknown[0],
                    known=known,
                )

    def _order(self) -> None:
        for (lower_kind, lower), (upper_kind, upper) in pairwise(self.limits):
            distance = _limit(upper) - _limit(lower)
            if distance <= 0:
                self._mistake(
                    "limit-order",
                    "{id}: {upper} {upper_limit:g} is not above {lower} {lower_limit:g}",
                    self._at(upper),
                    mend="limits must rise: LL < L < H < HH",
                    upper=SUFFIX[upper_kind],
                    upper_limit=_limit(upper),
                    lower=SUFFIX[lower_kind],
                    lower_limit=_limit(lower),
                )
                continue
            for rule in (lower, upper):
                if rule.dead_band >= distance:
                    message = "{rule}: dead band {dead_band:g} reaches the next limit, {distance:g} away"
                    self._mistake("dead-band", message, self._at(rule), rule=rule.id, dead_band=rule.dead_band, distance=distance)

    def _range(self) -> None:
        low, high = self.point.range_low, self.point.range_high
        for kind, rule in self.limits:
            limit = _limit(rule)
            if (low is not None and limit < low) or (high is not None and limit > high):
                self._mistake(
                    "limit-range",
                    "{id}: {kind} {limit:g} lies outside the range {low} … {high}: it could never alarm",
                    self._at(rule),
                    kind=SUFFIX[kind],
                    limit=limit,
                    low="" if low is None else f"{low:g}",
                    high="" if high is None else f"{high:g}",
                )
            width = (high or 0.0) - (low or 0.0)
            if low is not None and high is not None and rule.dead_band >= width:
                self._mistake(
                    "dead-band",
                    "{rule}: dead band {dead_band:g} is as wide as the range",
                    self._at(rule),
                    rule=rule.id,
                    dead_band=rule.dead_band,
                )

    def _trip(self, trip: Trip) -> None:
        for kind, rule in self.limits:
            value = trip.high if kind in HIGHS else trip.low
            limit = _limit(rule)
            if value is not None and (limit >= value if kind in HIGHS else limit <= value):
                side = "below" if kind in HIGHS else "above"
                message = "{id}: {kind} {limit:g} is not " + side + " its trip {trip:g}: the operator would have no time to act"
                self._mistake("trip", message, self._at(rule), kind=SUFFIX[kind], limit=limit, trip=value)

    def _rationalised(self, rule: AlarmRule) -> None:
        """An alarm needs an operator's action (ISA-18.2): who, what for, what to do, in what time."""
        at = self._at(rule)
        if not rule.post:
            tell = self._mistake if rule.priority <= 2 else self._warning
            mend = "fill post, or give the place a post"
            tell(
                "no-post",
                "{rule}: priority {priority} without a post: nobody could acknowledge it",
                at,
                mend=mend,
                rule=rule.id,
                priority=rule.priority,
            )
        if not rule.corrective_action.text("en"):
            message = "{rule}: no corrective action: what the operator need not act on is an event, not an alarm"
            self._warning("no-action", message, at, rule=rule.id)
        if not rule.consequence.text("en"):
            self._warning("no-consequence", "{rule}: no consequence: what happens if nobody acts?", at, rule=rule.id)
        if not rule.time_to_respond:
            self._warning("no-time", "{rule}: no time to respond: how long does the operator have?", at, rule=rule.id)
        elif rule.on_delay >= rule.time_to_respond:
            message = "{rule}: the on-delay of {delay:g} s leaves nothing of the {time:g} s to respond"
            self._mistake("late-alarm", message, at, rule=rule.id, delay=rule.on_delay, time=rule.time_to_respond)

    def _at(self, rule: AlarmRule) -> Where:
        return self.draft.where["rule", rule.id]

    def _mistake(self, name: str, message: str, where: Where, *, mend: str = "", **facts: Any) -> None:
        self.findings.mistake(name, message, where, mend=mend, id=self.point.id, **facts)

    def _warning(self, name: str, message: str, where: Where, *, mend: str = "", **facts: Any) -> None:
        self.findings.warning(name, message, where, mend=mend, id=self.point.id, **facts)


def _limit(rule: AlarmRule) -> float:
    assert rule.limit is not None
    return rule.limit
