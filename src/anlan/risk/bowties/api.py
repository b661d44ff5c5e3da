"""A bow-tie as if some of its barriers were otherwise: POST /risk/bow-ties/{study}/as-if. Keeps nothing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.principal import Principal
from anlan.model.errors import InputError
from anlan.risk.bowties.answering import answer_barriers
from anlan.risk.bowties.health import Health
from anlan.risk.bowties.kind import figure_of
from anlan.risk.bowties.solving import Prepared
from anlan.risk.studies.service import VIEW, StudyService
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context

Assumed = Literal["effective", "degraded", "failed"]


class AsIf(BaseModel):
    """The others are as the plant tells now."""

    model_config = ConfigDict(extra="forbid")

    barriers: Annotated[dict[str, Assumed], Field(max_length=500)] = {}


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["studies"])
    service = StudyService.of(context)
    answer_barriers(context)

    @router.post("/risk/bow-ties/{study}/as-if", dependencies=[require(VIEW)])
    async def as_if(study: str, asker: Asker, body: AsIf) -> Response:
        """What a bow-tie of the studies says if some barriers were effective, degraded or failed: the figure of its page. Keeps nothing."""
        return Json(await _assumed(service, asker, study, body))

    return router


async def _assumed(service: StudyService, asker: Principal, study: str, body: AsIf) -> dict[str, Any]:
    await service.one(asker, study)  # whether this person may see it
    running = service.live.running.get(study)
    model = running.model if running is not None else None
    if running is None or not isinstance(model, Prepared):
        raise InputError("{study} is no bow-tie that is computed now", study=study)
    barriers = model.bow_tie.barriers
    for name, state in body.barriers.items():
        if name not in barriers:
            raise InputError(
                "{study} has no barrier {name}; it has {known}", study=study, name=name, known=", ".join(barriers) or "—"
            )
        if state == "degraded" and barriers[name].degraded is None:
            raise InputError("barrier {name} has no degraded-pfd", name=name)
    facts = service.live.asked(running)
    assumed = {name: Health(state) for name, state in body.barriers.items()}
    figure = await service.live.in_turn(running, lambda: figure_of(model.solve(facts, assumed)))
    return {"id": study, "version": running.study.number, "assumed": body.barriers, "figure": figure}
