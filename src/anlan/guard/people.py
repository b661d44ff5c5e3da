"""People, posts and who holds which role where."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from anlan.guard import audit, devices, passwords
from anlan.guard.policy import Policies
from anlan.guard.principal import Grant, Principal
from anlan.guard.records import Assignment, OldPassword, Person, Post, SignIn
from anlan.guard.roles import KINDS, Roles, load_roles
from anlan.guard.token_ends import revoke_all_of
from anlan.model.clock import Clock
from anlan.model.errors import Forbidden, InputError, NotFound
from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.store.ids import uuid7
from anlan.store.records import Records

MANAGE = "people.manage"
_ACCOUNT = re.compile(r"\w[\w.\-]{0,31}")


@dataclass(frozen=True, slots=True)
class Held:
    """A role held at a branch of the place tree, at a post where the role works at one, for some kinds of action or all."""

    role: str
    post: str = ""
    place: str = ""
    only: tuple[str, ...] = ()
    """Kinds of action it is limited to; none leaves the role whole."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    account: str
    name: Label
    held: tuple[Held, ...]


class People:
    """Blocking; each change is one transaction with its audit leaf. `by` is the principal who makes it.

    Who manages people at a branch gives and takes only what is held there, and touches no account that holds anything elsewhere: else
    they could make themselves, or take over, an administrator of the whole.
    """

    def __init__(
        self,
        records: Records,
        clock: Clock,
        policies: Policies | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._records, self._clock, self._on_change = records, clock, on_change
        self._policies = policies or Policies(records, clock)

    def all(self) -> list[Person]:
        with self._records.reading() as session:
            return list(session.scalars(select(Person).order_by(Person.account)))

    def names(self) -> dict[str, str]:
        """By id as text: what a row or a page calls a person."""
        return {str(person.id): person.name_zh or person.name_en for person in self.all()}

    def posts(self) -> list[Post]:
        with self._records.reading() as session:
            return list(session.scalars(select(Post).order_by(Post.id)))

    def add(self, new: NewPerson, by: Principal) -> tuple[Person, str]:
        """Add a person; returns them and the password for the first sign-in. Raises InputError, Forbidden."""
        _check_reach(by, [one.place for one in new.held])
        self._policies.current.check_roles([one.role for one in new.held])
        password = passwords.one_time_password()
        hashed = passwords.hash_password(password)
        with self._records.session() as session:
            person = add_person(session, new, hashed, self._clock)
            audit.append(session, audit.Step.of(by, self._clock.now(), "people.add", str(person.id), after=as_facts(person)))
        return person, password

    def change(
        self, person_id: UUID, by: Principal, *, held: Sequence[Held] | None = None, disabled: bool | None = None
    ) -> Person:
        """Replace what the person holds, or close (all tokens end) or reopen the account. Raises NotFound, InputError, Forbidden."""
        with self._records.session() as session:
            person = find_person(session, person_id)
            _check_reach(by, [*_places(person), *(one.place for one in held or ())])
            self._policies.current.check_roles([one.role for one in held or ()])
            before = as_facts(person)
            if held is not None:
                _assign(session, person, held, self._clock)
            person.disabled = person.disabled if disabled is None else disabled
            _keep_one_administrator(session)
            if person.disabled:
                revoke_all_of(session, person.id, by, self._clock.now())
            audit.append(
                session,
                audit.Step.of(by, self._clock.now(), "people.change", str(person.id), before=before, after=as_facts(person)),
            )
        self._on_change()
        return person

    def reset_password(self, person_id: UUID, by: Principal) -> str:
        """A new one-time password; the person chooses an own one at the next sign-in. All tokens end. Raises NotFound, Forbidden."""
        password = passwords.one_time_password()
        hashed = passwords.hash_password(password)
        with self._records.session() as session:
            person = find_person(session, person_id)
            _check_reach(by, _places(person))
            set_password(person, hashed, self._clock, must_change=True)
            devices.forget_all_of(session, person.id)
            revoke_all_of(session, person.id, by, self._clock.now())
            audit.append(session, audit.Step.of(by, self._clock.now(), "people.reset-password", str(person.id)))
        self._on_change()
        return password

    def check_reach(self, person_id: UUID, by: Principal) -> None:
        """Raises NotFound, and Forbidden unless `by` manages people wherever this one holds something."""
        with self._records.reading() as session:
            check_reach(by, find_person(session, person_id))

    def is_password(self, person_id: UUID, password: str) -> bool:
        with self._records.reading() as session:
            stored = find_person(session, person_id).password
        return passwords.verify(stored, password)

    def change_own_password(self, by: Principal, old: str, new: str, *, tokens: bool = False) -> None:
        """`tokens`: all API tokens end with it. Raises Forbidden (the old one is wrong), InputError (the new one)."""
        self._policies.check_password(new, by.account)
        with self._records.reading() as session:
            stored = find_person(session, by.person).password
            earlier = select(OldPassword.password).where(OldPassword.person_id == by.person)
            remembered = session.scalars(earlier.order_by(OldPassword.id.desc()).limit(self._remembered)).all()
        if not passwords.verify(stored, old):
            raise Forbidden("the old password is wrong")
        if old == new:
            raise InputError("the new password is the old one; choose another")
        if any(passwords.verify(one, new) for one in remembered):
            raise InputError("the new password was used before; choose another than the last {count}", count=self._remembered)
        hashed = passwords.hash_password(new)
        with self._records.session() as session:
            person = find_person(session, by.person)
            self._remember(session, person)
            set_password(person, hashed, self._clock, must_change=False)
            for sign_in in session.scalars(select(SignIn).where(SignIn.person_id == by.person, SignIn.ended_at.is_(None))):
                sign_in.needs = " ".join(need for need in sign_in.needs.split() if need != "password")
            if tokens:
                revoke_all_of(session, by.person, by, self._clock.now())
            audit.append(session, audit.Step.of(by, self._clock.now(), "people.change-password", str(by.person)))
        self._on_change()

    @property
    def _remembered(self) -> int:
        return self._policies.current.password.remembered

    def _remember(self, session: Session, person: Person) -> None:
        """Keep the password that is about to go, and no more of them than the policy asks for."""
        if not self._remembered:
            session.execute(delete(OldPassword).where(OldPassword.person_id == person.id))
            return
        row = OldPassword(id=uuid7(self._clock), person_id=person.id, password=person.password, until=self._clock.now())
        session.add(row)
        session.flush()
        ids = select(OldPassword.id).where(OldPassword.person_id == person.id).order_by(OldPassword.id.desc())
        kept = session.scalars(ids.limit(self._remembered)).all()
        session.execute(delete(OldPassword).where(OldPassword.person_id == person.id, OldPassword.id.not_in(kept)))


def account_of(text: str) -> str:
    """An account's one spelling: width and case folded, so that ＡＤＭＩＮ is no second admin."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def assigned_posts(person: Person) -> tuple[str, ...]:
    return tuple(sorted({one.post for one in person.assignments if one.post}))


def grants_of(person: Person, roles: Roles) -> tuple[Grant, ...]:
    ordered = sorted(person.assignments, key=lambda one: (one.role, one.place, one.only))
    return tuple(
        dict.fromkeys(Grant(one.role, one.place, roles.actions_of(one.role, frozenset(one.only.split()))) for one in ordered)
    )


def find_person(session: Session, person_id: UUID) -> Person:
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound("there is no person {person}", person=str(person_id))
    return person


def add_person(
    session: Session, new: NewPerson, hashed: str, clock: Clock, *, must_change: bool = True, demo: bool = False
) -> Person:
    """Into the caller's transaction. Raises InputError for an account that is taken or misspelt and for an unknown role or post."""
    account = account_of(new.account)
    if not _ACCOUNT.fullmatch(account):
        raise InputError(
            "account {account}: letters, digits, '.', '-' and '_' were expected, at most 32, for example wang.li",
            account=new.account,
        )
    if session.scalars(select(Person.id).where(Person.account == account)).first() is not None:
        raise InputError("the account {account} exists already", account=account)
    now = clock.now()
    person = Person(
        id=uuid7(clock),
        account=account,
        name_zh=new.name.text("zh"),
        name_en=new.name.text("en"),
        password=hashed,
        must_change=must_change,
        disabled=False,
        demo=demo,
        created_at=now,
        changed_at=now,
        assignments=[],
    )
    session.add(person)
    session.flush()
    _assign(session, person, new.held, clock)
    return person


def set_password(person: Person, hashed: str, clock: Clock, *, must_change: bool) -> None:
    person.password, person.must_change, person.changed_at = hashed, must_change, clock.now()


def keep_posts(session: Session, posts: Mapping[str, Label]) -> None:
    """Bring the posts in line with the plant; one that the plant no longer has stays, because the audit record names it."""
    for post_id, name in posts.items():
        session.merge(Post(id=post_id, name_zh=name.text("zh"), name_en=name.text("en")))
    session.flush()


def post_names(session: Session, posts: Sequence[str], language: Language) -> str:
    """As people call them; an id that no post has is said as it is."""
    known = {post.id: Label(zh=post.name_zh, en=post.name_en).text(language) for post in session.scalars(select(Post))}
    return ", ".join(known.get(post) or post for post in posts) or "—"


def as_facts(person: Person) -> dict[str, Any]:
    """What the audit record keeps of a person: never the password."""
    held = sorted([one.role, one.post, one.place, *([one.only] if one.only else [])] for one in person.assignments)
    return {"account": person.account, "name": person.name_zh, "disabled": person.disabled, "held": held}


def _assign(session: Session, person: Person, held: Sequence[Held], clock: Clock) -> None:
    roles = load_roles().roles
    posts = set(session.scalars(select(Post.id)))
    for one in held:
        if one.role not in roles:
            raise InputError("there is no role {role}; there are: {roles}", role=one.role, roles=", ".join(roles))
        if one.post and one.post not in posts:
            raise InputError("there is no post {post}; there are: {posts}", post=one.post, posts=", ".join(sorted(posts)) or "—")
        if roles[one.role].at_post and not one.post:
            raise InputError("the role {role} works at a post: say which", role=one.role)
        if unknown := set(one.only) - set(KINDS):
            raise InputError("there is no kind of action {kind}; there are: {kinds}", kind=min(unknown), kinds=", ".join(KINDS))
    kept = {(one.role, one.post, one.place): one for one in person.assignments}
    now = clock.now()
    wanted = {(one.role, one.post, one.place): " ".join(sorted(set(one.only))) for one in held}
    person.assignments = [
        kept.get(key) or Assignment(id=uuid7(clock), role=key[0], post=key[1], place=key[2], since=now) for key in wanted
    ]
    for assigned in person.assignments:
        assigned.only = wanted[assigned.role, assigned.post, assigned.place]
    session.flush()


def _places(person: Person) -> list[str]:
    return [one.place for one in person.assignments]


def check_reach(by: Principal, person: Person, action: str = MANAGE) -> None:
    """Raises Forbidden unless `by` may do so wherever the person holds something."""
    _check_reach(by, _places(person), action)


def _check_reach(by: Principal, places: Sequence[str], action: str = MANAGE) -> None:
    by.require(action)
    for place in places:
        by.require(action, place)


def _keep_one_administrator(session: Session) -> None:
    session.flush()
    query = select(Person.id).join(Assignment).where(Assignment.role == "administrator", Person.disabled.is_(False)).limit(1)
    if session.scalars(query).first() is None:
        raise InputError("this would leave the node without an administrator")
