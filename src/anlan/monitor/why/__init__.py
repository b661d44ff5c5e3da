"""Why does this alarm stand, or why doesn't it, at any time: every gate between the reading and the operator, and the first that was closed.

In: the rule, what a node remembers of its points (readings, links, what people did to them) from some time before, the journal of the alarm.
Out: an `Explanation`, data and a sentence in both languages. The past is replayed through the engine itself, so that what is told is what the
engine did and not a second account of it; what people did to the alarm (acknowledge, shelve …) is told by the journal. Pure.

    rule → in service → not suppressed → not shelved → source in view → a reading → fresh → in use → usable → limit → delay → announced

`asked` is the question and the form of the answer, `case` the alarm as journal and replay have it, `modes` what people did to its points,
`gates` the way from the reading to the operator, `sentence` what a shift leader would answer, `trace` the picture, `words` how figures and
times are written.
"""

from __future__ import annotations

from anlan.monitor.config import SUFFIX
from anlan.monitor.why.asked import Asked, Explanation, Gate
from anlan.monitor.why.case import Case
from anlan.monitor.why.gates import Gates
from anlan.monitor.why.modes import Modes
from anlan.monitor.why.sentence import Sentence, what_was_cut
from anlan.monitor.why.trace import Evidence
from anlan.monitor.why.words import Words

__all__ = ["Asked", "Explanation", "Gate", "explain"]


def explain(asked: Asked) -> Explanation:
    """Never raises for what the past may hold; what is not known is said to be unknown."""
    case, words = Case(asked), Words(asked)
    modes = Modes(case, words)
    evidence, gates = Evidence(case, modes), Gates(case, modes, words).passed()
    found = Explanation(
        alarm=case.rule.id,
        point=case.rule.point,
        at=asked.at,
        start=asked.start,
        state=case.state.name,
        condition=case.condition,
        episode=case.episode,
        closed=next((gate.gate for gate in gates if gate.open is False), None),
        sentence={},
        gates=gates,
        kind=SUFFIX[case.rule.kind],
        limit=case.limit,
        clear=case.clear,
        on_delay=case.delay_of("on_delay"),
        off_delay=case.delay_of("off_delay"),
        **case.value(),
        view=case.view(),
        modes=modes.as_json(),
        delay=case.delay(),
        closest=evidence.closest,
        longest=evidence.longest,
        decided=case.decided(),
        trace=evidence.trace,
        decimals=asked.point.decimals if asked.point is not None else 0,
        unit=words.unit(),
        version=asked.config.version,
        cut=what_was_cut(asked, words),
    )
    found.sentence = Sentence(case, modes, evidence, words, found).said()
    return found
