"""Rows to documents. Pure: every text that a reader compares with the console is made here, from the console's own rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from anlan.model.clock import Micros
from anlan.model.frames import NODE_ID
from anlan.model.languages import Language
from anlan.monitor.paper.words import STATES, STEPS, alarm_words, figure, happened, label, person, say
from anlan.web.context import PlantView
from anlan.web.paper.document import Column, Document, Section, Stamps

HIDDEN = frozenset({"SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Of one print: the plant, the language, as of when the facts are true, and what a reader must know before them."""

    plant: PlantView
    language: Language
    as_of: Micros
    warnings: tuple[str, ...] = ()

    @property
    def stamps(self) -> Stamps:
        return Stamps(self.plant.zone, self.as_of)

    @property
    def site(self) -> str:
        return self.plant.name.text(self.language)

    def facts(self, *more: tuple[str, str], state: bool = True) -> tuple[tuple[str, str], ...]:
        """`state`: the document tells a state, which is true at an instant; one of a period that is over is true for good."""
        at = [(say("As of", self.language), self.stamps.second(self.as_of))] if state else []
        zone = (say("Times", self.language), self.stamps.zone_words)
        return (*more, *at, zone, (say("Configuration version", self.language), str(self.plant.version)))


# ---- the journal


def journal(head: Head, rows: Sequence[dict[str, Any]], steps: Sequence[dict[str, Any]], start: Micros, end: Micros, begun: Sequence[Micros]) -> Document:  # fmt: skip
    """`rows` of `monitor.rows.transition_row`, `steps` of `point_service.step_row` with `point` and `name`; both in order. `begun`: when each log began
    that the journal follows from."""
    tell, stamps = partial(say, language=head.language), head.stamps
    until = min(end, head.as_of)
    facts = [(tell("Period"), f"{stamps.second(start)} — {stamps.second(end)}")]
    if head.as_of < end:
        facts.append((tell("Recorded up to"), stamps.second(head.as_of)))
    facts += [(tell("Unknown"), one) for one in holes(head, start, until, begun)]
    return Document(
        kind="journal",
        title=tell("Alarm journal"),
        site=head.site,
        language=head.language,
        facts=head.facts(*facts, (tell("Rows"), str(len(rows) + len(steps))), state=False),
        sections=(transitions(head, rows), point_steps(head, steps)),
        warnings=head.warnings,
        landscape=True,
    )


def holes(head: Head, start: Micros, end: Micros, begun: Sequence[Micros]) -> list[str]:
    """What of the period the journal cannot tell: what lies before it, and where a log was lost."""
    tell, stamps = partial(say, language=head.language), head.stamps
    first, *later = begun or [end]
    found = (
        [tell("the journal begins at {time}: what was before is not known", time=stamps.second(first))] if first > start else []
    )
    words = "the log was begun anew at {time}: what the log before it held last may be missing"
    return found + [tell(words, time=stamps.second(at)) for at in later if start <= at < end]


def transitions(head: Head, rows: Iterable[dict[str, Any]]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (
        Column("n", "12mm", "right"),
        Column(tell("Noticed"), "31mm"),
        Column(tell("Data time"), "36mm"),
        Column(tell("Priority"), "9mm", "center", mark=True),
        Column(tell("Alarm"), "2fr"),
        Column(tell("What happened"), "1.3fr"),
        Column(tell("State"), "1fr"),
        Column(tell("Value"), "21mm", "right"),
        Column(tell("Limit"), "21mm", "right"),
        Column(tell("By"), "1fr"),
        Column(tell("Reason"), "1fr"),
    )
    return Section(
        tell("Alarms"),
        columns,
        tuple(
            (
                str(row["n"]),
                stamps.second(row["noticed_at"]),
                stamps.milli(row["happened_at"]),
                str(row["priority"] or ""),
                alarm_words(row, language),
                happened(row, stamps, language),
                tell(STATES[row["after"]]),
                "" if row["kind"] == "VIEW" else figure(row, row["value"], language),
                figure(row, row["limit"], language),
                person(row, language),
                row["reason"],
            )
            for row in rows
        ),
        empty=tell("The journal holds no change of an alarm in this period."),
    )


def point_steps(head: Head, steps: Iterable[dict[str, Any]]) -> Section:
    tell, stamps = partial(say, language=head.language), head.stamps
    columns = (
        Column("n", "12mm", "right"),
        Column(tell("Time"), "31mm"),
        Column(tell("Point"), "1.5fr"),
        Column(tell("What happened"), "1fr"),
        Column(tell("Until"), "31mm"),
        Column(tell("By"), "1fr"),
        Column(tell("Approved by"), "22mm"),
        Column(tell("Work order"), "24mm"),
        Column(tell("Reason"), "1.2fr"),
    )
    return Section(
        tell("Steps on points"),
        columns,
        tuple(
            (
                str(one["n"]),
                stamps.second(one["happened_at"]),
                " ".join(filter(None, (one["point"], label(one["name"], head.language)))),
                tell(STEPS.get(one["step"], one["step"])),
                "" if one["until"] is None else stamps.second(one["until"]),
                person(one, head.language),
                one["approver_name"] or one["approver"],
                one["work_order"],
                tell(one["reason"]) if one["who"] == NODE_ID else one["reason"],
            )
            for one in steps
        ),
        empty=tell("Nobody inhibited, calibrated, reset or approved anything in this period."),
    )


# ---- what stands


def standing(head: Head, rows: Sequence[dict[str, Any]]) -> Document:
    """`rows` of `monitor.rows.alarm_row`, all that are not normal."""
    tell = partial(say, language=head.language)
    shown = sorted(
        (row for row in rows if row["state"] not in HIDDEN), key=lambda row: (row["priority"], -row["noticed_at"], row["alarm"])
    )
    hidden = sorted((row for row in rows if row["state"] in HIDDEN), key=lambda row: (row["priority"], row["alarm"]))
    return Document(
        kind="alarms",
        title=tell("Standing alarms"),
        site=head.site,
        language=head.language,
        facts=head.facts((tell("Standing"), str(len(shown))), (tell("Put aside or suppressed"), str(len(hidden)))),
        sections=(standing_alarms(head, shown), put_aside(head, hidden)),
        warnings=head.warnings,
        landscape=True,
    )


def standing_alarms(head: Head, rows: Iterable[dict[str, Any]], title: str = "Standing, worst first") -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (
        Column(tell("Priority"), "9mm", "center", mark=True),
        Column(tell("Alarm"), "2fr"),
        Column(tell("State"), "1.2fr"),
        Column(tell("Data time"), "36mm"),
        Column(tell("Noticed"), "31mm"),
        Column(tell("When decided"), "22mm", "right"),
        Column(tell("Limit"), "22mm", "right"),
        Column(tell("Post"), "24mm"),
        Column(tell("Acknowledged by"), "1fr"),
    )
    return Section(
        tell(title),
        columns,
        tuple(
            (
                str(row["priority"]),
                alarm_words(row, language),
                tell(STATES[row["state"]]),
                stamps.milli(row["happened_at"]),
                stamps.second(row["noticed_at"]),
                "" if row["kind"] == "VIEW" else figure(row, row["value"], language),
                figure(row, row["limit"], language),
                label(row["post_name"], language) or row["post"],
                "" if row["acknowledged_at"] is None else f"{row['acknowledged_by']} {stamps.second(row['acknowledged_at'])}",
            )
            for row in rows
        ),
        empty=tell("No alarm stands."),
    )


def put_aside(head: Head, rows: Iterable[dict[str, Any]]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (
        Column(tell("Priority"), "9mm", "center", mark=True),
        Column(tell("Alarm"), "2fr"),
        Column(tell("State"), "1fr"),
        Column(tell("Since"), "31mm"),
        Column(tell("Until"), "31mm"),
        Column(tell("By"), "1fr"),
        Column(tell("Reason"), "1.4fr"),
    )
    return Section(
        tell("Put aside or suppressed"),
        columns,
        tuple(
            (
                str(row["priority"]),
                alarm_words(row, language),
                tell(STATES[row["state"]]),
                stamps.second(row["hidden_at"] if row["hidden_at"] is not None else row["changed_at"]),
                stamps.second(row["until"]),
                " · ".join(filter(None, (row["hidden_by"] or "", label(row["hidden_post"], language)))),
                row["hidden_reason"] or (tell("as its rule says") if row["state"] == "SUPPRESSED" else ""),
            )
            for row in rows
        ),
        empty=tell("No alarm is put aside or suppressed."),
    )


# ---- bypasses and what is out of evidence


def bypasses(head: Head, rows: Sequence[dict[str, Any]], out: Sequence[dict[str, Any]], under_test: Sequence[tuple[str, str]], requests: Sequence[dict[str, Any]]) -> Document:  # fmt: skip
    """`rows` of the wall (`SafetyService.bypasses`), `out` modes of points with `point` and `name`, `under_test` detectors that say so of themselves
    (id, name), `requests` that wait."""
    tell = partial(say, language=head.language)
    on = [row for row in rows if row["state"] != "off" or row["approved"] or row["alarm"]]
    off = [row for row in rows if row not in on]
    counts = (
        (tell("Bypassed"), str(sum(row["state"] == "on" for row in rows))),
        (tell("Without a standing approval"), str(sum(row["alarm"] for row in rows))),
        (tell("Cannot be seen"), str(sum(row["state"] == "unknown" for row in rows))),
    )
    return Document(
        kind="bypasses",
        title=tell("Bypass list"),
        site=head.site,
        language=head.language,
        facts=head.facts(*counts),
        sections=(
            bypass_wall(head, on),
            out_of_evidence(head, out, under_test),
            waiting(head, requests),
            Section(
                tell("Not bypassed"), lines=tuple(f"{row['point']} {label(row['name'], head.language)}" for row in off), empty="—"
            ),
        ),
        warnings=head.warnings,
        landscape=True,
    )


def bypass_wall(head: Head, rows: Iterable[dict[str, Any]]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    words = {"on": "bypassed", "off": "not bypassed", "unknown": "unknown"}
    columns = (
        Column(tell("Bypass"), "1.6fr"),
        Column(tell("State"), "1fr"),
        Column(tell("Left by the safety system"), "18mm", "right"),
        Column(tell("Approval until"), "31mm"),
        Column(tell("By"), "22mm"),
        Column(tell("Approved by"), "22mm"),
        Column(tell("Work order and reason"), "1.4fr"),
        Column(tell("Compensating measures"), "2fr"),
    )

    def state(row: dict[str, Any]) -> str:
        known = tell(words[row["state"]])
        last = label(row["text"], language) if row["text"] else figure({}, row["value"], language)
        told = f"{known} ({tell('last known')}: {last})" if row["state"] == "unknown" and row["value"] is not None else known
        return f"{told} · {tell('Without a standing approval')}" if row["alarm"] else told

    def line(row: dict[str, Any]) -> tuple[str, ...]:
        agreed = row["approval"]
        return (
            " ".join(filter(None, (row["point"], label(row["name"], language), row["cause"]["id"] if row["cause"] else ""))),
            state(row),
            "" if row["left"] is None else _clock(row["left"]),
            stamps.second(agreed["until"]) if agreed else tell("no approval"),
            (agreed["who_name"] or agreed["who"]) if agreed else "",
            (agreed["approver_name"] or agreed["approver"]) if agreed else "",
            ": ".join(filter(None, (agreed["work_order"], agreed["reason"]))) if agreed else "",
            "\n".join(_measure(head, one) for one in row["measures"]),
        )

    return Section(
        tell("Bypasses"), columns, tuple(map(line, rows)), empty=tell("Nothing is bypassed and nothing is approved to be.")
    )


def out_of_evidence(head: Head, out: Iterable[dict[str, Any]], under_test: Iterable[tuple[str, str]]) -> Section:
    """Inhibited points, detectors in calibration mode, and those that say of themselves that they are under test."""
    tell, stamps = partial(say, language=head.language), head.stamps
    columns = (
        Column(tell("Point"), "2fr"),
        Column(tell("State"), "1fr"),
        Column(tell("Since"), "31mm"),
        Column(tell("Until"), "31mm"),
        Column(tell("By"), "1fr"),
        Column(tell("Approved by"), "22mm"),
        Column(tell("Work order and reason"), "2fr"),
    )
    rows = [
        (
            f"{one['point']} {label(one['name'], head.language)}",
            tell({"inhibited": "inhibited", "calibrating": "calibration mode"}.get(one["mode"], one["mode"])),
            stamps.second(one["happened_at"]),
            stamps.second(one["until"]),
            person(one, head.language),
            one["approver_name"] or one["approver"],
            ": ".join(filter(None, (one["work_order"], one["reason"]))),
        )
        for one in out
    ]
    rows += [
        (f"{point} {name}", tell("says of itself that it is calibrating"), "—", "—", "", "", "") for point, name in under_test
    ]
    return Section(
        tell("Inhibited, and in calibration"),
        columns,
        tuple(rows),
        empty=tell("No point is inhibited and no detector is in calibration."),
    )


def waiting(head: Head, requests: Iterable[dict[str, Any]]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (
        Column(tell("Point"), "1fr"),
        Column(tell("Asked for"), "24mm"),
        Column(tell("By"), "1fr"),
        Column(tell("Asked at"), "31mm"),
        Column(tell("Until"), "31mm"),
        Column(tell("Work order and reason"), "2fr"),
    )
    rows = tuple(
        (
            one["point"],
            tell({"bypass": "bypass", "inhibit": "inhibit"}[one["kind"]]),
            label(one["requester"]["name"], language),
            stamps.second(one["requested_at"]),
            stamps.second(one["until"]),
            ": ".join(filter(None, (one["work_order"], one["reason"]))),
        )
        for one in requests
    )
    return Section(tell("Waiting for a second person"), columns, rows, empty=tell("Nothing waits for approval."))


def _measure(head: Head, one: dict[str, Any]) -> str:
    proofs = {"holds": "holds", "broken": "does not hold", "unknown": "unknown", None: "only people can say"}
    value = f" {one['point']} {figure(one, one['value'], head.language)}" if one.get("point") else ""
    return f"{one['text']} [{say(proofs[one['proof']], head.language)}{value}]"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
