"""`anlan risk bowtie`: the frequencies of a bow-tie from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def register(risk: typer.Typer) -> None:
    risk.command("bowtie")(bowtie_command)


def bowtie_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A bow-tie in YAML; a fault tree that it names lies beside it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """How often the top event and each consequence of a bow-tie are expected a year, and by which threats.

    Example: anlan risk bowtie chlorine-release.yaml
    Example: anlan risk bowtie chlorine-release.yaml --json
    """
    from anlan.model.languages import shell_language, translate
    from anlan.risk.bowties.solving import METHOD, TOP, Prepared
    from anlan.risk.bowties.yaml_form import read_bow_tie
    from anlan.risk.printing import print_json, print_limits

    model = Prepared(read_bow_tie(file))
    tie, answer = model.bow_tie, model.solve()
    if as_json:
        print_json(as_object(model))
        return
    language = shell_language()

    def say(msgid: str, **facts: object) -> None:
        typer.echo(translate(msgid, language).format(**facts))

    say("{model}: {threats} threats, {barriers} barriers, {consequences} consequences; a year", model=tie.name,
        threats=len(tie.threats), barriers=len(tie.barriers), consequences=len(tie.consequences))  # fmt: skip
    if answer.now is None:
        say("the exact diagram does not fit: nothing was computed")
        raise typer.Exit(1)
    say("{frequency}  top event: {name}", frequency=f"{answer.now[TOP]:>12.6g}", name=tie.top_event.text(language))
    for name, threat in tie.threats.items():
        typer.echo(f"  {answer.paths[(name, TOP)]:>12.6g}  ← {threat.label.text(language) or name}")
    for name, end in tie.consequences.items():
        say("{frequency}  consequence of severity {severity}: {name}", frequency=f"{answer.now[name]:>12.6g}", severity=end.severity,
            name=end.label.text(language) or name)  # fmt: skip
        for threat_name, threat in tie.threats.items():
            typer.echo(f"  {answer.paths[(threat_name, name)]:>12.6g}  ← {threat.label.text(language) or threat_name}")
    say("method               {method}, {seconds} s", method=translate(METHOD, language), seconds=f"{answer.seconds:.3f}")
    print_limits(language, tie.source, tie.validity)


def as_object(model: Any) -> dict[str, Any]:
    """The baseline as JSON. Frequencies a year; null where nothing was computed."""
    from anlan.risk.bowties.solving import METHOD, TOP

    tie, answer = model.bow_tie, model.solve()
    now = answer.now or {}
    return {
        "model": tie.name,
        "top_event": now.get(TOP),
        "consequences": {name: {"severity": end.severity, "frequency": now.get(name)} for name, end in tie.consequences.items()},
        "paths": [
            {"threat": threat, "consequence": end or None, "frequency": value} for (threat, end), value in answer.paths.items()
        ],
        "unit": "/a",
        "method": METHOD,
        "source": tie.source or None,
        "validity": tie.validity or None,
        "seconds": round(answer.seconds, 4),
    }
