"""`anlan risk …`: what computes about hazards, from the command line. Trees are here, the other parts bring their own commands."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

risk = typer.Typer(
    help="Hazard knowledge that computes: trees, nets, bow-ties, layers of protection, failure data, worksheets, major hazards.",
    no_args_is_help=True,
)


PARTS = ("failures", "lopa", "nets", "bowties", "worksheets", "studies")
"""Each has its own commands in `command.py`; those that read a whole plant folder are the plant's (`plant.hazards_command`)."""


def register(app: typer.Typer) -> None:
    for part in PARTS:
        import_module(f"anlan.risk.{part}.command").register(risk)
    app.add_typer(risk, name="risk")


@risk.command("tree")
def tree_command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Open-PSA XML or YAML; several files make one model, e.g. gates and events."),
    ],
    top: Annotated[str, typer.Option(help="The gate that is asked for; default the first that no other uses.")] = "",
    mission_time: Annotated[float, typer.Option(help="Hours that rates run for.", min=0)] = 8760.0,
    most_nodes: Annotated[int, typer.Option(help="Cap of one diagram; beyond it bounds are given.", min=1024)] = 1 << 23,
    prime_implicants: Annotated[
        bool, typer.Option("--prime-implicants", help="With absences too, for trees with negations.")
    ] = False,
    importance: Annotated[bool, typer.Option("--importance", help="How much each event matters.")] = False,
    samples: Annotated[int, typer.Option(help="Monte Carlo samples of uncertain parameters; 0: none.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Of the samples.")] = 1,
    over_time: Annotated[
        bool, typer.Option("--over-time", help="The average over the mission (PFDavg) and the worst hour.")
    ] = False,
    cut_sets: Annotated[int, typer.Option(help="List so many cut sets, the likeliest first.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Probability, minimal cut sets and what matters in a fault tree; the sequences of an event tree.

    Example: anlan risk tree pump.xml --importance
    Example: anlan risk tree tree.xml basic-events.xml --top r1 --cut-sets 10 --json
    """
    from itertools import islice

    from anlan.model.languages import shell_language
    from anlan.risk.trees.event_trees import sequences
    from anlan.risk.trees.importances import importance as important
    from anlan.risk.trees.openpsa import read_tree
    from anlan.risk.trees.report import Report
    from anlan.risk.trees.solving import Limits, solve
    from anlan.risk.trees.spread import over_time as through_time
    from anlan.risk.trees.spread import uncertainty

    tree = read_tree(*files, top=top, mission_time=mission_time)
    limits = Limits(most_nodes, prime_implicants=prime_implicants)
    report = Report(shell_language())
    if tree.event_trees and not top:
        results = sequences(tree, limits)
        if as_json:
            typer.echo(_dumps({"model": tree.name, "sequences": [_sequence(one) for one in results]}))
        else:
            report.sequences(results)
        return
    solution = solve(tree, top, limits)
    listed = list(islice(solution.sets.likeliest(), cut_sets)) if solution.sets is not None else []
    matters = important(solution) if importance else []
    spread = uncertainty(solution, samples, seed) if samples else None
    course = through_time(solution) if over_time else None
    if not as_json:
        report.solution(solution, listed, matters, spread, course)
        return
    found = solution.as_json()
    if cut_sets:
        found["cut_sets"] = [{"events": one.events, "probability": one.probability} for one in listed]
    if importance:
        found["importance"] = [{name: getattr(one, name) for name in one.__slots__} for one in matters]
    if spread is not None:
        found["uncertainty"] = {
            "samples": spread.samples,
            "seed": spread.seed,
            "mean": spread.mean,
            "sigma": spread.sigma,
            "quantiles": {str(q): value for q, value in spread.quantiles.items()},
            "error_factor": spread.error_factor,
        }
    if course is not None:
        found["over_time"] = {"average": course.average, "largest": course.largest, "at": course.at}
    typer.echo(_dumps(found))


@risk.command("validate")
def validate_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Laid out as aralia/xml, aralia/aralia_reference.csv, aralia/openpsa_extra.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a case, then a summary.")] = False,
) -> None:
    """Run every published case in a folder and compare. Exit 1 when one is not within its tolerance.

    Example: anlan risk validate models/ --json
    """
    from anlan.model.languages import shell_language
    from anlan.risk.trees.report import Report
    from anlan.risk.trees.validation import Summary, cases

    report = Report(shell_language())
    summary = Summary()
    for case in cases(folder):
        summary.add(case)
        if as_json:
            typer.echo(_dumps(case.as_json()))
        else:
            report.case(case)
    if as_json:
        typer.echo(_dumps({"summary": summary.as_json()}))
    else:
        report.summary(summary)
    raise typer.Exit(0 if summary.outside == 0 else 1)


def _sequence(one: Any) -> dict[str, Any]:
    return {
        "initiating_event": one.initiating_event or None,
        "event_tree": one.event_tree,
        "sequence": one.sequence,
        "probability": one.probability,
        "frequency_of_initiating_event": one.frequency,
        "mcs": one.mcs,
        "seconds": round(sum(part.seconds for part in one.parts), 4),
    }


def _dumps(value: object) -> str:
    import orjson

    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
