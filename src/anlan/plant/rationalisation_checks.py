"""What a rationalised alarm must hold (ISA-18.2, IEC 62682; DOMAIN.md 4): its class and severity exist, its priority is the matrix's, no other
alarm asks the operator for the same thing for the same cause.

Post, consequence, action and time to respond are asked of every alarm in checks.py. Where the matrix is the one that ships with Anlan a
differing priority is told with the words that its numbers are not verified.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain
from typing import Any

from anlan.model.tables import fold, nearest
from anlan.monitor.config import AlarmRule
from anlan.monitor.rationalisation import distribution
from anlan.plant.description import AlarmSettings
from anlan.plant.draft import Draft
from anlan.plant.findings import Findings, Where

UNVERIFIED = " (numbers not verified against the original text)"


def check_rationalisation(draft: Draft, findings: Findings) -> None:
    """Every rule that the plant writes."""
    _classes(draft, findings)
    rules = list(draft.rules.values())
    for rule in rules:
        check_rule(rule, draft.alarms, draft.where["rule", rule.id], findings)
    _same_cause(rules, draft, findings)


def check_rule(rule: AlarmRule, settings: AlarmSettings, where: Where, findings: Findings) -> None:
    """What can be told of one alarm by itself."""
    _class(rule, settings, where, findings)
    matrix = settings.matrix
    if rule.severity and matrix.severity(rule.severity) is None:
        known = [s.id for s in matrix.severities]
        message = "{rule}: the severity {found} is not in the priority matrix"
        hint = nearest(rule.severity, known) or ", ".join(known)
        findings.mistake(
            "unknown-severity", message, where, mend="there is: {hint}", rule=rule.id, found=rule.severity, hint=hint
        )
    elif rule.severity and rule.time_to_respond:
        _priority(rule, settings, where, findings)


def _classes(draft: Draft, findings: Findings) -> None:
    """A class that stands twice: which demands would hold?"""
    seen: set[str] = set()
    for one in draft.alarms.classes:
        if one.id in seen:
            where = draft.where.get(("class", one.id), Where("plant.yaml"))
            findings.mistake("duplicate-id", "the alarm class {id} stands here a second time", where, id=one.id)
        seen.add(one.id)


def _class(rule: AlarmRule, settings: AlarmSettings, where: Where, findings: Findings) -> None:
    classes = {one.id: one for one in settings.classes}
    if not rule.alarm_class:
        if classes:
            message = "{rule}: no alarm class, though the plant has classes"
            findings.warning("no-class", message, where, mend="there is: {hint}", rule=rule.id, hint=", ".join(classes))
        return
    if rule.alarm_class not in classes:
        hint = nearest(rule.alarm_class, classes) or ", ".join(classes) or "—"
        message = "{rule}: the alarm class {found} is not in plant.yaml under alarms: classes"
        findings.mistake(
            "unknown-class", message, where, mend="there is: {hint}", rule=rule.id, found=rule.alarm_class, hint=hint
        )
    elif classes[rule.alarm_class].review_interval and rule.rationalised is None:
        message = "{rule}: its class {cls} demands reviews, but nobody is named who rationalised it"
        findings.warning(
            "not-rationalised",
            message,
            where,
            mend="fill rationalised_by and rationalised_on",
            rule=rule.id,
            cls=rule.alarm_class,
        )


def _priority(rule: AlarmRule, settings: AlarmSettings, where: Where, findings: Findings) -> None:
    right = settings.matrix.priority(rule.severity, rule.time_to_respond)
    facts: dict[str, Any] = {
        "rule": rule.id,
        "found": rule.priority,
        "right": right,
        "severity": rule.severity,
        "time": rule.time_to_respond,
    }
    doubt = UNVERIFIED if settings.priority_matrix is None else ""
    if right is None:
        message = "{rule}: with {time:g} s to respond at severity {severity} the matrix has no alarm, but an event or a task"
        findings.warning("too-slow", message + doubt, where, **facts)
    elif right != rule.priority:
        message = "{rule}: priority {found}, but the matrix gives {right} for severity {severity} and {time:g} s to respond"
        findings.warning("priority-matrix", message + doubt, where, mend="write {right}, or correct severity or time", **facts)


def _same_cause(rules: Iterable[AlarmRule], draft: Draft, findings: Findings) -> None:
    """Two alarms of one cause that ask the same post for the same action: the second one tells the operator nothing."""
    asked: dict[tuple[str, str, str], list[AlarmRule]] = defaultdict(list)
    for rule in rules:
        cause, action = fold(rule.cause.text("zh")), fold(rule.corrective_action.text("zh"))
        if rule.enabled and cause and action:
            asked[cause, action, rule.post].append(rule)
    for rule, first in chain.from_iterable(((r, group[0]) for r in group[1:]) for group in asked.values()):
        message = "{rule} and {other} name the same cause and the same action: one of them is enough"
        findings.warning("same-cause", message, draft.where["rule", rule.id], rule=rule.id, other=first.id)


def distribution_line(priorities: Iterable[int]) -> list[dict[str, Any]]:
    """Counts and shares by priority beside the target; as data, for check, page and API alike."""
    return [
        {"priorities": list(group), "count": count, "share": round(share, 4), "target": target}
        for group, count, share, target in distribution(priorities)
    ]
