"""Routes of this room: its parts', under /risk."""

from __future__ import annotations

from fastapi import APIRouter

from anlan.risk.bowties import api as api_bowties
from anlan.risk.failures import api as api_failures
from anlan.risk.hazards import api as api_hazards
from anlan.risk.lopa import api as api_lopa
from anlan.risk.nets import api as api_nets
from anlan.risk.studies import api as api_studies
from anlan.risk.worksheets import api as api_worksheets
from anlan.web.context import Context


def routes(context: Context) -> APIRouter:
    router = APIRouter()
    router.include_router(api_studies.routes(context))
    router.include_router(api_hazards.routes(context))
    router.include_router(api_worksheets.routes(context))
    router.include_router(api_failures.routes(context))
    router.include_router(api_lopa.routes(context))
    router.include_router(api_bowties.routes(context))
    router.include_router(api_nets.routes(context))
    return router
