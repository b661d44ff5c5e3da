"""`anlan risk studies`: the studies of a plant folder computed without a node, as written and as if some facts were so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from anlan.risk.studies.plant_figures import PlantFigures

MISTAKES = 2


def register(risk: typer.Typer) -> None:
    risk.command("studies")(studies_command)


def studies_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The plant folder; its studies are in DIR/studies.")],
    only: Annotated[list[str] | None, typer.Option("--only", help="The id of a study; repeated. Without it, all.")] = None,
    facts: Annotated[
        list[str] | None,
        typer.Option(
            "--if", help="A fact that is so, as a study names it: “bypass SIF-07”, “point PI-101 > 1.2”. Others are not so."
        ),
    ] = None,
    unknown: Annotated[list[str] | None, typer.Option("--unknown", help="A fact that is not known.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a study.")] = False,
) -> None:
    """What each study of a plant folder says, what it would say if some facts were so, and with the failure data that the folder's own
    failures.csv makes of the published. Exit 2 for a mistake, named by file and line.

    Example: anlan risk studies works --if "bypass SIF-07"
    """
    import orjson

    from anlan.model.clock import SystemClock
    from anlan.model.errors import InputError, NotFound
    from anlan.model.languages import shell_language
    from anlan.risk.failures.folder import happenings_of
    from anlan.risk.failures.history import updates
    from anlan.risk.failures.library import library
    from anlan.risk.studies.facts import Fact
    from anlan.risk.studies.folder import read_folder
    from anlan.risk.studies.kinds import kind
    from anlan.risk.studies.plant_figures import of_plant, summary
    from anlan.risk.studies.telling import outcome_row
    from anlan.risk.wording import say

    true, dark = set(facts or ()), set(unknown or ())
    found = read_folder(folder)
    if not found.studies and not found.mistakes:
        raise InputError("{folder} holds no study; files studies/*.yaml were expected", folder=str(folder))
    missing = [id for id in only or () if id not in found.studies]
    if missing and not found.mistakes:
        raise NotFound("there is no study {name}", name=", ".join(missing))
    language = shell_language()
    for mistake in found.mistakes:
        typer.echo(mistake.text(language), err=True)
    asked: set[str] = set()
    rows: list[tuple[str, str, Any, Any, PlantFigures]] = []
    updated = updates(library(), happenings_of(folder), SystemClock().now())
    for id, (draft, written) in found.studies.items():
        if only and id not in only:
            continue
        of = kind(draft.kind)
        model = of.read(draft)
        state = {
            one.binding: True if str(one.binding) in true else None if str(one.binding) in dark else False
            for one in of.bindings(model)
        }
        asked |= {str(binding) for binding in state}
        told = {one: Fact(value, 0, say("as if"), value) for one, value in state.items()}
        base = of.outcome(of.solve(model, None))
        own = of_plant(of, base, written, draft.library, updated)
        rows.append((id, draft.kind, base, of.outcome(of.solve(model, told)) if true or dark else None, own))
    strange = [one for one in sorted(true | dark) if one not in asked]
    for id, of_kind, base, now, own in rows:
        if as_json:
            row = {
                "study": id,
                "kind": of_kind,
                "baseline": outcome_row(base),
                "as_if": outcome_row(now) if now is not None else None,
                "plant_figures": own.as_json(),
            }
            typer.echo(orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY).decode())
        else:
            typer.echo(_line(id, of_kind, base, now))
            if any(each.moved for each in own.rested):
                typer.echo(f"{'':<28} {summary(own).text(language)}")
    if strange:
        message = say(
            "no study asks for {names}; they ask for {known}", names=", ".join(strange), known=", ".join(sorted(asked)) or "—"
        )
        typer.echo(message.text(language), err=True)
    raise typer.Exit(MISTAKES if found.mistakes or strange else 0)


def _line(id: str, kind: str, base: Any, now: Any) -> str:
    def number(value: float | None) -> str:
        return "—" if value is None else f"{value:.4g}"

    told = f"{id:<28} {kind:<12} {number(base.baseline if base.value is None else base.value):>10} {base.unit}".rstrip()
    if now is None:
        return told
    return f"{told}  → {number(now.value):>10}  ×{number(now.factor)}"
