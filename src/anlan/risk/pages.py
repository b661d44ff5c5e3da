"""Pages of this room: its parts', in the navigation's group 风险 / Risk (`shell.Way(…, group=GROUP)`)."""

from __future__ import annotations

from anlan.risk.failures import pages as pages_failures
from anlan.risk.hazards import pages as pages_hazards
from anlan.risk.studies import pages as pages_studies
from anlan.risk.worksheets import pages as pages_worksheets
from anlan.web.context import Context


def pages(context: Context) -> None:
    pages_hazards.pages(context)
    pages_studies.pages(context)
    pages_worksheets.pages(context)
    pages_failures.pages(context)
