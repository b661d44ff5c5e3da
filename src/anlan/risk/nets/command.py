"""`anlan risk net`: a Bayesian net asked from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def register(risk: typer.Typer) -> None:
    risk.command("net")(net_command)


def net_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A net in YAML, or a fault tree.")],
    evidence: Annotated[
        list[str] | None,
        typer.Option("--evidence", "-e", metavar="NODE=STATE", help="A finding; NODE=a:0.8,b:0.1 gives likelihoods instead."),
    ] = None,
    query: Annotated[list[str] | None, typer.Option("--query", help="The nodes that are told; default the net's own.")] = None,
    from_a_tree: Annotated[bool, typer.Option("--from-tree", help="The file is a fault tree, as .xml always is.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Which finding moved what.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, with all nodes.")] = False,
) -> None:
    """What evidence says about the nodes of a Bayesian net.

    Example: anlan risk net leak.yaml --evidence alarm=yes --explain
    Example: anlan risk net tree.xml --evidence top=yes --json
    """
    from anlan.model.languages import shell_language, translate
    from anlan.risk.nets.engine import METHOD, ask
    from anlan.risk.nets.explaining import explain as explained
    from anlan.risk.nets.explaining import findings_of, split_finding
    from anlan.risk.nets.from_trees import from_tree
    from anlan.risk.nets.yaml_form import read_net
    from anlan.risk.printing import print_json, print_limits
    from anlan.risk.trees.openpsa import read_tree

    net = from_tree(read_tree(file)) if from_a_tree or file.suffix.lower() == ".xml" else read_net(file)
    findings = findings_of(dict(split_finding(one) for one in evidence or ()))
    answer = ask(net, findings)
    asked = tuple(query or answer.net.query) or tuple(answer.net.nodes)[:50]
    told = [explained(net, findings, name) for name in asked] if explain and findings else []
    if as_json:
        found: dict[str, Any] = answer.as_json()
        if explain:
            found["explanations"] = [one.as_json() for one in told]
        print_json(found)
        return

    language = shell_language()

    def say(msgid: str, **facts: object) -> None:
        typer.echo(translate(msgid, language).format(**facts))

    say("{model}: {nodes} nodes; {method}, {seconds} s", model=net.name, nodes=len(answer.net.nodes), method=translate(METHOD, language).format(version=answer.version),
        seconds=f"{answer.seconds:.3f}")  # fmt: skip
    if findings:
        say("probability of the evidence  {value}", value=f"{answer.chance:.6g}")
    for name in asked:
        if name not in answer.posteriors:
            explained(net, findings, name)  # raises: there is no such node
        for state, value in answer.posteriors[name].items():
            prior = answer.priors[name][state]
            factor = f"  ×{value / prior:.3g}" if findings and prior else ""
            typer.echo(f"  {value:>12.6g}{factor}  {name} = {state}")
    for one in told:
        say("what moved {node} = {state} from {prior} to {posterior}:", node=one.node, state=one.state, prior=f"{one.prior:.6g}",
            posterior=f"{one.posterior:.6g}")  # fmt: skip
        for each in one.moved:
            share = "–" if each.share is None else f"{each.share:+.4g}"
            factor = "–" if each.factor is None else f"×{each.factor:.3g}"
            say("  {share}  {factor} against without it  {finding}", share=share, factor=factor, finding=each.words)
    print_limits(language, net.source, net.validity)
