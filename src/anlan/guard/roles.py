"""Roles and actions, read from `data/roles.yaml`; a mistake there stops the start."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, model_validator

from anlan.model.words import Label

SELF = "session.self"
"""What everyone signed in may do: see who they are, sign out, change the own password."""

Kind = Literal["view", "operate", "approve", "configure", "manage"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What an action does to the plant or the node; a role may be held for some kinds only."""


class Action(Label):
    kind: Kind


class Role(BaseModel):
    """`at_post`: people with this role sign in at an operating post."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Label
    actions: frozenset[str]
    at_post: bool = False


class Roles(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    actions: dict[str, Action]
    roles: dict[str, Role]

    @model_validator(mode="after")
    def _known_actions(self) -> Roles:
        for role, one in self.roles.items():
            unknown = sorted(one.actions - self.actions.keys())
            if unknown:
                raise ValueError(f"role {role}: actions {unknown} are not listed under `actions`")
        return self

    def actions_of(self, role: str, only: frozenset[str] = frozenset()) -> frozenset[str]:
        """Of the kinds `only`, all when it is empty. Nothing for a role that this version doesn't know: a person from a newer version can
        then do less, never more."""
        known = self.roles.get(role)
        actions = known.actions if known is not None else frozenset()
        return frozenset(one for one in actions if not only or self.actions[one].kind in only) | {SELF}


@cache
def load_roles() -> Roles:
    from ruamel.yaml import YAML

    data: Any = YAML(typ="safe").load((files("anlan.guard") / "data" / "roles.yaml").read_text("utf-8"))
    return Roles.model_validate(data)
