"""An alarm and a transition as the API and the console tell them: plain JSON values, instants in µs with an ISO text beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anlan.guard.roles import load_roles
from anlan.model.clock import Micros
from anlan.model.events.alarms import ADDED, LATE, MOVES_NOTHING, AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.monitor.config import SUFFIX
from anlan.monitor.groups import first_out_states, groups_of
from anlan.monitor.states import HIDDEN, OPEN
from anlan.web.answers import finite, iso, quality_words
from anlan.web.context import PlantView, Rule
from anlan.web.widgets import unit_label

NO_EVIDENCE = frozenset({Trigger.SHELVE, Trigger.ESCALATE})
"""Their `value` is no reading."""
LOOKED_BACK = 200
"""Transitions of one alarm that its story is told from: enough for an activation, its escalations and corrections."""
Names = Callable[[str], str]
"""Person id → name; "" for one that isn't known."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One alarm as its last transition left it, and who answered this activation."""

    last: AlarmTransition
    raised: AlarmTransition | None = None
    """The transition that began the activation; None when it lies before what was read."""
    answered: AlarmTransition | None = None
    hidden: AlarmTransition | None = None
    """The transition that put it aside, while it is."""
    level: int = 0
    """How many levels it was told to because nobody acknowledges it."""

    def after(self, transition: AlarmTransition) -> Standing:
        """With one transition more."""
        if transition.trigger in MOVES_NOTHING:
            return self  # the live state did not move
        level = self.level if transition.after in OPEN else 0
        if transition.trigger is Trigger.ESCALATE:
            return replace(self, last=transition, level=int(transition.value))
        if transition.after in HIDDEN:
            return replace(self, last=transition, hidden=transition, level=0)
        if transition.after is AlarmState.UNACKNOWLEDGED:
            return Standing(transition, raised=transition, level=level)
        answered = transition if transition.trigger is Trigger.ACKNOWLEDGE else self.answered
        if transition.after is AlarmState.LATCHED_UNACKNOWLEDGED and transition.before in HIDDEN:
            answered = None  # it came or went unseen meanwhile: what was answered before is not that
        return replace(self, last=transition, answered=answered, hidden=None, level=level)


def story_of(rows: Sequence[AlarmTransition]) -> Standing | None:
    """How an alarm came to where it stands, from its transitions, newest first as the journal gives them. `raised` and `answered` are of
    its last activation, also once that is over; None when nothing moved it. The one account that list, response card and `why` share:
    conditions are not written while an alarm is hidden, so an activation may begin without a CONDITION_ON."""
    story: Standing | None = None
    for row in reversed(rows):
        if story is not None or row.trigger not in MOVES_NOTHING:
            story = (story or Standing(row)).after(row)
    return story


def alarm_row(plant: PlantView, standing: Standing, names: Names) -> dict[str, Any]:
    """Everything the console shows of a standing alarm. A rule that the plant no longer has is told by its number."""
    last, raised, answered = standing.last, standing.raised or standing.last, standing.answered
    return {
        "alarm": last.alarm,
        "episode": last.episode,
        "state": last.after.name,
        "n": last.n,
        "value": finite(raised.value) if raised.trigger not in NO_EVIDENCE else None,
        "quality": raised.quality,
        "limit": finite(raised.limit) if raised.trigger not in NO_EVIDENCE else None,
        "happened_at": raised.happened_at,
        "happened_at_iso": iso(raised.happened_at),
        "noticed_at": raised.noticed_at,
        "noticed_at_iso": iso(raised.noticed_at),
        "changed_at": last.noticed_at,
        "unrecorded": raised.unrecorded,
        "acknowledged_at": answered.noticed_at if answered is not None else None,
        "acknowledged_by": names(answered.who) or answered.who if answered is not None else None,
        **_hidden(plant, standing.hidden, names),
        **_told(plant, standing.level),
        **rule_facts(plant, last.alarm),
    }


def rule_facts(plant: PlantView, alarm: int) -> dict[str, Any]:
    """What is configured of an alarm: identity, place, post, what it asks of the operator."""
    rule = plant.rules.get(alarm)
    if rule is None:
        return _unknown_rule(alarm)
    point, place, post = plant.point_of_rule(rule), plant.place_of_rule(rule), plant.post_of_rule(rule)
    watched = plant.watched_by_rule(rule)
    return {
        "id": rule.id,
        "kind": SUFFIX[rule.kind],
        "priority": rule.priority,
        "point": point.id if point is not None else None,
        "source": point.source if point is not None else rule.point,
        "name": _name(plant, rule, point),
        "place": place,
        "place_name": _place_name(plant, place),
        "unit_name": _place_name(plant, plant.unit_of(place)),
        "cameras": cameras(plant, point.id if point is not None else "", place),
        "groups": groups_of(plant, rule),
        "first_out_states": first_out_states(plant, rule),
        "post": post,
        "post_name": plant.posts[post].model_dump() if post in plant.posts else None,
        "unit": watched.unit if watched is not None else "",
        "unit_text": unit_label(watched).model_dump() if watched is not None else None,
        "decimals": watched.decimals if watched is not None else 0,
        "states": _states(watched),
        "window": rule.window,
        "against": rule.against,
        "when": rule.when,
        "suppress_when": rule.suppress_when,
        "dead_band": rule.dead_band,
        "on_delay": rule.on_delay,
        "off_delay": rule.off_delay,
        "latching": rule.latching,
        "consequence": rule.consequence.model_dump(),
        "corrective_action": rule.corrective_action.model_dump(),
        "time_to_respond": rule.time_to_respond,
        "comment_required": demands.comment_required if (demands := plant.demands_of(rule)) is not None else False,
        "safety_points": _safety_points(plant, rule),
    }


def transition_row(plant: PlantView, transition: AlarmTransition, names: Names) -> dict[str, Any]:
    """One row of the journal."""
    rule = plant.rules.get(transition.alarm)
    point = plant.point_of_rule(rule) if rule is not None else None
    watched = plant.watched_by_rule(rule) if rule is not None else None
    if watched is not None and plant.past:
        watched = plant.point_at(watched, transition.happened_at)
    return {
        "n": transition.n,
        "alarm": transition.alarm,
        "id": rule.id if rule is not None else None,
        "kind": SUFFIX[rule.kind] if rule is not None else None,
        "priority": rule.priority if rule is not None else None,
        "point": point.id if point is not None else None,
        "source": None if rule is None else point.source if point is not None else rule.point,
        "name": _name(plant, rule, point) if rule is not None else None,
        "unit_text": unit_label(watched).model_dump() if watched is not None else None,
        "decimals": watched.decimals if watched is not None else 2,
        "states": _states(watched),
        "place": plant.place_of_rule(rule) if rule is not None else "",
        "episode": transition.episode,
        "late": transition.trigger in LATE,
        "added": transition.trigger in LATE and transition.episode >= ADDED,
        "unrecorded": transition.unrecorded,
        "trigger": transition.trigger.name,
        "before": transition.before.name,
        "after": transition.after.name,
        **_times("happened_at", transition.happened_at),
        **_times("noticed_at", transition.noticed_at),
        **_evidence(plant, transition),
        "who": transition.who,
        "who_name": names(transition.who),
        "post": transition.post,
        "post_name": plant.posts[transition.post].model_dump() if transition.post in plant.posts else None,
        "reason": transition.reason,
        "command": transition.command,
    }


def _evidence(plant: PlantView, transition: AlarmTransition) -> dict[str, Any]:
    """Value, quality and limit that decided; for a shelving its end instead, for an escalation whom it was told to."""
    says = {"value": finite(transition.value), "quality": quality_words(transition.quality), "limit": finite(transition.limit)}
    nothing = {"value": None, "quality": None, "limit": None}
    more: dict[str, Any] = {"until": None, "level": 0, "told": None}
    match transition.trigger:
        case Trigger.SHELVE:
            return nothing | more | {"until": int(transition.value)}
        case Trigger.ESCALATE:
            told = _told(plant, int(transition.value))
            return nothing | more | {"level": told["level"], "told": told["told"]}
        case Trigger.SILENCE:
            return nothing | more
        case _:
            return says | more


def _hidden(plant: PlantView, hidden: AlarmTransition | None, names: Names) -> dict[str, Any]:
    """Who put the alarm aside, when, why and until when; all None while it is shown."""
    if hidden is None:
        return dict.fromkeys(("hidden_at", "hidden_by", "hidden_post", "hidden_reason", "until"))
    return {
        "hidden_at": hidden.noticed_at,
        "hidden_by": names(hidden.who) or hidden.who or None,
        "hidden_post": plant.posts[hidden.post].model_dump() if hidden.post in plant.posts else None,
        "hidden_reason": hidden.reason or None,
        "until": int(hidden.value) if hidden.trigger is Trigger.SHELVE else None,
    }


def _told(plant: PlantView, level: int) -> dict[str, Any]:
    """Posts and roles that know of an alarm nobody acknowledges: ids of all of them, the name of the last."""
    told_to = list(plant.escalation[:level])
    name = plant.posts.get(told_to[-1]) or _role_name(told_to[-1]) if told_to else None
    return {"level": level, "told_to": told_to, "told": name.model_dump() if name is not None else None}


def _role_name(role: str) -> Label:
    known = load_roles().roles.get(role)
    return known.name if known is not None else Label(zh=role, en=role)


def is_standing(standing: Standing) -> bool:
    return standing.last.after is not AlarmState.NORMAL


def _times(name: str, instant: Micros) -> dict[str, Any]:
    return {name: instant, f"{name}_iso": iso(instant)}


def _name(plant: PlantView, rule: Rule, point: Point | None) -> dict[str, str]:
    if point is not None:
        return point.name.model_dump()
    number = plant.source_numbers.get(rule.point)
    label = plant.sources[number].name if number is not None else Label()
    return label.model_dump() if label.zh or label.en else {"zh": rule.point, "en": rule.point}


def _states(point: Point | None) -> dict[str, dict[str, str]] | None:
    """Names of a discrete point's states; None for a measured one."""
    named = {str(state): label.model_dump() for state, label in point.states.items()} if point is not None else {}
    return named or None


def _place_name(plant: PlantView, path: str) -> dict[str, str] | None:
    place = plant.places.get(path)
    return place.name.model_dump() if place is not None else None


def _safety_points(plant: PlantView, rule: Rule) -> list[str] | None:
    """A lost source names the safety points that nobody sees any more (DOMAIN.md 3)."""
    if rule.kind is not AlarmKind.LOSS_OF_VIEW:
        return None
    return [point.id for point in plant.points.values() if point.source == rule.point and point.safety]


def cameras(plant: PlantView, point: str, place: str) -> list[dict[str, Any]]:
    """Those that look at it; a person opens the address, the node never does."""
    return [{"id": one.id, "name": one.name.model_dump(), "link": one.link} for one in plant.cameras_of(point, place)]


def _unknown_rule(alarm: int) -> dict[str, Any]:
    name = {"zh": f"#{alarm}", "en": f"#{alarm}"}
    absent = dict.fromkeys(
        (
            "kind",
            "point",
            "source",
            "unit_text",
            "place_name",
            "unit_name",
            "post_name",
            "states",
            "time_to_respond",
            "safety_points",
        )
    )
    no_label = {"zh": "", "en": ""}
    return {
        "id": f"#{alarm}",
        **absent,
        "priority": 1,  # nobody knows what it meant: it stands where it cannot be overlooked
        "name": name,
        "place": "",
        "post": "",
        "unit": "",
        "decimals": 2,
        "cameras": [],
        "groups": {},
        "first_out_states": [],
        "window": 0.0,
        "against": "",
        "when": "",
        "suppress_when": "",
        "dead_band": 0.0,
        "on_delay": 0.0,
        "off_delay": 0.0,
        "latching": False,
        "consequence": no_label,
        "corrective_action": no_label,
    }
