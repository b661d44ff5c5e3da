"""`anlan alarms kpi`: the alarm system's performance from a node's data folder, whether the node runs or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anlan.sense.commands import group

if TYPE_CHECKING:
    from anlan.model.languages import Language
    from anlan.monitor.performance import Window
    from anlan.web.context import PlantView


def register(app: typer.Typer) -> None:
    """Add `anlan alarms kpi`."""
    group(app, "alarms", "Alarms of a node, from its data folder.").command("kpi")(kpi_command)


def kpi_command(
    data: Annotated[Path, typer.Argument(help="The node's data folder.")],
    start: Annotated[str, typer.Option("--from", help="µs since 1970, or a time with its zone; together with --to.")] = "",
    end: Annotated[str, typer.Option("--to", help="… before which it ends.")] = "",
    window: Annotated[str, typer.Option(help="Without --from and --to: 10min, hour, shift, day, 7d or 30d up to now.")] = "30d",
    post: Annotated[str, typer.Option(help="Only this post.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object, as the API answers.")] = False,
) -> None:
    """Measures of EEMUA 191, ISA-18.2 and IEC 62682 for each post, beside their guide values. Reads alarms.db only; none is judged.

    Example: anlan alarms kpi var/hualan
    Example: anlan alarms kpi var/hualan --from 2026-11-01T00:00:00+08:00 --to 2026-12-01T00:00:00+08:00 --json
    """
    import orjson

    from anlan.model.languages import shell_language

    report = read_report(data, start, end, window, post)
    if as_json:
        typer.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(report, shell_language())


def read_report(data: Path, start: str = "", end: str = "", window: str = "30d", post: str = "") -> dict[str, Any]:
    """Raises NotFound, InputError, StoreError."""
    from anlan.model.errors import NotFound
    from anlan.monitor.journal import JournalReader
    from anlan.monitor.live_floods import LEAD
    from anlan.monitor.performance import facts_of, make_report, of_post

    plant = _plant(data)
    chosen = _window(start, end, window, plant)
    path = data / "alarms.db"
    if not path.is_file():
        raise NotFound("there is no node in {folder}: {file} does not exist", folder=str(data), file=str(path))
    reader = JournalReader.open(path)
    try:
        columns = reader.window(chosen.start - LEAD, chosen.end)
    finally:
        reader.close()
    report = make_report(columns, plant, facts_of(plant), chosen, everything=True)
    return of_post(report, post) if post else report


def _plant(data: Path) -> PlantView:
    from anlan.model.errors import NotFound
    from anlan.node.configuration import view_in_force
    from anlan.store.records import Records

    database = data / "records.db"
    if not database.is_file():
        raise NotFound("there is no node in {folder}: {file} does not exist", folder=str(data), file=str(database))
    records = Records.open(database)
    try:
        return view_in_force(records, numbered=True)
    finally:
        records.close()


def _window(start: str, end: str, name: str, plant: PlantView) -> Window:
    from anlan.model.clock import SystemClock
    from anlan.monitor.performance import window_of

    return window_of(start, end, name, SystemClock().now(), plant)


# --- printing --------------------------------------------------------------------------------------------------------------


def _print(report: Mapping[str, Any], language: Language) -> None:
    from rich.console import Console
    from rich.table import Table

    from anlan.model.languages import translate

    def say(words: str) -> str:
        return translate(words, language)

    columns: list[Mapping[str, Any]] = [*([report["whole"]] if report["whole"] else []), *report["posts"]]
    names = [_post_name(one, language) for one in columns]
    table = Table(
        "",
        *names,
        say("Guide values for one post"),
        title=f"{say('Alarm system performance')} {report['from_iso']} – {report['to_iso']}",
    )
    part = ""
    for measure in report["measures"]:
        if measure["part"][language] != part:
            part = measure["part"][language]
            table.add_section()
            table.add_row(f"[bold]{part}[/bold]")
        figures = [_figure(one["figures"].get(measure["id"]), measure["form"]) for one in columns]
        table.add_row(measure["name"][language], *figures, _guides(report["targets"], measure["id"], language))
    console = Console(width=None if Console().is_terminal else 160, highlight=False)
    console.print(table)
    if report["measured_from"] > report["from"]:
        console.print(say("recorded since {time}").format(time=report["measured_from_iso"]))
    notes = (say("not read in the standard's own text"), say("figures are measured; none is judged"))
    console.print(f"* {' · '.join(notes)}")
    for one, name in zip(columns, names, strict=True):
        if one["actors"]:
            most = ", ".join(f"{actor['id']} {actor['count']}" for actor in one["actors"])
            console.print(f"{say('Most frequent alarms')}, {name}: {most}", soft_wrap=True)


def _post_name(performance: Mapping[str, Any], language: Language) -> str:
    from anlan.model.languages import translate

    if performance["post"] is None:
        return translate("all posts", language)
    name = performance["post_name"]
    return (name[language] or name["zh"] or name["en"]) if name else performance["post"] or translate("no post", language)


def _figure(value: float | None, form: str) -> str:
    if value is None:
        return "—"
    if form == "seconds":
        return f"{value:.0f} s" if value < 600 else f"{value / 60:.1f} min" if value < 7200 else f"{value / 3600:.1f} h"
    return {"count": f"{value:.0f}", "number": f"{value:.2f}", "percent": f"{value:.1f} %"}[form]


def _guides(targets: Sequence[Mapping[str, Any]], measure: str, language: Language) -> str:
    """ "≈ 6 条/小时 ISA-18.2-2016* · …": the mark says that the standard itself was not read."""
    told = []
    for one in targets:
        if one["measure"] == measure and one["level"]["en"] != "definition":
            low = f"{one['low']:g}–" if one["low"] is not None else ""
            edition = f"-{one['edition']}" if one["edition"] else ""
            mark = "" if one["verified"] else "*"
            told.append(
                f"{one['comparison']} {low}{one['value']:g} {one['unit'][language]} {one['standard']}{edition}{mark}".replace(
                    "  ", " "
                )
            )
    return " · ".join(told)
