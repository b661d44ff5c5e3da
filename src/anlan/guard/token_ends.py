"""All API tokens of a person revoked with what takes the account from them: who had the account must keep no way in beside it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard import audit
from anlan.guard.principal import Principal
from anlan.guard.records import Token
from anlan.model.clock import Micros


def revoke_all_of(session: Session, person: UUID, by: Principal | None, now: Micros) -> int:
    """In the caller's transaction, each with its audit leaf; `by` None: whoever controls the machine. Returns how many they were."""
    running = list(session.scalars(select(Token).where(Token.person_id == person, Token.revoked_at.is_(None))))
    for token in running:
        token.revoked_at = now
        subject, before = str(token.id), as_facts(token)
        step = (
            audit.Step.of(by, now, "token.revoke", subject, before=before)
            if by is not None
            else audit.Step(at=now, who="node", action="token.revoke", subject=subject, before=before)
        )
        audit.append(session, step)
    return len(running)


def as_facts(token: Token) -> dict[str, object]:
    return {"name": token.name, "actions": token.actions, "place": token.place, "expires_at": token.expires_at}
