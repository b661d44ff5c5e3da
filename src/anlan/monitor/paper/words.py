"""What the papers say, in the words of the console: msgids by the names that rows carry."""

from __future__ import annotations

from typing import Any

from anlan.model.frames import NODE_ID
from anlan.model.languages import Language, translate
from anlan.web.paper.document import Stamps

STATES = {
    "NORMAL": "condition gone",
    "UNACKNOWLEDGED": "active, unacknowledged",
    "ACKNOWLEDGED": "active, acknowledged",
    "RETURNED_UNACKNOWLEDGED": "returned, unacknowledged",
    "LATCHED_UNACKNOWLEDGED": "latched, unacknowledged",
    "LATCHED_ACKNOWLEDGED": "latched, acknowledged",
    "SHELVED": "shelved",
    "SUPPRESSED": "suppressed by design",
    "OUT_OF_SERVICE": "out of service",
}
KINDS = {
    "LL": "low-low",
    "L": "low",
    "H": "high",
    "HH": "high-high",
    "ST": "state",
    "BAD": "bad quality",
    "STALE": "no longer updated",
    "VIEW": "loss of view",
    "ROC": "rate of change",
    "DEV": "deviation",
    "FRZ": "frozen",
    "DIS": "discrepancy",
    "TIS": "time in state",
    "CNT": "count",
    "IF": "condition",
}
TRIGGERS = {
    "CONDITION_ON": "condition on",
    "CONDITION_OFF": "condition gone",
    "ACKNOWLEDGE": "acknowledged",
    "RESET": "reset",
    "SHELVE": "shelved",
    "UNSHELVE": "shelving ended",
    "SUPPRESS": "suppressed by design",
    "UNSUPPRESS": "suppression ended",
    "REMOVE_FROM_SERVICE": "taken out of service",
    "RETURN_TO_SERVICE": "back in service",
    "CONFIGURATION": "rule changed",
    "ESCALATE": "passed on",
    "SILENCE": "silenced on one console",
}
LATE = {
    ("LATE_DATA", False): "late, corrected: began at {time}",
    ("LATE_DATA", True): "late, added: began at {time}",
    ("LATE_END", False): "late, corrected: ended at {time}",
    ("LATE_END", True): "late, added: ended at {time}",
}
STEPS = {
    "inhibit": "inhibited",
    "end_inhibit": "inhibit ended",
    "inhibit_expired": "inhibit ended by itself",
    "inhibited_dropped": "inhibit ended: the point left the configuration",
    "calibrate": "calibration mode began",
    "end_calibration": "calibration mode ended",
    "calibrate_expired": "calibration mode ended by itself",
    "calibrating_dropped": "calibration mode ended: the point left the configuration",
    "reset_over_range": "reset over range",
    "approve_bypass": "bypass approved",
    "end_approval": "approval of the bypass ended",
    "approve_bypass_expired": "approval of the bypass ended by itself",
    "approved_dropped": "approval ended: the point left the configuration",
    "calibration_overdue": "calibration overdue",
    "calibration_in_date": "calibration in date again",
}


def say(words: str, language: Language, **facts: Any) -> str:
    return translate(words, language).format(**facts) if facts else translate(words, language)


def label(pair: dict[str, str] | None, language: Language) -> str:
    """The text of {zh, en}; "" for None."""
    return (pair.get(language) or pair.get("zh") or pair.get("en") or "") if pair else ""


def figure(row: dict[str, Any], value: float | None, language: Language) -> str:
    """A value or limit as its point prints it, "" where there is none."""
    if value is None:
        return ""
    states = row.get("states")
    if states and (named := states.get(str(int(value)))) is not None:
        return label(named, language)
    text = f"{value:.{row.get('decimals', 2)}f}"
    shown = text.replace("-", "") if float(text) == 0 else text.replace("-", "−")
    unit = label(row.get("unit_text"), language)
    return f"{shown} {unit}" if unit else shown


def alarm_words(row: dict[str, Any], language: Language) -> str:
    """ "AT-203.HH 氯气 高高报"."""
    kind = say(KINDS.get(row["kind"] or "", row["kind"] or ""), language)
    return " ".join(filter(None, (str(row["id"] or f"#{row['alarm']}"), label(row["name"], language), kind)))


def happened(row: dict[str, Any], stamps: Stamps, language: Language) -> str:
    """What a row of the journal tells, and whether it rests on readings that a full disk refused."""
    told = _step(row, stamps, language)
    return f"{told} · {say('readings not recorded', language)}" if row["unrecorded"] else told


def _step(row: dict[str, Any], stamps: Stamps, language: Language) -> str:
    if row["late"]:
        return say(LATE[row["trigger"], row["added"]], language, time=stamps.milli(row["happened_at"]))
    if row["until"]:
        return say("shelved until {time}", language, time=stamps.second(row["until"]))
    if row["told"]:
        return say("passed on to {who}", language, who=label(row["told"], language))
    return say(TRIGGERS.get(row["trigger"], row["trigger"]), language)


def person(row: dict[str, Any], language: Language) -> str:
    """ "王丽 · 氯库岗": who took a step, at which post; "" for what happened by itself."""
    post = label(row.get("post_name"), language) or row.get("post") or ""
    who = say("the node itself", language) if row["who"] == NODE_ID else row["who_name"] or row["who"]
    return " · ".join(filter(None, (who, post)))
