"""The person behind a request: who, at which post, and what they may do where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from anlan.guard.roles import SELF, load_roles
from anlan.model.errors import Forbidden
from anlan.model.languages import Language
from anlan.model.words import Label


class PasswordChangeNeeded(Forbidden):
    """The password was made for one use; nothing else is allowed before the person has chosen an own one."""

    code: ClassVar[str] = "password-change-needed"


class FactorNeeded(Forbidden):
    """The policy in force wants a second factor of this role; nothing else is allowed before it is set up."""

    code: ClassVar[str] = "factor-enrolment-needed"


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions allowed at `place` and everything below it ("" is everywhere)."""

    role: str
    place: str
    actions: frozenset[str]

    def covers(self, action: str, place: str) -> bool:
        return action in self.actions and is_within(place, self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Immutable: a change of roles, post or password makes the session's next request carry another one."""

    person: UUID
    account: str
    name: Label
    session: UUID
    grants: tuple[Grant, ...]
    posts: tuple[str, ...] = ()
    """Posts the person may sign in at."""
    post: str = ""
    """The post this session is at."""
    language: Language = "zh"
    must_change: bool = False
    must_enrol: bool = False
    """The second factor that the policy wants has not been set up in time."""
    factor_due: int | None = None
    """When a second factor that is not set up will be needed [µs UTC]."""
    password_due: int | None = None
    """Until when the password may be used [µs UTC]."""
    from_where: str = ""
    token: UUID | None = None
    """The API token by which this is asked; then nobody sits there."""
    unattended: bool = False
    """A post's console that goes on showing, with nobody signed in."""

    def allows(self, action: str, place: str | None = None) -> bool:
        """Whether the action is allowed at `place`; None asks whether it is allowed anywhere at all."""
        if action == SELF:
            return True
        if self.must_change or self.must_enrol:
            return False
        if place is None:
            return any(action in grant.actions for grant in self.grants)
        return any(grant.covers(action, place) for grant in self.grants)

    def require(self, action: str, place: str | None = None) -> None:
        """Raises Forbidden, saying which right is missing and where."""
        if self.allows(action, place):
            return
        if self.must_change:
            raise PasswordChangeNeeded("this password was made for one use, or its time is over; choose an own one first")
        if self.must_enrol:
            raise FactorNeeded("this role needs a second factor; set it up first")
        known = load_roles().actions.get(action)
        name = known.text(self.language) if known is not None else action
        if place:
            raise Forbidden("{account} has no right “{action}” at {place}", account=self.account, action=name, place=place)
        if self.allows(action):
            raise Forbidden("{account} has the right “{action}” only for a part of the plant", account=self.account, action=name)
        raise Forbidden("{account} has no right “{action}”", account=self.account, action=name)

    def actions(self) -> frozenset[str]:
        """Everything allowed somewhere."""
        held = frozenset().union(*(grant.actions for grant in self.grants)) | {SELF}
        return frozenset({SELF}) if self.must_change or self.must_enrol else held

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(grant.role for grant in self.grants))


def is_within(place: str, branch: str) -> bool:
    """Whether the path `place` is `branch` or lies below it."""
    return not branch or place == branch or place.startswith(branch + "/")
