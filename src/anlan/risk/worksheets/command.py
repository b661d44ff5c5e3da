"""`anlan risk worksheet`: score a worksheet without a node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def register(risk: typer.Typer) -> None:
    risk.command("worksheet")(worksheet_command)


def worksheet_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A workbook (.xlsx) as the console exports it, or YAML.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    xlsx: Annotated[Path | None, typer.Option(metavar="FILE.xlsx", help="Write it as a workbook too.")] = None,
) -> None:
    """Score a worksheet: the product of each line, exactly, its colour and the rule that gave it. Exit 2 with every mistake by its cell.

    Example: anlan risk worksheet unloading.xlsx
    Example: anlan risk worksheet worksheets/unloading.yaml --json
    Example: anlan risk worksheet worksheets/unloading.yaml --xlsx unloading.xlsx
    """
    from anlan.model.errors import InputError
    from anlan.model.languages import shell_language
    from anlan.risk.worksheets.book import read_book, write_book
    from anlan.risk.worksheets.sheet import counted
    from anlan.risk.worksheets.yaml_form import read_yaml

    if file.suffix.lower() == ".xlsx":
        try:
            data = file.read_bytes()
        except OSError as failure:
            raise InputError("{file} cannot be read: {why}", file=file.name, why=failure.strerror or str(failure)) from failure
        sheet = read_book(data, file.name).must_be_sound()
    else:
        sheet = read_yaml(file)
    if xlsx is not None:
        xlsx.write_bytes(write_book(sheet))
    if as_json:
        _say_json(sheet, counted(sheet))
    else:
        _say(sheet, counted(sheet), shell_language())


def _say_json(sheet: Any, counts: dict[str, int]) -> None:
    import orjson

    from anlan.risk.worksheets.methods import method
    from anlan.risk.worksheets.service import lines_told, method_told

    head = {name: getattr(sheet, name) for name in ("form", "method", "title", "place", "team", "day")}
    told = {
        **head,
        "scale": method_told(method(sheet.method)),
        "counts": counts,
        "lines": lines_told(sheet),
        "sha256": sheet.digest,
    }
    typer.echo(orjson.dumps(told).decode())


def _say(sheet: Any, counts: dict[str, int], language: str) -> None:
    from anlan.model.languages import translate
    from anlan.risk.worksheets.forms import form
    from anlan.risk.worksheets.methods import COLOURS, method
    from anlan.risk.worksheets.sheet import assessed

    scoring = method(sheet.method)
    typer.echo(f"{sheet.title} · {form(sheet.form).name.text(language)}")
    doubt = f" · {translate('not verified against the original text', language)}" if scoring.unverified else ""
    typer.echo(f"{scoring.name.text(language)} · {scoring.clause.text(language)} · {scoring.source.text(language)}{doubt}")
    for number, one in enumerate(assessed(sheet), 1):
        words = one.line.cells.get("deviation") or next(
            (one.line.cells[c.name] for c in sheet.columns if one.line.cells.get(c.name)), ""
        )
        if one.score is None:
            said = translate("not assessed: {missing}", language).format(missing=", ".join(one.missing))
        else:
            said = f"{scoring.symbol} = {one.score.product}  {COLOURS[one.score.colour].text(language)}  ({one.score.rule})"
        typer.echo(f"{number:4}  {words.splitlines()[0][:40] if words else '—'}  {said}")
    told = [f"{words.text(language)} {counts[name]}" for name, words in COLOURS.items()]
    unassessed = translate("not assessed", language)
    typer.echo(" · ".join([*told, f"{unassessed} {counts['unassessed']}"]))
