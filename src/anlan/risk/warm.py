"""Compile the walks over diagrams once per installation: `python -m anlan.risk.warm`, so that no first question waits for it."""

from __future__ import annotations

from anlan.risk.trees.circuit import circuit_of
from anlan.risk.trees.expressions import Number
from anlan.risk.trees.importances import importance
from anlan.risk.trees.model import BasicEvent, Connective, FaultTree, Formula, Gate, Logic, Named
from anlan.risk.trees.solving import Limits, chances, cut_sets_of, solve
from anlan.risk.trees.truncated import truncated


def warm_up() -> None:
    """Every entrance once. A second with what was compiled before, tens without."""
    a, b, c = (Named(name) for name in "abc")
    vote: Logic = Formula(Connective.ATLEAST, (a, b, c), 2)
    events = {name: BasicEvent(name, Number(0.1)) for name in "abc"}
    gates = {"vote": Gate("vote", vote), "odd": Gate("odd", Formula(Connective.XOR, (a, Formula(Connective.AND, (b, c)))))}
    tree = FaultTree("warm", gates, events, "vote")
    solution = solve(tree)
    importance(solution)
    assert solution.sets is not None
    next(solution.sets.likeliest())
    solve(tree, "odd", Limits(prime_implicants=True))
    circuit = circuit_of(tree, (Named("vote"),))
    p = chances(tree)
    cut_sets_of(circuit, truncated(circuit, circuit.roots[0], [p[e] for e in circuit.events], highest=2).family, p, False)


if __name__ == "__main__":
    warm_up()
