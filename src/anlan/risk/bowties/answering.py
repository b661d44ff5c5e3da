"""`{barrier: study/barrier}` in other studies: lost when a bow-tie's barrier has failed by what the plant tells."""

from __future__ import annotations

from anlan.model.clock import Micros
from anlan.model.words import Label
from anlan.risk.bowties.health import Health, health_of
from anlan.risk.bowties.kind import HEALTH
from anlan.risk.bowties.solving import Prepared
from anlan.risk.studies.facts import Binding
from anlan.risk.studies.live import LiveStudies
from anlan.risk.studies.node_facts import NodeFacts
from anlan.risk.wording import say
from anlan.web.context import Context


def answer_barriers(context: Context) -> None:
    """Once per app process."""
    live = LiveStudies.of(context)

    def answer(binding: Binding) -> tuple[bool | None, Micros, Label]:
        study, _, name = binding.id.partition("/")
        running = live.running.get(study)
        model = running.model if running is not None else None
        if running is None or not isinstance(model, Prepared) or name not in model.bow_tie.barriers:
            return None, 0, say("no bow-tie on this node has the barrier {name}", name=binding.id)
        barrier = model.bow_tie.barriers[name]
        if barrier.watch is None or running.facts is None:
            return None, 0, say("nothing on this node tells of the barrier {name}", name=binding.id)
        # Its facts as last looked at, at most a second ago: so bow-ties that ask each other do not turn in a circle.
        health = health_of(barrier, running.facts)
        why = say("barrier {name}: {health}", name=barrier.label if barrier.label.zh or barrier.label.en else name,
                  health=say(HEALTH[health.shown.value]))  # fmt: skip
        if health.counted is Health.FAILED:
            return True, 0, why
        return (None if health.shown is Health.UNKNOWN else False), 0, why

    NodeFacts.of(context).answer_by("barrier", answer)
