"""The `sources:` section of plant.yaml: one entry per device, server or broker that is read."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from anlan.model.places import Id
from anlan.model.words import Label


class SourceConfig(BaseModel):
    """One source. `options` are the driver's own and are checked by its `Config` (`registry.driver_config`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    driver: str = Field(min_length=1, description="a name that `anlan drivers` lists")
    name: Label = Label()
    keep_alive: float = Field(default=5.0, gt=0, le=3600, description="s; a silent driver is down after three of these")
    options: dict[str, Any] = Field(default_factory=dict)
