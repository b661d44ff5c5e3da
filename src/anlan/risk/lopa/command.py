"""`anlan risk pfd` and `anlan risk lopa`: figures of safety functions and of layers of protection from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def register(risk: typer.Typer) -> None:
    risk.command("pfd")(pfd_command)
    risk.command("lopa")(lopa_command)


def pfd_command(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A whole safety function in YAML; else one group by options.")
    ] = None,
    architecture: Annotated[str, typer.Option(help="koon as 2oo3, or 1oo2D.")] = "1oo1",
    lambda_du: Annotated[float | None, typer.Option(help="Dangerous undetected failures per hour and channel.")] = None,
    lambda_dd: Annotated[float, typer.Option(help="Dangerous detected failures per hour and channel.")] = 0.0,
    lambda_sd: Annotated[float, typer.Option(help="Safe detected failures per hour and channel (1oo2D).")] = 0.0,
    beta: Annotated[float, typer.Option(help="Share of undetected failures that hit every channel.")] = 0.0,
    beta_d: Annotated[float, typer.Option(help="Share of detected failures that hit every channel.")] = 0.0,
    proof_test: Annotated[float, typer.Option(help="Hours between proof tests.")] = 8760.0,
    coverage: Annotated[float | None, typer.Option(help="Share of undetected failures that a proof test finds.")] = None,
    full_test: Annotated[float | None, typer.Option(help="Hours until the rest is found, with --coverage.")] = None,
    mttr: Annotated[float | None, typer.Option(help="Hours until a detected failure is restored.")] = None,
    mrt: Annotated[float | None, typer.Option(help="Hours to repair what a test has found; default as --mttr.")] = None,
    comparison: Annotated[float | None, typer.Option(help="K of 1oo2D; without it the form of the edition of 2000.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """PFDavg and PFH of a voted group, or of a whole safety function: the band of the figure, never a SIL.

    Example: anlan risk pfd --architecture 2oo3 --lambda-du 3e-7 --beta 0.05 --mttr 8
    Example: anlan risk pfd sif-07.yaml --json
    """
    from anlan.model.languages import shell_language
    from anlan.model.words import Label
    from anlan.risk.lopa.functions import Part, SafetyFunction, read_function
    from anlan.risk.lopa.pfd import Channel, SafetyFunctionQuestion, solve_group

    if file is not None:
        function = read_function(file)
    elif lambda_du is None:
        raise SafetyFunctionQuestion("a FILE or {option} was expected", option="--lambda-du")
    else:
        channel = Channel(
            lambda_du=lambda_du, lambda_dd=lambda_dd, lambda_sd=lambda_sd, beta=beta, beta_d=beta_d, proof_test=proof_test,
            coverage=coverage, full_test=full_test, mttr=mttr, mrt=mrt, comparison=comparison,
        )  # fmt: skip
        group = solve_group(architecture, channel)
        function = SafetyFunction(architecture, Label(en=architecture), (Part("", architecture, group, ""),), None)
    language = shell_language()
    if as_json:
        typer.echo(_dumps(function.as_json(language)))
    else:
        _print_function(function, language)


def lopa_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An analysis in YAML, with the header of a study or without.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Layers of protection: from each cause down to the consequence, which layers are credited and why others are not.

    Example: anlan risk lopa studies/r101-overpressure.yaml
    """
    from anlan.model.languages import shell_language
    from anlan.risk.lopa.answers import solve_analysis
    from anlan.risk.lopa.kind import Lopa
    from anlan.risk.lopa.reading import read_analysis

    answer = solve_analysis(read_analysis(file))
    if as_json:
        typer.echo(_dumps(Lopa().figure(answer)))
    else:
        _print_answer(answer, shell_language())


def _print_answer(answer: Any, language: str) -> None:
    from anlan.risk.lopa.analysis import MODEL
    from anlan.risk.lopa.figures import short

    for path in answer.paths:
        for step in path.steps:
            why = "" if step.credit is None or step.credit.why is None else f"  {step.credit.why.text(language)}"
            factor = "" if step.what == "cause" else f"× {short(step.factor)}"
            typer.echo(f"{short(step.frequency):>11} /a  {factor:<9} {step.name.text(language)}{why}")
        typer.echo("")
    for remark in answer.remarks():
        typer.echo(f"- {remark.text(language)}")
    typer.echo(MODEL.text(language))


def _print_function(function: Any, language: str) -> None:
    from anlan.model.languages import translate
    from anlan.risk.lopa.figures import short
    from anlan.risk.lopa.pfd import MODEL

    def say(msgid: str, **facts: object) -> None:
        typer.echo(translate(msgid, language).format(**facts))

    title = function.name.text(language)
    typer.echo(title if title == function.sif else f"{function.sif}  {title}")
    say("PFDavg  {value}", value=short(function.pfd))
    say("PFH     {value} per hour", value=short(function.pfh))
    for part in function.parts:
        say(
            "  {name} ({architecture}): PFDavg {pfd}, {share} % of it; common cause {common}; tCE {tce} h, tGE {tge} h",
            name=part.name, architecture=part.group.architecture, pfd=short(part.group.pfd), share=f"{100 * function.share(part):.0f}",
            common=short(part.group.common_cause), tce=short(part.group.tce), tge=short(part.group.tge),
        )  # fmt: skip
    for remark in function.remarks():
        typer.echo(f"- {remark.text(language)}")
    say("model: {model}", model=MODEL.text(language))


def _dumps(value: object) -> str:
    import orjson

    return orjson.dumps(value).decode()
