"""`anlan expression`: whether a text is understood for a plant, and as what. Exit 0 understood, 2 a mistake, shown with a caret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from anlan.model.points import Point
    from anlan.monitor.expressions import Expression


def expression_command(
    text: Annotated[str, typer.Argument(help="The expression, in quotes.")],
    plant: Annotated[Path, typer.Option(metavar="DIR", help="The plant folder whose points it names.")],
    unit: Annotated[str, typer.Option(help="The unit its value is wanted in, for example Cel/min.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Check an expression against a plant: a number or a condition, its unit, the points it reads; or the mistake at its character.

    Example: anlan expression "rate(TI-101 over 5 min) > 3 Cel/min" --plant works
    """
    from anlan.monitor.expressions import parse
    from anlan.plant.calculated import facts_of
    from anlan.plant.compile import all_points
    from anlan.plant.folder import load

    points = {point.id: point for point in all_points(load(plant))}
    expression = parse(text, facts_of(points.values(), {}), lambda: points, unit=unit)
    if as_json:
        import orjson

        typer.echo(orjson.dumps(_facts(expression, points), option=orjson.OPT_INDENT_2).decode())
        return
    typer.echo(_result(expression))
    width = max(map(len, expression.points))
    for name in expression.points:
        point = points[name]
        typer.echo(f"  {name:<{width}}  {point.name.text(_language())}  {point.unit}".rstrip())


def _result(expression: Expression) -> str:
    if expression.kind == "truth":
        return _("a condition; it reads:")
    if expression.unit in ("", "1"):
        return _("a number without unit; it reads:")
    return _("a number in {unit}; it reads:").format(unit=expression.unit)


def _facts(expression: Expression, points: dict[str, Point]) -> dict[str, Any]:
    return {
        "kind": expression.kind,
        "unit": expression.unit,
        "difference": expression.difference,
        "points": [{"id": name, "unit": points[name].unit} for name in expression.points],
        "timed": expression.program.timed,
        "instructions": [{"op": step.op.name, "a": step.a, "x": step.x} for step in expression.program.code],
    }


def _(message: str) -> str:
    from anlan.model.languages import translate

    return translate(message, _language())


def _language() -> str:
    from anlan.model.languages import shell_language

    return shell_language()
