"""The register of major hazards as a document to print: what is signed, what is computed, step by step, and what is in the tanks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from anlan.model.languages import Language, translate
from anlan.monitor.paper.documents import Head
from anlan.web.paper.document import Column, Document, Section

NUMBER = "18mm"


def register_document(head: Head, told: Mapping[str, Any]) -> Document:
    """`told` as `HazardService.register` gives it."""
    tell, language = partial(translate, language=head.language), head.language
    residents, clock = told["residents"], told["clock"]
    people = tell("people within 500 m: unknown")
    if residents is not None:
        words = tell("{n} people within 500 m").format(n=residents["people"])
        people = f"{words}, {_label(residents['source'], language)}, {residents['counted_on']}"
    sections = [_overview(told, language)]
    for unit in told["units"]:
        sections += _unit(unit, told["filing_list"], language)
    unchecked = "" if clock["verified"] else f" ({tell('not checked against the original')})"
    facts = (
        (tell("Standard"), told["edition"]),
        (tell("Valid for"), _label(told["valid_for"], language)),
        (tell("People around"), people),
        (
            tell("Assessed again"),
            tell("again after {n} years").format(n=clock["years"]) + f", {_label(clock['source'], language)}{unchecked}",
        ),
    )
    return Document(
        kind="hazards",
        title=tell("Register of major hazard installations"),
        site=head.site,
        language=language,
        facts=head.facts(*facts),
        sections=tuple(sections),
        warnings=head.warnings,
        landscape=True,
    )


def _overview(told: Mapping[str, Any], language: Language) -> Section:
    tell = partial(translate, language=language)
    columns = (
        Column(tell("Hazard unit"), "2fr"),
        Column("S", NUMBER, "right"),
        Column("R", NUMBER, "right"),
        Column(tell("As signed"), "1fr"),
        Column(tell("Computed today"), "1fr"),
        Column(tell("Next assessment"), "24mm"),
        Column(tell("To be done"), "2fr"),
    )
    rows = []
    for unit in told["units"]:
        computed, legal = unit["computed"], unit["legal"]
        rows.append(
            (
                f"{unit['id']} {_label(unit['name'], language)}",
                computed["s_text"] if computed["s_complete"] else f"≥ {computed['s_text']}",
                "–" if computed["major"] is False else computed["r_text"],
                tell("no identification signed") if legal is None else level(legal["content"], language),
                level(computed, language),
                "–" if legal is None else legal["due"],
                "; ".join(_label(fault, language) for fault in unit["faults"]) or "–",
            )
        )
    return Section(
        tell("Register"),
        columns,
        tuple(rows),
        empty=tell("The plant folder tells no major hazards (section hazards of plant.yaml)."),
    )


def _unit(unit: Mapping[str, Any], filing_list: Mapping[str, Any], language: Language) -> Iterator[Section]:
    tell, computed = partial(translate, language=language), unit["computed"]
    columns = (
        Column(tell("Content"), "2fr"),
        Column("q (t)", NUMBER, "right"),
        Column("Q (t)", NUMBER, "right"),
        Column("q/Q", NUMBER, "right"),
        Column("β", "12mm", "right"),
        Column(tell("Steps"), "4fr"),
        Column(tell("Now (t)"), "22mm", "right"),
    )
    now = {tank["id"]: tank for tank in unit["tanks"]}
    rows = tuple(
        (
            f"{one['id']} {_label(one['name'], language)} {one['substance'] or one['cas']}",
            one["q_text"],
            _figure(one["threshold"]),
            one["ratio_text"],
            _figure(one["beta"]) + (f" ({tell('not checked against the original')})" if one["provisional"] else ""),
            "; ".join(_label(step, language) for step in (*one["steps"], *one["missing"])),
            _now(now.get(one["id"]), language),
        )
        for one in computed["contents"]
    )
    title = f"{unit['id']} {_label(unit['name'], language)}"
    persons, filing = computed["persons"], computed["filing"]
    named = ", ".join(
        f"{tell(words)} {persons[key] or tell('not told')}"
        for key, words in (
            ("principal", "Principal person"),
            ("technical", "Technical person"),
            ("operating", "Operating person"),
        )
    )
    filed = (
        tell("no filing is written in the plant folder")
        if filing is None
        else f"{filing['number']}, {filing['on'] or '–'}, {filing['authority'] or '–'}"
    )
    lines = (
        *(_label(step, language) for step in computed["steps"]),
        *(_label(step, language) for step in computed["missing"]),
        *(_label(step, language) for step in unit["differences"]),
        named,
        f"{tell('Filing number')}: {filed}",
    )
    yield Section(title, columns, rows, empty=tell("unit {unit} has no contents").format(unit=unit["id"]))
    yield Section(f"{unit['id']} · {tell('How it is computed')}", lines=lines)
    if computed["major"] is not False:
        yield _filing(unit, filing_list, language)
    yield _history(unit, language)


def _filing(unit: Mapping[str, Any], filing_list: Mapping[str, Any], language: Language) -> Section:
    """Which papers of the filing are told, item by item."""
    tell, filing = partial(translate, language=language), unit["computed"]["filing"] or {}
    given = filing.get("papers", {})
    columns = (Column(tell("Filing list"), "3fr"), Column(tell("Where it lies"), "2fr"))
    rows = tuple((_label(one["name"], language), given.get(one["id"]) or tell("not told")) for one in filing_list["papers"])
    unchecked = "" if filing_list["verified"] else f" ({tell('not checked against the original')})"
    return Section(
        f"{unit['id']} · {tell('Filing list')}", columns, rows, note=_label(filing_list["source"], language) + unchecked
    )


def _history(unit: Mapping[str, Any], language: Language) -> Section:
    tell = partial(translate, language=language)
    columns = (
        Column(tell("No."), "12mm", "right"),
        Column(tell("Level"), "1fr"),
        Column("S", NUMBER, "right"),
        Column("R", NUMBER, "right"),
        Column(tell("Occasion"), "2fr"),
        Column(tell("Assessed → due"), "48mm"),
        Column(tell("Signed by"), "2fr"),
        Column("SHA-256", "32mm"),
    )
    states = {"in_force": "in force", "waiting": "waits for the second person", "rejected": "rejected", "replaced": "replaced"}
    rows = tuple(
        (
            str(one["number"]),
            f"{level(one['content'], language)}, {tell(states[one['state']])}",
            one["content"]["s_text"],
            one["content"]["r_text"],
            f"{_label(one['occasion_name'], language)}: {one['basis']}",
            f"{one['assessed_on']} → {one['due']}",
            _signers(one, language),
            one["sha256"][:16] + ("" if one["unchanged"] else f" {tell('its hash differs')}"),
        )
        for one in unit["history"]
    )
    empty = tell("Nobody has signed an identification of this unit.")
    return Section(f"{unit['id']} · {tell('Signed identifications')}", columns, rows, empty=empty)


def _signers(one: Mapping[str, Any], language: Language) -> str:
    first, decision = _label(one["by"], language), one["decision"]
    if decision is None:
        return first
    words = "approved by" if decision["decision"] == "approve" else "rejected by"
    return f"{first}; {translate(words, language)} {_label(decision['by'], language)}"


def level(content: Mapping[str, Any], language: Language) -> str:
    """Of what was signed or is computed, in words."""
    tell = partial(translate, language=language)
    if content["major"] is None:
        return tell("not decided: not all is known")
    if not content["major"]:
        return tell("S < 1: no major hazard")
    found = (
        tell("level {level}").format(level=content["level"])
        if content["level"]
        else tell("level {level} or graver").format(level=content["level_at_least"])
    )
    return f"{found} ({tell('not checked against the original')})" if content["provisional"] else found


def _now(tank: Mapping[str, Any] | None, language: Language) -> str:
    if tank is None:
        return "–"
    if tank["mass_t"] is None:
        return translate("unknown", language)
    return f"{tank['mass_t']:.2f}" + (f" {translate('above the design maximum', language)}" if tank["above_design"] else "")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _label(pair: Mapping[str, str], language: Language) -> str:
    return (pair["zh"] or pair["en"]) if language == "zh" else (pair["en"] or pair["zh"])
