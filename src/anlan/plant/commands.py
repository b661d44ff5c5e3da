"""Commands of the plant room: `anlan new plant`, `check`, `import`, `export`, `expression`. Exit 0 done, 2 mistakes in what was given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anlan.plant.config_command import register as config_commands
from anlan.plant.expression_command import expression_command
from anlan.sense.commands import group

if TYPE_CHECKING:
    from anlan.plant.description import Plant
    from anlan.plant.findings import Finding
    from anlan.plant.points_file import Imported

MISTAKES = 2
SHOWN_WARNINGS = 5
"""Warnings of one name beyond these are counted, unless --all."""

Replace = Annotated[bool, typer.Option("--replace", help="Overwrite what stands there.")]


def register(app: typer.Typer) -> None:
    """Add this room's commands."""
    group(app, "new", "Write something to begin with.").command("plant")(new_plant_command)
    app.command("init")(init_command)
    app.command("check")(check_command)
    app.command("import")(import_command)
    app.command("export")(export_command)
    app.command("expression")(expression_command)
    config_commands(app)


def new_plant_command(folder: Annotated[Path, typer.Argument(help="A folder that doesn't exist yet or is empty.")]) -> None:
    """Write a commented little plant into a new folder.

    Example: anlan new plant works
    """
    from anlan.plant.new import new_plant

    for file in new_plant(folder):
        typer.echo(str(file))
    typer.echo(_("Now change it, then: anlan check {folder}").format(folder=folder))


def init_command(
    folder: Annotated[Path, typer.Argument(help="A folder that doesn't exist yet or is empty.")],
    name: Annotated[str, typer.Option(help="What the plant is called; without it, as the folder.")] = "",
) -> None:
    """Write a plant folder with nothing in it yet: sources and points are then added at the console.

    Example: anlan init works --name 示例企业
    """
    from anlan.plant.new import empty_plant

    for file in empty_plant(folder, name):
        typer.echo(str(file))
    typer.echo(_("Now start it, and the console leads on: anlan up {folder}").format(folder=folder))


def check_command(
    folder: Annotated[Path, typer.Argument(help="The plant folder.")],
    data: Annotated[
        Path | None, typer.Option(help="A node's data folder: also tell what the change would mean for its readings.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every warning, however many are alike.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON list.")] = False,
) -> None:
    """Explain every mistake in a plant folder: file and line, what was found, what was expected, how to mend it. Exit 2 if there is one.

    Example: anlan check works
    Example: anlan check works --data var/works
    """
    from anlan.plant.folder import check

    checked = check(folder)
    findings = [*checked.findings, *(_of_history(checked.plant, data) if data is not None and checked.plant is not None else ())]
    if as_json:
        typer.echo(_as_json(findings))
    else:
        _print_findings(findings, everything)
        plant = checked.plant
        if plant is not None:
            points, alarms, sources = len(plant.points), len(plant.rules), len(plant.sources)
            facts = (
                _("{count} point" if points == 1 else "{count} points").format(count=points),
                _("{count} alarm" if alarms == 1 else "{count} alarms").format(count=alarms),
                _("{count} source" if sources == 1 else "{count} sources").format(count=sources),
            )
            typer.echo(f"{_(', ').join(facts)}: anlan up {folder}")
            _print_distribution(plant)
    if checked.plant is None:
        raise typer.Exit(MISTAKES)


def _of_history(plant: Plant, data: Path) -> Iterable[Finding]:
    """Warnings of what bringing the folder into force would mean for the readings that the node of `data` keeps. Raises NotFound, StoreError."""
    from anlan.model.errors import NotFound
    from anlan.plant.findings import Findings, Where
    from anlan.plant.history_effects import history_effects
    from anlan.plant.versions import version
    from anlan.store.records import Records

    if not (data / "records.db").exists():
        raise NotFound("there is no node in {folder}: {file} does not exist", folder=str(data), file=str(data / "records.db"))
    records = Records.open(data / "records.db")
    try:
        before = version(records)[1]
    finally:
        records.close()
    findings = Findings()
    for effect in history_effects(before, plant):
        findings.warning("history", effect.message, Where("points.csv"), **effect.facts)
    return findings


def import_command(
    what: Annotated[str, typer.Argument(help="A point list (.csv, .xlsx), or `opcua`.")],
    url: Annotated[str, typer.Argument(help="For opcua: the server, e.g. opc.tcp://192.168.10.30:4840.")] = "",
    into: Annotated[Path, typer.Option(help="The plant folder that gets points.csv.")] = Path(),
    place: Annotated[str, typer.Option(help="Place of the points that the list gives none.")] = "",
    source: Annotated[str, typer.Option(help="Source of the points that the list gives none.")] = "",
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook; without it, the one that looks most like a point list.")] = "",
    security: Annotated[str, typer.Option(help="For opcua: `none` to browse without certificates.")] = "",
    replace: Replace = False,
) -> None:
    """Make points.csv from a plant's own point list, or from what an OPC UA server offers. Tells what it could not read.

    Example: anlan import 点表.xlsx --into works --source plc --place U100
    Example: anlan import opcua opc.tcp://192.168.10.30:4840 --into works --source dcs --place U100
    """
    from anlan.plant.points_file import read_list, write_points

    if what == "opcua":
        from anlan.model.clock import SystemClock
        from anlan.plant.browse import read_server

        imported = read_server(url, SystemClock(), folder=into, place=place, source=source, security=security)
    else:
        imported = read_list(Path(what), place=place, source=source, sheet=sheet)
    target = write_points(imported, into, replace=replace)
    _print_import(imported, target)


def export_command(
    folder: Annotated[Path, typer.Argument(help="Where to write plant.yaml and points.csv.")],
    data: Annotated[Path, typer.Option(help="The node's data folder.")],
    number: Annotated[int | None, typer.Option("--version", help="Which version; without it, the current one.")] = None,
    replace: Replace = False,
) -> None:
    """Write the plant folder of a configuration version, with the studies in force, the worksheets and what was entered of failures.

    Example: anlan export works --data var/works
    """
    import sqlalchemy as sa

    from anlan.model.clock import SystemClock
    from anlan.model.errors import NotFound
    from anlan.plant.drawings.shelf import pictures_of
    from anlan.plant.failures import export_failures
    from anlan.plant.studies import export_studies
    from anlan.plant.versions import version
    from anlan.plant.worksheets import export_worksheets
    from anlan.plant.writing import export_folder
    from anlan.store.records import Records

    database = data / "records.db"
    if not database.is_file():
        raise NotFound("there is no node in {folder}: {file} does not exist", folder=str(data), file=str(database))
    records = Records.open(database)
    try:
        found, plant, _numbers = version(records, number)
        pictures = pictures_of(records, plant.drawings) if plant.drawings else {}
        files = export_folder(plant, folder, found, replace=replace, pictures=pictures)
        if sa.inspect(records.engine).has_table("risk_studies"):  # a node of an earlier release has none
            files += export_studies(records, folder, SystemClock(), replace=replace)
        if sa.inspect(records.engine).has_table("risk_sheet_versions"):
            files += export_worksheets(records, folder, SystemClock(), replace=replace)
        if sa.inspect(records.engine).has_table("risk_failure_events"):
            files += export_failures(records, folder, SystemClock())
    finally:
        records.close()
    for file in files:
        typer.echo(str(file))


# --- printing --------------------------------------------------------------------------------------------------------------


def _print_findings(findings: Iterable[Finding], everything: bool) -> None:
    shown: Counter[str] = Counter()
    counts: Counter[bool] = Counter()
    for finding in findings:
        counts[finding.fatal] += 1
        shown[finding.name] += 1
        if finding.fatal or everything or shown[finding.name] <= SHOWN_WARNINGS:
            word = _("mistake") if finding.fatal else _("warning")
            colour = typer.colors.RED if finding.fatal else typer.colors.YELLOW
            typer.echo(f"{finding.text(_language())}  {typer.style(f'[{word}: {finding.name}]', fg=colour)}")
        elif shown[finding.name] == SHOWN_WARNINGS + 1:
            typer.echo(_("… and more of {name}; --all shows them").format(name=finding.name))
    mistakes, warnings = counts[True], counts[False]
    facts = (
        _("{count} mistake" if mistakes == 1 else "{count} mistakes").format(count=mistakes),
        _("{count} warning" if warnings == 1 else "{count} warnings").format(count=warnings),
    )
    typer.echo(_(", ").join(facts))


def _print_distribution(plant: Plant) -> None:
    """Priorities as configured beside the target; the target is of alarms as they occur, so nothing is judged here."""
    from anlan.plant.compile import all_rules
    from anlan.plant.rationalisation_checks import distribution_line

    groups = distribution_line(rule.priority for rule in all_rules(plant) if rule.enabled)
    shown = [
        _("priority {priorities}: {count}, {share} (target about {target})").format(
            priorities="/".join(map(str, g["priorities"])),
            count=g["count"],
            share=f"{g['share']:.0%}",
            target=f"{g['target']:.0%}",
        )
        for g in groups
    ]
    typer.echo(" · ".join(shown) + _(" — targets of EEMUA 191, not verified against the original text"))


def _as_json(findings: Iterable[Finding]) -> str:
    import orjson

    rows = [
        {
            "name": f.name,
            "fatal": f.fatal,
            "file": f.error.file,
            "line": f.error.line,
            "text": {"en": f.text("en"), "zh": f.text("zh")},
            "facts": f.error.facts,
        }
        for f in findings
    ]
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode()


def _print_import(imported: Imported, target: Path) -> None:
    for line, message, facts in imported.notes:
        typer.echo(f"{imported.file}:{line}: {_(message).format(**facts)}")
    if renamed := imported.renamed():
        typer.echo(_("read as: {columns}").format(columns=", ".join(renamed)))
    if imported.unknown:
        typer.echo(_("columns that were not understood and are left out: {columns}").format(columns=", ".join(imported.unknown)))
    if imported.missing:
        typer.echo(_("still to be filled in: {columns}").format(columns=", ".join(imported.missing)))
    points = len(imported.rows)
    typer.echo(_("{count} point → {file}" if points == 1 else "{count} points → {file}").format(count=points, file=target))


def _(message: str) -> str:
    from anlan.model.languages import translate

    return translate(message, _language())


def _language() -> str:
    from anlan.model.languages import shell_language

    return shell_language()
