"""`anlan import opcua URL`: what an OPC UA server offers, as a point list. Reads; never subscribes, never writes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from anlan.model.clock import Clock
from anlan.model.errors import InputError
from anlan.plant.columns import REQUIRED
from anlan.plant.draft import Draft
from anlan.plant.findings import Findings
from anlan.plant.folder import PLANT_FILE
from anlan.plant.points_file import Imported
from anlan.plant.sections import Sections
from anlan.plant.yaml_file import read_yaml


def read_server(url: str, clock: Clock, *, folder: Path, place: str = "", source: str = "", security: str = "") -> Imported:
    """Browse `url`; if plant.yaml in `folder` has the source, its security and credentials are used. Raises InputError, DriverError."""
    from anlan.sense.opcua.browse import browse
    from anlan.sense.opcua.session import SessionConfig

    options = _options(folder, source)
    given = {"url": url, "security": security, "folder": folder}
    options |= {key: value for key, value in given.items() if value}
    try:
        config = SessionConfig.model_validate({k: v for k, v in options.items() if k in SessionConfig.model_fields})
    except ValidationError as wrong:
        problem = wrong.errors(include_url=False)[0]
        raise InputError(
            "{url} cannot be browsed: {why}", url=url or "—", why=f"{problem['loc'][0]}: {problem['msg']}"
        ) from wrong
    rows = asyncio.run(browse(config, source, clock))
    return _imported(config.url, rows, place)


def _options(folder: Path, source: str) -> dict[str, Any]:
    """The driver options of the source in the folder's plant.yaml, if both are there."""
    if not source or not (folder / PLANT_FILE).is_file():
        return {}
    findings, draft = Findings(), Draft()
    located = read_yaml((folder / PLANT_FILE).read_text("utf-8-sig"), PLANT_FILE, findings)
    if isinstance(located.value, dict):
        Sections(located, draft, findings).read()
    return next((dict(s.options) for s in draft.sources if s.id == source), {})


def _imported(url: str, rows: list[dict[str, str]], place: str) -> Imported:
    result = Imported(url, "", 0)
    seen: set[str] = set()
    for line, row in enumerate(rows, 1):
        taken = {key: text for key, text in row.items() if text} | ({"place": place} if place else {})
        if taken.get("id") in seen:
            result.note(line, "the tag {id} stands there a second time", id=taken["id"])
        seen.add(taken.get("id", ""))
        result.rows.append(taken)
    filled = {key for row in result.rows for key in row}
    result.missing = [name for name in REQUIRED if name not in filled]
    return result
