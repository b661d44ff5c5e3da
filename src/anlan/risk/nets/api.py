"""A net asked as if somebody had found something: POST /risk/nets/{study}/ask. Keeps nothing."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.principal import Principal
from anlan.model.errors import InputError
from anlan.risk.nets.engine import ask_engine
from anlan.risk.nets.explaining import explain
from anlan.risk.nets.kind import NetModel, figure_of, findings
from anlan.risk.studies.service import VIEW, StudyService
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context

Name = Annotated[str, Field(min_length=1, max_length=200)]
Likelihood = Annotated[dict[Name, Annotated[float, Field(ge=0, le=1)]], Field(max_length=50)]


class Ask(BaseModel):
    """`evidence`: node → state, or → likelihood of each state. `live`: what the plant tells now counts too, where `evidence` says nothing else."""

    model_config = ConfigDict(extra="forbid")

    evidence: Annotated[dict[Name, Name | Likelihood], Field(max_length=200)] = {}
    live: bool = True
    explain: Annotated[list[Name], Field(max_length=5)] = []


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["studies"])
    service = StudyService.of(context)

    @router.post("/risk/nets/{study}/ask", dependencies=[require(VIEW)])
    async def ask(study: str, asker: Asker, body: Ask) -> Response:
        """What a net of the studies says under evidence, and what moved it: the figure of its page. Keeps nothing."""
        return Json(await _asked(service, asker, study, body))

    return router


async def _asked(service: StudyService, asker: Principal, study: str, body: Ask) -> dict[str, Any]:
    await service.one(asker, study)  # whether this person may see it
    running = service.live.running.get(study)
    model = running.model if running is not None else None
    if running is None or not isinstance(model, NetModel):
        raise InputError("{study} is no Bayesian net that is computed now", study=study)
    facts = service.live.asked(running)

    def work() -> dict[str, Any]:
        engine = model.compiled()
        evidence = {**(findings(engine, model.net, facts) if body.live else {}), **body.evidence}
        answer = ask_engine(engine, evidence)
        told = [explain(engine, evidence, name) for name in body.explain or [engine.net.query[0]]]
        return figure_of(model.net, answer, told, facts)

    return {"id": study, "version": running.study.number, "figure": await service.live.in_turn(running, work)}
