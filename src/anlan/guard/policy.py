"""Rules for passwords, second factors and sessions, read from `data/policies.yaml`, and which profile is in force on this node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from anlan.guard import audit
from anlan.guard.principal import Principal
from anlan.guard.records import Person, Setting
from anlan.model.clock import DAY, Clock, Micros
from anlan.model.errors import InputError
from anlan.model.words import Label
from anlan.store.records import Records

DEFAULT = "asvs"
EVERYONE = "*"
OWN_WORDS = ("anlan", "安澜")
SHORTEST_WORD = 4
"""A name shorter than that may stand in a password by chance."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PasswordRules(Frozen):
    """`classes`: of lower, upper, digits and others, how many must be there. `days`: until it must be changed; 0: never.
    `remembered`: earlier ones that may not come back."""

    shortest: int
    longest: int
    classes: int
    days: int
    remembered: int


class FactorRules(Frozen):
    """`roles` that need a second factor, "*" all; `grace_days` from when the role was given. `stations`: a paired operator station, which
    stands in a guarded room and whose key never leaves it, is the thing that is held by who signs in there; not for the roles in `own`."""

    roles: tuple[str, ...]
    grace_days: int
    stations: bool = False
    own: tuple[str, ...] = ()


class Source(Label):
    """Where a rule comes from. `checked` is False while nobody has read the clause in its own text (未核对原文)."""

    rule: str
    clause: str
    checked: bool


class Policy(Frozen):
    name: Label
    password: PasswordRules
    second_factor: FactorRules
    idle_minutes: int
    longest_hours: int
    apart: tuple[tuple[str, str], ...] = ()
    """Roles that nobody holds together."""
    sources: tuple[Source, ...]

    def factor_due(self, person: Person) -> Micros | None:
        """From when the person needs a second factor to do anything; None for never. A demo's people get new passwords at each start."""
        wanted = self.second_factor.roles
        since = [one.since for one in person.assignments if one.role in wanted or EVERYONE in wanted]
        if person.demo or not since:
            return None
        return min(since) + self.second_factor.grace_days * DAY

    def station_counts(self, person: Person) -> bool:
        """Whether a paired station stands for the person's second factor."""
        rules = self.second_factor
        return rules.stations and not any(one.role in rules.own for one in person.assignments)

    def password_due(self, person: Person) -> Micros | None:
        """Until when the password may be used without changing it; None for as long as the person likes."""
        return person.changed_at + self.password.days * DAY if self.password.days and not person.demo else None

    def check_password(self, password: str, account: str, words: Sequence[str] = ()) -> None:
        """Raises InputError with what would be right."""
        rules, folded = self.password, password.casefold()
        if not rules.shortest <= len(password) <= rules.longest:
            raise InputError(
                "the password has {found} characters; {least} to {most} are needed",
                found=len(password),
                least=rules.shortest,
                most=rules.longest,
            )
        if account.casefold() in folded or len(set(password)) < 4:
            raise InputError(
                "the password is too easy to guess: it contains the account's name, or fewer than four different characters"
            )
        if folded in common_passwords():
            raise InputError("the password is one of the 3000 most common ones; choose another")
        if any(word.casefold() in folded for word in (*OWN_WORDS, *words) if len(word) >= SHORTEST_WORD or word in OWN_WORDS):
            raise InputError("the password contains the name of the plant or of this system; choose another")
        if (found := kinds(password)) < rules.classes:
            raise InputError(
                "the password has {found} of these kinds of characters: lower case, upper case, digits, others; {least} are needed",
                found=found,
                least=rules.classes,
            )

    def check_roles(self, roles: Sequence[str]) -> None:
        """Raises InputError for two that must be held by two persons."""
        for one, other in self.apart:
            if one in roles and other in roles:
                raise InputError("the policy in force wants {one} and {other} to be two persons", one=one, other=other)


def kinds(password: str) -> int:
    is_of = (str.islower, str.isupper, str.isdigit)
    found = {next((n for n, fits in enumerate(is_of) if fits(one)), len(is_of)) for one in password}
    return len(found)


@cache
def load_policies() -> dict[str, Policy]:
    from ruamel.yaml import YAML

    data: Any = YAML(typ="safe").load((files("anlan.guard") / "data" / "policies.yaml").read_text("utf-8"))
    return {name: Policy.model_validate(one) for name, one in data.items()}


@cache
def common_passwords() -> frozenset[str]:
    lines = (files("anlan.guard") / "data" / "common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line.casefold() for line in lines if line and not line.startswith("#"))


class Policies:
    """Which profile is in force. `words`: names of this plant that no password may contain; the app fills it."""

    def __init__(self, records: Records, clock: Clock, on_change: Callable[[], None] = lambda: None) -> None:
        self._records, self._clock, self._on_change = records, clock, on_change
        self._current: str | None = None
        self.words: Callable[[], Sequence[str]] = lambda: ()

    @property
    def name(self) -> str:
        if self._current is None:
            with self._records.reading() as session:
                chosen = session.get(Setting, "policy")
            self._current = chosen.value if chosen is not None and chosen.value in load_policies() else DEFAULT
        return self._current

    @property
    def current(self) -> Policy:
        return load_policies()[self.name]

    def check_password(self, password: str, account: str) -> None:
        self.current.check_password(password, account, self.words())

    def choose(self, by: Principal, name: str, reason: str) -> None:
        """Blocking. In force with everyone's next sign-in. Raises InputError, Forbidden."""
        by.require("people.manage", "")
        if name not in load_policies():
            raise InputError(
                "there is no policy {policy}; there are: {policies}", policy=name, policies=", ".join(load_policies())
            )
        now, before = self._clock.now(), self.name
        with self._records.session() as session:
            session.merge(Setting(key="policy", value=name, changed_at=now, changed_by=str(by.person)))
            step = audit.Step.of(
                by, now, "policy.choose", "policy", before={"policy": before}, after={"policy": name}, reason=reason
            )
            audit.append(session, step)
        self._current = name
        self._on_change()
