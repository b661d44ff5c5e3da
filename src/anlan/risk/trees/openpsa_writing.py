"""A tree back into Open-PSA XML. What is read again from it is the same model; all its names are full names."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from anlan.risk.trees.expressions import Apply, Expression, MissionTime, Number, Use
from anlan.risk.trees.model import (
    Branch,
    CcfGroup,
    CcfModel,
    CollectExpression,
    CollectFormula,
    Connective,
    Constant,
    EventTree,
    FaultTree,
    Formula,
    Instruction,
    Logic,
)

Lines = Iterator[str]


def write_openpsa(tree: FaultTree) -> str:
    """The whole model as one file. Mission time and the chosen top stand in attributes of <opsa-mef>, which other readers pass over."""
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *_model(tree), ""])


def _model(tree: FaultTree) -> Lines:
    top = f" top={quoteattr(tree.top)}" if tree.top else ""
    yield f'<opsa-mef mission-time="{tree.mission_time!r}"{top}>'
    for name, one in tree.initiating_events.items():
        where = f" event-tree={quoteattr(one.event_tree)}" if one.event_tree else ""
        inner = list(_expression(one.frequency)) if one.frequency is not None else []
        yield from _element("define-initiating-event", f"name={quoteattr(name)}{where}", inner)
    for event_tree in tree.event_trees.values():
        yield from _event_tree(tree, event_tree)
    yield f"<define-fault-tree name={quoteattr(tree.name or 'tree')}>"
    for gate in tree.gates.values():
        yield from _defined("define-gate", gate.name, gate.label, _formula(tree, gate.formula))
    for group in tree.groups:
        yield from _group(group)
    yield "</define-fault-tree>"
    yield "<model-data>"
    for parameter in tree.parameters.values():
        yield from _defined("define-parameter", parameter.name, parameter.label, _expression(parameter.value), parameter.unit)
    for event in tree.events.values():
        body = _expression(event.probability) if event.probability is not None else iter(())
        yield from _defined("define-basic-event", event.name, event.label, body)
    for house in tree.houses.values():
        yield from _defined("define-house-event", house.name, house.label, iter([_constant(house.state)]))
    yield "</model-data>"
    yield "</opsa-mef>"


def _element(tag: str, attributes: str, inner: list[str]) -> Lines:
    start = f"<{tag} {attributes}" if attributes else f"<{tag}"
    if not inner:
        yield f"{start}/>"
        return
    yield f"{start}>"
    yield from inner
    yield f"</{tag}>"


def _defined(tag: str, name: str, label: str, body: Lines, unit: str = "") -> Lines:
    from xml.sax.saxutils import escape

    inner = [f"<label>{escape(label)}</label>"] if label else []
    yield from _element(tag, f"name={quoteattr(name)}" + (f" unit={quoteattr(unit)}" if unit else ""), [*inner, *body])


def _constant(value: bool) -> str:
    return f'<constant value="{"true" if value else "false"}"/>'


def _formula(tree: FaultTree, formula: Logic) -> Lines:
    match formula:
        case Constant(value):
            yield _constant(value)
        case Formula(connective, arguments, least):
            attributes = f'min="{least}"' if connective is Connective.ATLEAST else ""
            yield from _element(connective, attributes, [line for one in arguments for line in _formula(tree, one)])
        case _:
            kind = "gate" if formula.name in tree.gates else "house-event" if formula.name in tree.houses else "basic-event"
            yield f"<{kind} name={quoteattr(formula.name)}/>"


def _expression(expression: Expression) -> Lines:
    match expression:
        case Number(value):
            yield f'<float value="{value!r}"/>'
        case Use(name):
            yield f"<parameter name={quoteattr(name)}/>"
        case MissionTime():
            yield "<system-mission-time/>"
        case Apply(function, arguments):
            yield from _element(function, "", [line for one in arguments for line in _expression(one)])


def _group(group: CcfGroup) -> Lines:
    yield f'<define-CCF-group name={quoteattr(group.name)} model="{group.model}">'
    yield from _element("members", "", [f"<basic-event name={quoteattr(one)}/>" for one in group.members])
    yield from _element("distribution", "", list(_expression(group.distribution)))
    first = 1 if group.model in (CcfModel.ALPHA, CcfModel.PHI) else 2
    yield "<factors>"
    for n, factor in enumerate(group.factors):
        level = len(group.members) if group.model is CcfModel.BETA else n + first
        yield from _element("factor", f'level="{level}"', list(_expression(factor)))
    yield "</factors>"
    yield "</define-CCF-group>"


def _event_tree(tree: FaultTree, one: EventTree) -> Lines:
    yield f"<define-event-tree name={quoteattr(one.name)}>"
    for name in one.functional_events:
        yield f"<define-functional-event name={quoteattr(name)}/>"
    for sequence in one.sequences.values():
        link = [f"<event-tree name={quoteattr(sequence.linked)}/>"] if sequence.linked else []
        inner = [*_instructions(tree, sequence.instructions), *link]
        yield from _defined("define-sequence", sequence.name, sequence.label, iter(inner))
    for name, branch in one.branches.items():
        yield from _element("define-branch", f"name={quoteattr(name)}", list(_branch(tree, branch)))
    yield from _element("initial-state", "", list(_branch(tree, one.initial)))
    yield "</define-event-tree>"


def _branch(tree: FaultTree, branch: Branch) -> Lines:
    yield from _instructions(tree, branch.instructions)
    if branch.fork is not None:
        yield f"<fork functional-event={quoteattr(branch.fork.functional_event)}>"
        for path in branch.fork.paths:
            yield from _element("path", f"state={quoteattr(path.state)}", list(_branch(tree, path.branch)))
        yield "</fork>"
    elif branch.branch:
        yield f"<branch name={quoteattr(branch.branch)}/>"
    else:
        yield f"<sequence name={quoteattr(branch.sequence)}/>"


def _instructions(tree: FaultTree, instructions: tuple[Instruction, ...]) -> Lines:
    for one in instructions:
        match one:
            case CollectFormula(formula):
                yield from _element("collect-formula", "", list(_formula(tree, formula)))
            case CollectExpression(expression):
                yield from _element("collect-expression", "", list(_expression(expression)))
            case _:
                yield from _element("set-house-event", f"name={quoteattr(one.name)}", [_constant(one.state)])
