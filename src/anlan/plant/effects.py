"""What a change of the alarms would have done to the node's own past, attached to the version that makes it.

A changed dead-band or delay moves every alarm of its rule a little and shows nowhere at a glance, so one rule is changed only with a trial
that the node itself has kept (`monitor.trials`), of this rule, this change and the rules as they are. A whole folder or workbook carries no
trial: its effect is replayed while it is applied, over the last day, for the alarms whose decision it changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from anlan.guard.principal import Principal
from anlan.model.clock import DAY, HOUR, Clock, Micros, to_datetime
from anlan.model.errors import AnlanError, InputError
from anlan.model.languages import translate
from anlan.monitor.config import AlarmRule
from anlan.monitor.past import OwnPast
from anlan.monitor.trials import KEPT, Changes, Trial, Trials, last_heard, trial_of, without_history
from anlan.monitor.trying import tried
from anlan.plant.compile import all_rules
from anlan.plant.concerned import seen_by
from anlan.plant.description import Plant
from anlan.plant.difference import Change, differences
from anlan.store.ids import uuid7
from anlan.web.context import Context

DEMANDING = ("dead_band", "on_delay", "off_delay")
"""Fields that are changed only with their replayed effect."""
TRIED = frozenset({*DEMANDING, "limit", "priority", "enabled"})
"""Fields that a trial can change."""
DECISIVE = TRIED | {"states", "window", "per", "direction", "against", "when", "suppress_when"}
"""Fields on which it depends when the alarm comes, or how it is told."""
HARMLESS = frozenset({"post", "shift", "place", "area", "alarm class", "document", "camera", "drawing"})
"""What no replay depends on."""
SPAN: Micros = DAY
"""Replayed when a folder or workbook is applied."""
MOST_TRIED = 50
"""Alarms of one replay, as many as one trial at the console may have; more of them are named as not replayed."""
SHOWN = 5


class TrialNeeded(InputError):
    """A dead-band or delay without its replayed effect."""

    code: ClassVar[str] = "trial-needed"

    def __init__(self, alarm: str, fields: Mapping[str, Any]) -> None:
        super().__init__(
            "{alarm}: {fields} is changed only with its replayed effect: try it with POST /api/v1/replay/what-if, then name the answer's "
            "trial here",
            alarm=alarm,
            fields=", ".join(fields),
            expected={"changes": [{"id": alarm, **fields}]},
        )


class TrialUnfit(InputError):
    """A trial that is not, or not any more, the trial of this change."""

    code: ClassVar[str] = "trial-unfit"
    status: ClassVar[int] = 409


def decisive(before: AlarmRule, after: AlarmRule) -> dict[str, Any]:
    """The fields on which the alarm's coming depends, and what they become."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {name: new[name] for name in sorted(DECISIVE) if old[name] != new[name]}


def must_be_tried(alarm: str, change: Mapping[str, Any], trial: UUID | None) -> None:
    """Raises TrialNeeded."""
    if trial is None and (fields := {name: change[name] for name in DEMANDING if name in change}):
        raise TrialNeeded(alarm, fields)


def must_fit(trial: Trial | None, named: UUID, rule: AlarmRule, change: Mapping[str, Any], now: Micros) -> Trial:
    """The trial, if it is of this rule and of this change. Raises TrialUnfit."""
    if trial is None or trial.at < now - KEPT:
        raise TrialUnfit(
            "the trial {trial} is not known or has expired: one is kept for {hours} h; try the change again",
            trial=str(named),
            hours=KEPT // HOUR,
        )
    if rule.id not in trial.changes:
        message = "the trial is of {found}, but {expected} is to be changed; try what is to be changed"
        raise TrialUnfit(message, trial=str(named), found=", ".join(trial.changes), expected=rule.id)
    own = rule.model_dump(mode="json")
    was_tried = {name: value for name, value in trial.changes[rule.id].items() if own[name] != value}
    if was_tried != dict(change):
        raise TrialUnfit(
            "the trial of {alarm} was of {found}, but the change is {expected}; try what is to be changed",
            trial=str(named),
            alarm=rule.id,
            found=_written(was_tried),
            expected=_written(change),
        )
    return trial


def must_be_current(trial: Trial, alarm: str, old: Plant, plant: Plant, current: int, by: Principal) -> None:
    """Whether what was replayed still is what the rule is decided by: `old` is the plant that was tried. Raises TrialUnfit, which names what `by`
    may see."""
    moved = [change for change in differences(old, plant) if _concerns(change, alarm)]
    if moved:
        told = seen_by(by, old, plant, moved)[:SHOWN]
        more = f" … +{len(moved) - len(told)}" if len(moved) > len(told) else ""
        raise TrialUnfit(
            "the trial was replayed on version {found}, but version {expected} is current, and since then changed: {what}; try again",
            trial=str(trial.id),
            found=trial.version,
            expected=current,
            what="; ".join(change.text() for change in told) + more,
        )


def _concerns(change: Change, alarm: str) -> bool:
    """Other alarms decide nothing for this one; whatever else was changed may."""
    if change.what in HARMLESS:
        return False
    return change.what != "alarm" or (change.id == alarm and (not change.key or change.key in DECISIVE))


def _written(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(fields.items())) or "—"


# --- folders and workbooks -------------------------------------------------------------------------------------------------


def tried_changes(before: Plant, after: Plant) -> dict[str, dict[str, Any]]:
    """Alarms of both plants that come otherwise after the change, with the fields that a trial can change; empty when no dead-band or delay is
    among them."""
    rules = {rule.id: rule for rule in all_rules(before)}
    found = {
        rule.id: {name: value for name, value in decisive(rules[rule.id], rule).items() if name in TRIED}
        for rule in all_rules(after)
        if rule.id in rules and rules[rule.id] != rule and rules[rule.id].kind == rule.kind
    }
    demanding = {alarm for alarm, fields in found.items() if any(name in fields for name in DEMANDING)}
    if not demanding:
        return {}
    return dict(sorted(((a, f) for a, f in found.items() if f), key=lambda one: (one[0] not in demanding, one[0])))


async def replayed_in(context: Context, author: str, before: Plant, after: Plant) -> dict[str, Any] | None:
    """The effect of a whole plant's change, on the running node. None when it changes no dead-band or delay."""
    changes = await asyncio.to_thread(tried_changes, before, after)
    if not changes:
        return None
    now = context.clock.now()
    try:
        asked = _first(changes)
        trial, _ = await Trials.of(context).run(uuid7(context.clock), author, asked, now - SPAN, now)
    except AnlanError as error:
        return not_replayed(changes, error)
    return {**trial.as_json(), "left_out": list(changes)[MOST_TRIED:]}


def replayed_of(past: OwnPast, author: str, clock: Clock, changes: Changes) -> dict[str, Any]:
    """The same over a data folder that nobody runs, for the last day that it has heard of. Blocking."""
    asked, numbers, now = _first(changes), past.plant.rule_numbers, clock.now()
    end = last_heard(past, list(asked), now)
    try:
        found = tried(past, [], {numbers[alarm]: fields for alarm, fields in asked.items()}, end - SPAN, end)
        unknown = without_history(past, list(asked), end)
    except AnlanError as error:
        return not_replayed(changes, error)
    trial = trial_of(found, unknown, id=uuid7(clock), at=now, account=author, changes=asked, start=end - SPAN, end=end)
    return {**trial.as_json(), "left_out": list(changes)[MOST_TRIED:]}


def not_replayed(changes: Changes, why: AnlanError) -> dict[str, Any]:
    """An effect that nobody knows, said so: a change is not held up by a history that cannot be read."""
    return {
        "changes": {alarm: dict(fields) for alarm, fields in changes.items()},
        "unknown": list(changes),
        "left_out": [],
        "effect": None,
        "why": {"zh": why.text("zh"), "en": why.text("en")},
    }


def _first(changes: Changes) -> dict[str, dict[str, Any]]:
    return {alarm: dict(changes[alarm]) for alarm in list(changes)[:MOST_TRIED]}


# --- telling ---------------------------------------------------------------------------------------------------------------


def summary(told: Mapping[str, Any]) -> dict[str, Any]:
    """For the audit record: what was replayed and what came of it, and the digest of the whole, which lies with the version."""
    from hashlib import sha256

    effect = told["effect"]
    counts = None if effect is None else {k: effect[k] for k in ("before", "after", "counts")} | {"missed": len(effect["missed"])}
    digest = sha256(orjson.dumps(dict(told), option=orjson.OPT_SORT_KEYS)).hexdigest()
    return {"trial": told.get("trial"), "by": told.get("account"), "unknown": told["unknown"], "result": counts, "digest": digest}


def sentence(told: Mapping[str, Any], language: str, zone: str) -> str:
    """One line for who made the change."""
    if "why" in told:
        return translate("effect unknown: {why}", language).format(why=told["why"]["zh" if language == "zh" else "en"])
    effect, unknown = told["effect"], translate("no history, effect unknown: {alarms}", language)
    if effect is None:
        return unknown.format(alarms=_few(told["changes"]))
    message = translate("replayed from {start} to {end}: {before} → {after} alarms, {missed} missed", language)
    parts = [
        message.format(
            start=_local(told["history_from"] or told["start"], zone),
            end=_local(told["cut_at"] or told["end"], zone),
            before=effect["before"],
            after=effect["after"],
            missed=len(effect["missed"]),
        )
    ]
    if told["unknown"]:
        parts.append(unknown.format(alarms=_few(told["unknown"])))
    if told.get("left_out"):
        parts.append(translate("not replayed: {alarms}", language).format(alarms=_few(told["left_out"])))
    return " · ".join(parts)


def _local(at: Micros, zone: str) -> str:
    return f"{to_datetime(at).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def _few(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:SHOWN]) + (f" … +{len(every) - SHOWN}" if len(every) > SHOWN else "")
