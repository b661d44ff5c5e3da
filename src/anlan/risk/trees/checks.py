"""What a whole tree must fulfil before anything is computed: no gate within itself, probabilities that are probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from anlan.risk.trees.expressions import Apply, Evaluation, Expression, Use
from anlan.risk.trees.mistakes import TreeMistake, TreeQuestion
from anlan.risk.trees.model import BasicEvent, CcfGroup, CcfModel, FaultTree, names_in
from anlan.risk.written import Place


def check(tree: FaultTree) -> None:
    """Raises TreeMistake at the first thing that is wrong."""
    try:
        _check(tree)
    except RecursionError:
        deepest = next(iter(tree.parameters.values())).place if tree.parameters else Place()
        raise TreeMistake("parameters that use each other are nested too deeply", deepest) from None


def _check(tree: FaultTree) -> None:
    no_circle({n: list(names_in(g.formula)) for n, g in tree.gates.items()}, lambda n: tree.gates[n].place)
    no_circle({n: list(parameters_in(p.value)) for n, p in tree.parameters.items()}, lambda n: tree.parameters[n].place)
    at = Evaluation({name: one.value for name, one in tree.parameters.items()}, tree.mission_time)
    with np.errstate(all="ignore"):
        for event in tree.events.values():
            if event.probability is not None:
                _fraction(at, event.probability, event.name, event.place)
        for group in tree.groups:
            _group(at, group)
        for one in tree.initiating_events.values():
            if one.frequency is not None and not float(at.column(one.frequency)[0]) >= 0:
                raise TreeMistake(
                    "the frequency of {name} is {found}; a number from 0 on was expected",
                    one.place,
                    name=one.name,
                    found=float(at.column(one.frequency)[0]),
                )


def no_circle(below: Mapping[str, list[str]], place: Callable[[str], Place]) -> None:
    """Depth first without recursion, for chains of any length."""
    open_: dict[str, int] = {}
    done: set[str] = set()
    for start in below:
        if start in done:
            continue
        way = [(start, iter(below[start]))]
        open_ = {start: 0}
        while way:
            name, rest = way[-1]
            following = next((n for n in rest if n in below and n not in done), None)
            if following is None:
                done.add(name)
                open_.pop(name)
                way.pop()
            elif following in open_:
                circle = [n for n, _ in way[open_[following] :]]
                raise TreeMistake(
                    "{name} depends on itself: {circle}",
                    place(following),
                    name=following,
                    circle=" → ".join([*circle, following]),
                )
            else:
                open_[following] = len(way)
                way.append((following, iter(below[following])))


def parameters_in(expression: Expression) -> Iterable[str]:
    waiting = [expression]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Use):
            yield one.name
        elif isinstance(one, Apply):
            waiting.extend(one.arguments)


def _fraction(at: Evaluation, expression: Expression, name: str, place: Place) -> float:
    value = float(at.column(expression)[0])
    if not 0 <= value <= 1:
        raise TreeMistake(
            "the probability of {name} is {found}; a number from 0 to 1 was expected",
            place,
            name=name,
            found=float(f"{value:.12g}"),
        )
    return value


def _group(at: Evaluation, group: CcfGroup) -> None:
    n = len(group.members)
    if n < 2 or len(set(group.members)) < n:
        raise TreeMistake("common-cause group {name} needs two different members or more", group.place, name=group.name)
    expected = {CcfModel.BETA: 1, CcfModel.MGL: n - 1}.get(group.model, n)
    if len(group.factors) != expected:
        raise TreeMistake(
            "common-cause group {name} has {found} factors; {expected} were expected",
            group.place,
            name=group.name,
            found=len(group.factors),
            expected=expected,
        )
    _fraction(at, group.distribution, group.name, group.place)
    values = [_fraction(at, factor, group.name, group.place) for factor in group.factors]
    if group.model in (CcfModel.ALPHA, CcfModel.PHI) and not abs(sum(values) - 1) < 1e-6:
        raise TreeMistake(
            "the factors of common-cause group {name} add up to {found}; 1 was expected",
            group.place,
            name=group.name,
            found=float(f"{sum(values):.12g}"),
        )


def tops_of(tree: FaultTree, top: str) -> FaultTree:
    """With `tops`: the gates that no other uses; `top`: the one that is asked for, else the only or first of them. Raises TreeQuestion."""
    used = {name for gate in tree.gates.values() for name in names_in(gate.formula)}
    tops = tuple(name for name in tree.gates if name not in used)
    if top and top not in tree.gates:
        alike = [name for name in tree.gates if name.casefold() == top.casefold() or name.endswith("." + top)]
        if len(alike) != 1:
            raise TreeQuestion(
                "there is no gate {name} in this model; its top gates are {tops}", name=top, tops=", ".join(tops[:20]) or "–"
            )
        top = alike[0]
    return replace(tree, top=top or (tops[0] if tops else ""), tops=tops)


def undefined(events: Iterable[BasicEvent]) -> list[str]:
    """Names of events whose probability is not given."""
    return [event.name for event in events if event.probability is None]
