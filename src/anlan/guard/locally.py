"""What whoever controls the machine may do about an account without signing in: break glass, for the day nobody else can."""

from __future__ import annotations

from sqlalchemy import select

from anlan.guard import audit, devices, passwords
from anlan.guard.factors import take_away
from anlan.guard.people import account_of, set_password
from anlan.guard.records import Person, SignIn
from anlan.guard.token_ends import revoke_all_of
from anlan.model.clock import Clock
from anlan.model.errors import NotFound
from anlan.store.records import Records


def reset_account(records: Records, clock: Clock, account: str, by: str, reason: str) -> str:
    """A new one-time password; the second factor, tokens and known browsers are gone, sessions end, a post's console stays in view.

    `by`: the machine's account. Returns the password, told once. Raises NotFound.
    """
    password = passwords.one_time_password()
    hashed = passwords.hash_password(password)
    with records.session() as session:
        person = session.scalars(select(Person).where(Person.account == account_of(account))).one_or_none()
        if person is None:
            raise NotFound("there is no account {account}", account=account)
        now = clock.now()
        set_password(person, hashed, clock, must_change=True)
        person.disabled = False
        take_away(session, person.id)
        devices.forget_all_of(session, person.id)
        revoke_all_of(session, person.id, None, now)
        for sign_in in session.scalars(select(SignIn).where(SignIn.person_id == person.id, SignIn.ended_at.is_(None))):
            if sign_in.post:
                sign_in.unattended_at = sign_in.unattended_at or now
            else:
                sign_in.ended_at = now
        step = audit.Step(at=now, who="node", action="people.reset-locally", subject=str(person.id), after={"account": by}, reason=reason)  # fmt: skip
        audit.append(session, step)
    return password
