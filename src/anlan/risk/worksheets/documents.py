"""A worksheet on paper: head, edition with its source, risk matrix, lines with the rule that coloured each, what they are linked to, signatures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anlan.model.languages import Language, translate
from anlan.model.words import Label
from anlan.monitor.paper.documents import Head
from anlan.monitor.paper.words import say
from anlan.risk.worksheets.forms import Column as CellColumn
from anlan.risk.worksheets.forms import form
from anlan.risk.worksheets.links import Linked
from anlan.risk.worksheets.methods import COLOURS, Method, method
from anlan.risk.worksheets.records import SheetSignature
from anlan.risk.worksheets.sheet import Assessed, Sheet, assessed, counted, links_of
from anlan.risk.worksheets.store import Kept
from anlan.web.paper.document import Column, Document, Section, Signature

STATES = {"draft": "draft", "reviewed": "reviewed", "signed": "is signed"}
KINDS = {"place": "place", "point": "point", "barrier": "barrier", "document": "document", "study": "study"}
_WIDTHS = {"text": "1.2fr", "words": "1.7fr", "choice": "1fr", "choices": "1fr", "number": "14mm", "factor": "9mm"}
LIMIT = (
    "A colour is what this edition's table gives for the factors that a team has chosen. It compares lines with each other; it is no proof that "
    "anything is in order, and no probability."
)


def document(head: Head, kept: Kept, author: Label, place: Label | None, links: Sequence[Linked]) -> Document:
    """`author` of the version, `place` as the plant calls it, `links` of all lines."""
    language, stamps, sheet, row = head.language, head.stamps, kept.sheet, kept.row
    scoring = method(sheet.method)
    where = place.text(language) if place is not None else sheet.place or translate("whole plant", language)
    version = f"{row.number} · {author.text(language)} · {stamps.second(row.at)} · {row.reason or '—'}"
    facts = [
        (say("Form", language), f"{form(sheet.form).name.text(language)} · {form(sheet.form).standard.text(language)}"),
        (
            say("Scored by", language),
            f"{scoring.name.text(language)} · {scoring.formula.replace('*', ' × ').replace('=', ' = ')}",
        ),
        (say("Bands", language), f"{scoring.clause.text(language)} · {scoring.source.text(language)}{_doubt(scoring, language)}"),
        (say("Place", language), where),
        (say("Team", language), sheet.team or "—"),
        (say("Date", language), sheet.day or "—"),
        (say("Version", language), version),
        (say("State", language), say(STATES[kept.state], language)),
        (say("Lines by colour", language), _counts(sheet, language)),
    ]
    return Document(
        kind="worksheet",
        title=sheet.title,
        site=head.site,
        language=language,
        facts=(*facts, *head.facts(state=False)),
        sections=tuple(_sections(sheet, scoring, links, language)),
        signatures=tuple(_signature(head, kept.signatures, step, words) for step, words in (("review", "reviewed by"), ("sign", "signed by"))),
        warnings=(*head.warnings, *_warnings(kept, language)),
        landscape=True,
    )  # fmt: skip


def _sections(sheet: Sheet, scoring: Method, links: Sequence[Linked], language: Language) -> Iterable[Section]:
    lines = assessed(sheet)
    if len(scoring.factors) == 2:
        yield _matrix(scoring, lines, language)
    yield _lines(sheet, lines, language)
    yield _scales(scoring, language)
    columns = (
        Column(say("Kind", language), "24mm"),
        Column(say("Linked to", language), "1fr"),
        Column(say("Name", language), "2fr"),
        Column(say("Lines", language), "30mm"),
        Column("", "40mm"),
    )
    states = {True: "", False: say("no longer in the plant", language), None: say("unknown", language)}
    rows = tuple(
        (say(KINDS[one.kind], language), one.id, one.name.text(language), _lines_of(one, sheet), states[one.found])
        for one in links
    )
    yield Section(say("Linked to", language), columns, rows, empty=say("No line is linked to anything yet.", language))
    yield Section(say("Range and limits", language), lines=(say(LIMIT, language),))


def _lines_of(link: Linked, sheet: Sheet) -> str:
    names = [one.name for one in sheet.columns if one.type == "links"]
    wanted = (link.kind, link.id)
    return ", ".join(
        str(n) for n, one in enumerate(sheet.lines, 1) if any(wanted in links_of(one.cells.get(name, "")) for name in names)
    )


def _matrix(scoring: Method, lines: Sequence[Assessed], language: Language) -> Section:
    """Every combination in its colour, with the numbers of the lines behind the product."""
    down, right = scoring.factors
    across = tuple(sorted(right.values, key=lambda one: float(one.value)))
    rows = []
    for up in sorted(down.values, key=lambda one: -float(one.value)):
        cells = [f"{down.name} = {up.value}"]
        for over in across:
            score = scoring.score({down.name: up.value, right.name: over.value})
            assert score is not None, "both factors are given"
            here = [str(n) for n, one in enumerate(lines, 1) if (one.line.cells.get(down.name), one.line.cells.get(right.name)) == (up.value, over.value)]  # fmt: skip
            told = COLOURS[score.colour].text(language)
            cells.append(f"{score.colour}|{score.product} {told}{' · #' + ', '.join(here) if here else ''}")
        rows.append(tuple(cells))
    columns = (Column("", "16mm"), *(Column(f"{right.name} = {one.value}", "1fr", area=True) for one in across))
    return Section(say("Risk matrix", language), columns, tuple(rows), note=say("# numbers of the lines", language))


def _lines(sheet: Sheet, lines: Sequence[Assessed], language: Language) -> Section:
    shown = [one for one in sheet.columns if one.type != "links"]
    columns = [Column("#", "7mm", "right"), *(_column(one, language) for one in shown)]
    rows = tuple((str(n), *(_cell(one, column, language) for column in shown)) for n, one in enumerate(lines, 1))
    return Section(say("Lines", language), tuple(columns), rows, empty=say("No line yet.", language))


def _column(column: CellColumn, language: Language) -> Column:
    if column.type == "factor":
        return Column(column.name, _WIDTHS["factor"], "center")
    if column.type == "computed":
        return Column(column.words.text(language), "26mm" if column.name == "colour" else "13mm", area=column.name == "colour")
    return Column(column.words.text(language), _WIDTHS[column.type])


def _cell(one: Assessed, column: CellColumn, language: Language) -> str:
    if column.type == "computed":
        if one.score is None:
            return say("not assessed", language) if column.name == "colour" else "—"
        return (
            one.score.product
            if column.name == "product"
            else f"{one.score.colour}|{COLOURS[one.score.colour].text(language)}\n{one.score.rule}"
        )
    text = one.line.cells.get(column.name, "")
    if column.type == "factor" or not column.choices or not text:
        return text
    known = {choice.id: f"{choice.id} " * choice.id.isdigit() + choice.words.text(language) for choice in column.choices}
    return "; ".join(known.get(id, id) for id in text.split("; "))


def _scales(scoring: Method, language: Language) -> Section:
    """What each number of a factor stands for, so that the paper can be read without the program."""
    columns = (Column("", "12mm"), Column(say("Value", language), "16mm", "right"), Column(say("Meaning", language), "1fr"))
    rows = tuple((factor.name, one.value, one.words.text(language)) for factor in scoring.factors for one in factor.values)
    return Section(say("Scales", language), columns, rows)


def _counts(sheet: Sheet, language: Language) -> str:
    counts = counted(sheet)
    told = [f"{words.text(language)} {counts[name]}" for name, words in COLOURS.items()]
    return " · ".join([*told, f"{say('not assessed', language)} {counts['unassessed']}"])


def _doubt(scoring: Method, language: Language) -> str:
    return f" · {say('not verified against the original text', language)}" if scoring.unverified else ""


def _signature(head: Head, signatures: Sequence[SheetSignature], step: str, words: str) -> Signature:
    found = next((one for one in signatures if one.step == step), None)
    role = say(words, head.language)
    if found is None:
        return Signature(role)
    return Signature(role, Label(zh=found.name_zh, en=found.name_en).text(head.language), head.stamps.second(found.at))


def _warnings(kept: Kept, language: Language) -> Iterable[str]:
    if kept.state == "draft":
        yield say("Draft: nobody has signed.", language)
    if not kept.unchanged:
        yield say("This version is no longer what was kept: its hash does not match.", language)
