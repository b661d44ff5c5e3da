"""A handover in words: the same sections on the console's page and on paper, from the facts as they were recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from anlan.model.clock import MINUTE, Micros
from anlan.monitor.paper.documents import Head, bypass_wall, out_of_evidence, put_aside, standing_alarms, waiting
from anlan.monitor.paper.words import KINDS, TRIGGERS, label, say
from anlan.web.paper.document import Column, Document, Section, Signature

EFFECTS = {
    "effect.worked": "the action worked",
    "effect.did_not_work": "the action did not work",
    "effect.not_applicable": "action not applicable",
}
SOURCE_STATES = {"down": "no connection", "connecting": "connecting", "unknown": "unknown"}
PART_OF = {
    "standing": ("Standing, worst first", "Put aside or suppressed"),
    "came": ("Came in this time",),
    "bypasses": ("Bypasses",),
    "out": ("Inhibited, and in calibration", "Waiting for a second person"),
    "sources": ("Sources",),
    "gaps": ("Times that nobody can see",),
    "edits": ("Changes of the configuration",),
    "floods": ("Alarm floods",),
    "comments": ("What people said",),
}
"""Part of the facts → the sections that tell it."""


def document(head: Head, told: dict[str, Any]) -> Document:
    """`told` as `HandoverService` tells it, with facts. Times and configuration version are those of the facts."""
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    facts = told["facts"]
    lines = [
        (tell("Post"), label(told["post_name"], language) or told["post"]),
        (tell("Shift"), label(facts["shift"], language)),
        (tell("Period"), f"{stamps.second(facts['start'])} — {stamps.second(facts['as_of'])}"),
        (tell("Standing"), _count(facts, "standing", f"{len(facts.get('standing', ()))} ({tell('unacknowledged {n}', n=facts.get('unacknowledged', 0))})")),
        (tell("Bypassed"), _count(facts, "bypasses", str(sum(row["state"] == "on" for row in facts.get("bypasses", ()))))),
        (tell("Unknown"), str(len(facts["unknown"]) + len(facts.get("gaps", ())))),
        (tell("Times"), stamps.zone_words),
        (tell("Configuration version"), str(facts["configuration"])),
    ]  # fmt: skip
    return Document(
        kind="handover",
        title=tell("Shift handover"),
        site=head.site,
        language=language,
        facts=tuple((name, value or tell("unknown")) for name, value in lines),
        sections=(*sections(head, told), *written(head, told)),
        signatures=(_signature(head, "Hands over", told["outgoing"]), _signature(head, "Takes over", told["incoming"])),
        warnings=(*head.warnings, *_doubts(head, told)),
        landscape=True,
        given_hash=told["sha256"],
    )


def sections(head: Head, told: dict[str, Any]) -> tuple[Section, ...]:
    """What the facts say. A part that could not be read says so in the place of its table."""
    facts = told["facts"]
    why = {one["part"]: label(one["why"], head.language) for one in facts["unknown"]}
    made: list[Section] = [_unknown(head, facts)]
    for part, makers in _MAKERS.items():
        if part in why:
            unknown = say("unknown: {why}", head.language, why=why[part])
            made += [Section(say(title, head.language), lines=(unknown,)) for title in PART_OF[part]]
        else:
            made += [make(head, facts) for make in makers]
    return tuple(made)


def written(head: Head, told: dict[str, Any]) -> tuple[Section, ...]:
    """What people wrote: remarks, open items, addenda."""
    tell = partial(say, language=head.language)
    remarks = tuple(told["remarks"].splitlines())
    taken = tuple(told["incoming_remarks"].splitlines())
    found = [Section(tell("Remarks of who hands over"), lines=remarks, empty=tell("none")), _items(head, told["items"])]
    if told["incoming"] is not None:
        found.append(Section(tell("Remarks of who takes over"), lines=taken, empty=tell("none")))
    if told["addenda"]:
        found.append(_addenda(head, told["addenda"]))
    return tuple(found)


def _doubts(head: Head, told: dict[str, Any]) -> Iterable[str]:
    tell = partial(say, language=head.language)
    if told["state"] == "draft":
        yield tell("Draft: nobody has signed.")
    if told["state"] == "offered":
        yield tell("Signed by who hands over only: nobody has taken over yet.")
    if told["unchanged"] is False or any(not one["unchanged"] for one in told["addenda"]):
        yield tell("This record is no longer what was signed: its hash does not match.")
    if told["state"] == "signed" and told["unchanged"] is None:
        yield tell("The audit record has no leaf of this signature: whether this still is what was signed is unknown.")


def _signature(head: Head, role: str, by: dict[str, Any] | None) -> Signature:
    words = say(role, head.language)
    return Signature(words) if by is None else Signature(words, label(by["name"], head.language), head.stamps.second(by["at"]))


def _count(facts: dict[str, Any], part: str, words: str) -> str:
    """ "" where the part is unknown: a count of nothing read would look like calm."""
    return "" if any(one["part"] == part for one in facts["unknown"]) else words


# ---- sections


def _unknown(head: Head, facts: dict[str, Any]) -> Section:
    """What this record cannot tell, first of all."""
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    lines = [label(one["why"], language) for one in facts["unknown"]]
    if facts["clipped"]:
        lines.append(
            tell(
                "the last handover lies further back than seven days: what was before {time} is not in here",
                time=stamps.second(facts["start"]),
            )
        )
    if facts.get("journal_from") is not None:
        lines.append(
            tell("the journal begins at {time}: what was before is not known", time=stamps.second(facts["journal_from"]))
        )
    words = "the log was begun anew at {time}: what the log before it held last may be missing"
    lines += [tell(words, time=stamps.second(at)) for at in facts.get("journal_anew", ())]
    if facts.get("gaps_untellable"):
        lines.append(
            tell("gaps of {sources} cannot be told: they speak on change only", sources=", ".join(facts["gaps_untellable"]))
        )
    return Section(tell("What is unknown"), lines=tuple(lines), empty=tell("No part of these facts is unknown to this node."))


def _standing(head: Head, facts: dict[str, Any]) -> Section:
    found = standing_alarms(head, facts["standing"])
    others = ", ".join(
        f"{label(one['post_name'], head.language) or one['post'] or '—'} {one['standing']} ({say('unacknowledged {n}', head.language, n=one['unacknowledged'])})"
        for one in facts["other_posts"]
    )
    note = say("at other posts: {posts}", head.language, posts=others) if others else ""
    return Section(found.title, found.columns, found.rows, found.empty, note)


def _came(head: Head, facts: dict[str, Any]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    came = facts["came"]
    columns = (
        Column(tell("Priority"), "12mm", "center", mark=True),
        Column(tell("Alarm"), "2fr"),
        Column(tell("Post"), "28mm"),
        Column(tell("times"), "16mm", "right"),
        Column(tell("first at"), "34mm"),
        Column(tell("last at"), "34mm"),
    )
    rows = tuple(
        (
            str(one["priority"] or ""),
            _alarm(one, language),
            label(one["post_name"], language) or one["post"],
            str(one["times"]),
            stamps.second(one["first"]),
            stamps.second(one["last"]),
        )
        for one in came["items"]
    )
    note = tell("{times} times, {alarms} different alarms", times=came["times"], alarms=came["alarms"])
    more = tell("; {n} more are not listed", n=came["more"]) if came["more"] else ""
    return Section(tell("Came in this time"), columns, rows, tell("No alarm came."), note + more)


def _sources(head: Head, facts: dict[str, Any]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (
        Column(tell("Source"), "1.4fr"),
        Column(tell("State"), "1fr"),
        Column(tell("From"), "34mm"),
        Column(tell("To"), "34mm"),
        Column(tell("Reason"), "2fr"),
    )
    rows = [
        (
            f"{one['id']} {label(one['name'], language)}",
            tell(SOURCE_STATES.get(one["state"], one["state"])),
            stamps.second(one["since"]),
            tell("still"),
            one["reason"],
        )
        for one in facts["sources"]
    ]
    rows += [
        (source, tell("unknown"), "—", tell("still"), tell("nobody has told its state")) for source in facts["sources_untold"]
    ]
    rows += [
        (
            f"{one['source']} {label(one['name'], language)}",
            tell("was not in view"),
            stamps.second(one["from"]),
            stamps.second(one["to"]) if one["to"] is not None else tell("still"),
            "",
        )
        for one in facts.get("losses", ())
    ]
    rows += [
        (tell("the node itself"), tell("fault"), "—", tell("still"), f"{one['part']}: {label(one['text'], language)}")
        for one in facts["faults"]
    ]
    return Section(tell("Sources"), columns, tuple(rows), tell("All {n} sources are connected, and none was lost.", n=facts["sources_of"]))  # fmt: skip


def _gaps(head: Head, facts: dict[str, Any]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (
        Column(tell("Source"), "1.4fr"),
        Column(tell("From"), "34mm"),
        Column(tell("To"), "34mm"),
        Column(tell("Lasted"), "24mm", "right"),
    )
    rows = tuple(
        (
            f"{one['source']} {label(one['name'], language)}",
            stamps.second(one["from"]),
            stamps.second(one["to"]),
            _span(one["to"] - one["from"]),
        )
        for one in facts["gaps"]
    )
    note = tell("history holds no reading: source, link or node was away, and alarms may have come unseen")
    more = tell("; {n} more are not listed", n=facts["gaps_more"]) if facts["gaps_more"] else ""
    return Section(
        tell("Times that nobody can see"), columns, rows, tell("None: each source that reports by the clock did so."), note + more
    )


def _edits(head: Head, facts: dict[str, Any]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (
        Column(tell("Version"), "14mm", "right"),
        Column(tell("Time"), "34mm"),
        Column(tell("By"), "1fr"),
        Column(tell("Reason"), "1.4fr"),
        Column(tell("What changed"), "3fr"),
    )

    def changed(one: dict[str, Any]) -> str:
        lines = [label(text, language) for text in one["changes"]]
        if one["more"] is None:
            lines.append(tell("unknown"))
        elif one["more"]:
            lines.append(tell("… and {n} more", n=one["more"]))
        return "\n".join(lines)

    def by(one: dict[str, Any]) -> str:
        second = label(one.get("approved_by") or {}, language)
        return "\n".join([one["author"], *([tell("approved by {name}", name=second)] if second else [])])

    rows = tuple((str(one["number"]), stamps.second(one["at"]), by(one), one["reason"], changed(one)) for one in facts["edits"])
    return Section(tell("Changes of the configuration"), columns, rows, tell("The configuration was not changed."))


def _floods(head: Head, facts: dict[str, Any]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (
        Column(tell("Post"), "1fr"),
        Column(tell("From"), "34mm"),
        Column(tell("To"), "34mm"),
        Column(tell("alarms"), "18mm", "right"),
        Column(tell("most in 10 min"), "24mm", "right"),
    )
    rows = tuple(
        (
            label(one["post_name"], language) or one["post"] or "—",
            stamps.second(one["began_at"]),
            stamps.second(one["ended_at"]) if one["ended_at"] is not None else tell("still"),
            str(one["count"]),
            str(one["peak"]),
        )
        for one in facts["floods"]
    )
    return Section(tell("Alarm floods"), columns, rows, tell("No flood: nowhere ten alarms in ten minutes."))


def _comments(head: Head, facts: dict[str, Any]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (
        Column(tell("Time"), "34mm"),
        Column(tell("Alarm"), "2fr"),
        Column(tell("What happened"), "1fr"),
        Column(tell("By"), "1fr"),
        Column(tell("Words"), "2.4fr"),
    )
    rows = tuple(
        (
            stamps.second(one["at"]),
            _alarm(one, language),
            tell(EFFECTS.get(one["did"]) or TRIGGERS.get(one["did"], one["did"])),
            one["who"],
            one["text"],
        )
        for one in facts["comments"]
    )
    more, left = tell("more were said than are listed") if facts["comments_more"] else "", facts.get("comments_left")
    if left is not None:
        words = tell("at least {n} more were said from {a} to {b} and are not listed")
        more = words.format(n=left["n"], a=stamps.second(left["from"]), b=stamps.second(left["to"]))
    return Section(tell("What people said"), columns, rows, tell("Nobody said anything with a step."), more)


def _items(head: Head, items: Iterable[dict[str, Any]]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (
        Column(tell("State"), "20mm"),
        Column(tell("Open item"), "3fr"),
        Column(tell("Since"), "34mm"),
        Column(tell("By"), "1fr"),
        Column(tell("Note"), "2fr"),
    )
    rows = tuple(
        (
            tell("settled" if one["closed"] else "still open"),
            one["text"],
            stamps.second(one["since"]),
            label(one["by"], language),
            one["note"],
        )
        for one in items
    )
    return Section(tell("Open items"), columns, rows, tell("No open item."))


def _addenda(head: Head, addenda: Iterable[dict[str, Any]]) -> Section:
    tell, stamps, language = partial(say, language=head.language), head.stamps, head.language
    columns = (Column(tell("Time"), "34mm"), Column(tell("By"), "1fr"), Column(tell("Words"), "4fr"))
    rows = tuple((stamps.second(one["by"]["at"]), label(one["by"]["name"], language), one["text"]) for one in addenda)
    return Section(tell("Addenda"), columns, rows, note=tell("written after the signatures"))


def _alarm(one: dict[str, Any], language: Any) -> str:
    kind = say(KINDS.get(one["kind"] or "", one["kind"] or ""), language)
    return " ".join(filter(None, (str(one["id"] or f"#{one['alarm']}"), label(one["name"], language), kind)))


def _span(length: Micros) -> str:
    minutes = round(length / MINUTE)
    return f"{minutes // 60}:{minutes % 60:02d}" if minutes else "< 0:01"


Maker = Callable[[Head, dict[str, Any]], Section]
_MAKERS: dict[str, tuple[Maker, ...]] = {
    "standing": (_standing, lambda head, facts: put_aside(head, facts["aside"])),
    "bypasses": (lambda head, facts: bypass_wall(head, facts["bypasses"]),),
    "out": (
        lambda head, facts: out_of_evidence(
            head, facts["out"], [(one["point"], label(one["name"], head.language)) for one in facts["under_test"]]
        ),
        lambda head, facts: waiting(head, facts["requests"]),
    ),
    "sources": (_sources,),
    "gaps": (_gaps,),
    "came": (_came,),
    "floods": (_floods,),
    "edits": (_edits,),
    "comments": (_comments,),
}
"""In the order of paper and page: what is dangerous now first, then what happened."""
