"""A net asked: posteriors under evidence, exact, by pyAgrum's lazy propagation in a junction tree.

    net = read_net("leak.yaml")
    answer = ask(net, {"alarm": "yes", "smell": {"yes": 0.8, "no": 0.2}})
    answer.posteriors["release"]["yes"], answer.priors["release"]["yes"], answer.chance

Hard evidence is a state. Soft evidence is a likelihood for each state: how probable the finding would be if that state were true; only their
ratios count. What has probability 0 is refused: pyAgrum would answer it with numbers that mean nothing.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from anlan.risk.nets.mistakes import NetQuestion
from anlan.risk.nets.model import Finding, Net
from anlan.risk.nets.tables import LINK, Elementary, elementary
from anlan.risk.nets.unrolling import unrolled

Evidence = Mapping[str, Finding]
MOST_CELLS = 1 << 24
"""Of all cliques together: 128 MiB of numbers. Beyond it a net is refused rather than left to fill the memory."""
METHOD = "exact: junction tree (pyAgrum {version})"


@dataclass(frozen=True, slots=True)
class Answer:
    """`posteriors`, `priors`: node → state → probability. `chance` of the evidence before it was known."""

    net: Net
    evidence: Evidence
    chance: float
    posteriors: Mapping[str, Mapping[str, float]]
    priors: Mapping[str, Mapping[str, float]]
    version: str
    """Of pyAgrum."""
    seconds: float

    @property
    def method(self) -> str:
        return METHOD.format(version=self.version)

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.net.name,
            "evidence": {name: finding if isinstance(finding, str) else dict(finding) for name, finding in self.evidence.items()},
            "chance_of_evidence": self.chance,
            "posteriors": {name: dict(each) for name, each in self.posteriors.items()},
            "priors": {name: dict(each) for name, each in self.priors.items()},
            "query": list(self.net.query),
            "method": self.method,
            "source": self.net.source or None,
            "validity": self.net.validity or None,
            "seconds": round(self.seconds, 4),
        }


def ask(net: Net, evidence: Evidence | None = None, about: Iterable[str] = ()) -> Answer:
    """What `evidence` says about the nodes `about` (default all). Raises NetQuestion."""
    began = time.perf_counter()
    return ask_engine(Engine(net), evidence, about, began)


def ask_engine(engine: Engine, evidence: Evidence | None = None, about: Iterable[str] = (), began: float | None = None) -> Answer:
    """The same of a net that is compiled already."""
    began = time.perf_counter() if began is None else began
    evidence = dict(evidence or {})
    names = tuple(about) or tuple(engine.net.nodes)
    priors = engine.posteriors({}, names)
    posteriors = engine.posteriors(evidence, names) if evidence else priors
    return Answer(engine.net, evidence, engine.chance, posteriors, priors, engine.version, time.perf_counter() - began)


@cache
def _pyagrum() -> Any:
    """Half a second, when the first net is asked. Its types lack what Python 3.12 will want; as an error that warning would end the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import pyagrum
    return pyagrum


class Engine:
    """A net compiled once and asked many times. `chance`: of the evidence last asked with."""

    def __init__(self, net: Net, most_cells: int | None = None) -> None:
        """Raises NetQuestion for a net whose junction tree needs more than `most_cells` numbers, MOST_CELLS unless told otherwise."""
        pyagrum = _pyagrum()
        self.net, self._most = unrolled(net), MOST_CELLS if most_cells is None else most_cells
        self.chance = 1.0
        self._impossible = pyagrum.IncompatibleEvidence
        self.version = str(pyagrum.__version__)
        self._net = compiled = pyagrum.BayesNet(self.net.name)
        parts: list[Elementary] = []
        cells = 0
        for part in elementary(self.net):
            cells += part.table.size
            if cells > self._most or len(parts) > self._most >> 7:
                raise self._entangled()
            parts.append(part)
        for part in parts:
            compiled.add(pyagrum.LabelizedVariable(part.name, part.name, list(part.states)))
        for part in parts:
            for parent in reversed(part.parents):  # pyAgrum's tables have the first parent fastest
                compiled.addArc(parent, part.name)
        for part in parts:
            compiled.cpt(part.name).fillWith(part.table.ravel().tolist())
        self._no_giant(pyagrum)
        self._inference = pyagrum.LazyPropagation(compiled)
        self._inference.setNumberOfThreads(1)

    def _no_giant(self, pyagrum: Any) -> None:
        tree = pyagrum.JunctionTreeGenerator().junctionTree(self._net)
        cells = 0
        for clique in tree.nodes():
            size = 1
            for node in tree.clique(clique):
                size *= self._net.variable(node).domainSize()
            cells += size
            if cells > self._most:
                raise self._entangled()

    def _entangled(self) -> NetQuestion:
        return NetQuestion("the nodes of {name} are too entangled for an exact answer: more than {most} numbers are needed",
                           name=self.net.name, most=self._most)  # fmt: skip

    def posteriors(self, evidence: Evidence, about: Iterable[str]) -> dict[str, dict[str, float]]:
        """Node → state → probability. Raises NetQuestion for what is unknown and for evidence of probability 0."""
        names = list(about)
        for name in names:
            self._states(name)
        likelihoods = {name: self.likelihood(name, finding) for name, finding in evidence.items()}
        self._inference.setTargets(set(names))  # what is not asked for need not be summed
        self.chance = self._chance(likelihoods)
        if not self.chance > 0:
            raise self._conflict(evidence, likelihoods)
        return {
            name: dict(zip(self._states(name), self._inference.posterior(name).tolist(), strict=True))
            for name in names
            if LINK not in name
        }

    def likelihood(self, name: str, finding: Finding) -> list[float]:
        """One number per state, not all 0. Raises NetQuestion."""
        states = self._states(name)
        given = {finding: 1.0} if isinstance(finding, str) else dict(finding)
        for state, value in given.items():
            if state not in states:
                raise NetQuestion("{name} has no state {found}; one of {states} was expected", name=name, found=state,
                                  states=", ".join(states))  # fmt: skip
            if not 0 <= value <= 1:
                raise NetQuestion("the likelihood of {name} = {state} is {found}; a number from 0 to 1 was expected", name=name,
                                  state=state, found=value)  # fmt: skip
        row = [float(given.get(state, 0.0)) for state in states]
        if not any(row):
            raise NetQuestion("the finding of {name} rules out each of its states", name=name)
        return row

    def _states(self, name: str) -> tuple[str, ...]:
        node = self.net.nodes.get(name)
        if node is None:
            steps = [each for each in self.net.nodes if each.startswith(name + "@")]
            if steps:
                raise NetQuestion("{name} stands once a step; {first} to {last} were expected", name=name, first=steps[0],
                                  last=steps[-1])  # fmt: skip
            raise NetQuestion("there is no node {name} in this net", name=name)
        return node.states

    def _chance(self, likelihoods: Mapping[str, list[float]]) -> float:
        # pyAgrum takes a finding that leaves one state as that state, whatever its likelihood: each is scaled to a largest of 1.
        scales = {name: max(row) for name, row in likelihoods.items()}
        self._inference.setEvidence({name: [value / scales[name] for value in row] for name, row in likelihoods.items()})
        try:
            self._inference.makeInference()
            return float(self._inference.evidenceProbability()) * math.prod(scales.values()) if likelihoods else 1.0
        except self._impossible:
            return 0.0

    def _conflict(self, evidence: Evidence, likelihoods: Mapping[str, list[float]]) -> NetQuestion:
        """Findings are left out one by one as long as the others still exclude each other: what remains are those that do."""
        kept = dict(likelihoods)
        for name in likelihoods:
            others = {each: row for each, row in kept.items() if each != name}
            if not self._chance(others) > 0:
                kept = others
        found = ", ".join(f"{name} = {told(evidence[name])}" for name in kept)
        if len(kept) == 1:
            return NetQuestion("the finding {findings} is impossible in this net: its probability is 0", findings=found)
        return NetQuestion(
            "the findings {findings} exclude each other in this net: together they have probability 0", findings=found
        )


def told(finding: Finding) -> str:
    """A finding in words of the net."""
    return finding if isinstance(finding, str) else " / ".join(f"{state}:{value:g}" for state, value in finding.items())
