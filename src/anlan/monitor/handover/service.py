"""A shift is handed over: draft, the two signatures, addenda. Every step has its audit leaf in the same transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.confirming import Confirming
from anlan.guard.principal import Grant, Principal
from anlan.guard.records import AuditLeaf
from anlan.guard.sessions import SignedIn
from anlan.model.clock import DAY, MINUTE, Micros
from anlan.model.errors import CommandRefused, Forbidden, NotFound
from anlan.monitor.handover.content import digest_of, digest_of_addendum
from anlan.monitor.handover.facts import first_start, gather
from anlan.monitor.handover.items import carried_over, merged
from anlan.monitor.records import Handover, HandoverAddendum
from anlan.store.ids import uuid7
from anlan.web.answers import iso
from anlan.web.context import Context

RIGHT = "shift.handover"
VIEW = "alarm.view"
LONGEST: Micros = 7 * DAY
"""A draft looks back no further; a post that was not handed over for longer says so."""
STALE: Micros = 30 * MINUTE
"""The incoming person signs for facts that are at most so old."""
LISTED = 200
LOOKED_AGAIN = 5.0
"""s"""
KEPT = 16

State = Literal["draft", "offered", "signed"]


class AtNoPost(Forbidden):
    """A shift is handed over at its post; this session is at none, or at another."""

    code: ClassVar[str] = "at-no-post"


class SamePerson(Forbidden):
    """Who hands over can't take over."""

    code: ClassVar[str] = "same-person"


@dataclass(frozen=True, slots=True)
class Accepted:
    """`session` is the incoming person's, where they take over the console."""

    handover: dict[str, Any]
    session: SignedIn | None


class HandoverService:
    """One per app process: `HandoverService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gathering = asyncio.Semaphore(1)
        self._confirming = Confirming(context.guard)
        self._gathered: dict[tuple[str, Micros, tuple[Grant, ...]], tuple[float, dict[str, Any]]] = {}

    @classmethod
    def of(cls, context: Context) -> HandoverService:
        service = context.extras.setdefault("monitor.handover", None)
        if service is None:
            service = context.extras["monitor.handover"] = cls(context)
        assert isinstance(service, cls)
        return service

    # ---- what stands

    async def draft(self, principal: Principal) -> dict[str, Any]:
        """The handover under way at this person's post: as offered, or a draft with the facts of now. Raises AtNoPost, Forbidden."""
        post = _post_of(principal)
        row, last = await asyncio.to_thread(self._open_row, post)
        if row is not None and row.state == "offered":
            return self._told(row)
        start, clipped = self._start(last)
        facts = await self._facts(principal, post, start, clipped=clipped)
        return self._told(row or _blank(post, start), facts=facts)

    async def on_paper(self, principal: Principal, post: str, at: Micros) -> dict[str, Any]:
        """The same for a post and an instant, to be signed by pen: of a node that is down there is no other way. Changes nothing."""
        row, last = await asyncio.to_thread(self._open_row, post)
        if row is not None and row.state == "offered":
            return self._told(row)
        start, clipped = self._start(last, at)
        facts = await gather(self._context, principal, post, start, at)
        return self._told(row or _blank(post, start), facts=facts | {"clipped": clipped})

    async def past(self, principal: Principal, post: str = "") -> list[dict[str, Any]]:
        """Signed ones that this person may see, newest first, without their facts."""
        query = (
            select(Handover)
            .where(Handover.state == "signed")
            .order_by(Handover.signed_at.desc(), Handover.id.desc())
            .limit(LISTED)
        )
        query = query.where(Handover.post == post) if post else query
        rows = await asyncio.to_thread(self._rows, query)
        return [self._headline(row) for row in rows if self._may_see(principal, row.post)]

    async def one(self, principal: Principal, id: UUID) -> dict[str, Any]:
        """A signed or offered handover, its addenda, and whether both still are what was signed. Raises NotFound."""
        row, addenda, audited = await asyncio.to_thread(self._whole, id)
        if row is None or row.state == "draft" or not self._may_see(principal, row.post):
            raise NotFound("there is no handover {id}", id=str(id))
        return self._told(row, addenda=addenda, audited=audited)

    async def latest(self, principal: Principal, post: str = "") -> dict[str, Any]:
        """The last signed one that this person may see. Raises NotFound."""
        found = await self.past(principal, post)
        if not found:
            raise NotFound("no shift has been handed over here yet")
        return await self.one(principal, UUID(found[0]["id"]))

    # ---- steps

    async def save(self, principal: Principal, edition: int, remarks: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Keep remarks and open items of the draft. Raises AtNoPost, Forbidden, CommandRefused (offered, or saved since by another), InputError."""
        post = _post_of(principal)
        await asyncio.to_thread(self._save, principal, post, edition, remarks, items)
        return await self.draft(principal)

    async def offer(self, principal: Principal, edition: int, password: str, code: str = "") -> dict[str, Any]:
        """The outgoing signature: facts are gathered at this moment and stay. `code`: of the second factor, for who has one. Raises as `save`,
        Forbidden for a wrong password or code, CodeNeeded, TooManyTries."""
        post = _post_of(principal)
        await self._confirming.confirm(principal, password, code)
        _, last = await asyncio.to_thread(self._open_row, post)
        start, clipped = self._start(last)
        facts = await self._facts(principal, post, start, clipped=clipped, fresh=True)
        return self._told(await asyncio.to_thread(self._offer, principal, post, edition, start, facts))

    async def withdraw(self, principal: Principal, id: UUID, reason: str) -> dict[str, Any]:
        """Take the outgoing signature back: the draft goes on. Whoever is at the post may. Raises AtNoPost, NotFound, CommandRefused."""
        post = _post_of(principal)
        await asyncio.to_thread(self._withdraw, principal, post, id, reason)
        return await self.draft(principal)

    async def accept(
        self,
        principal: Principal,
        id: UUID,
        account: str,
        password: str,
        remarks: str,
        *,
        take_over: bool,
        address: str,
        code: str = "",
        device: str = "",
        station: str = "",
    ) -> Accepted:
        """The incoming person signs with own credentials at this station; with `take_over` the console is theirs from then on.

        `code`: of their second factor, where they have one. Raises what a sign-in raises; Forbidden (another post), AtNoPost (a console of another one), SamePerson, NotFound, CommandRefused (not offered, or facts too old).
        """
        sessions = self._context.guard.sessions
        row = await asyncio.to_thread(self._offered, id)
        if take_over and principal.post != row.post:
            raise AtNoPost(
                "a console takes over the shift of its own post alone: sign at the console of {post}",
                post=self._post_name(row.post, principal),
            )
        self._must_be_fresh(row)
        signed_in = await sessions.sign_in(
            account,
            password,
            address=address,
            post=row.post,
            language=principal.language,
            code=code,
            device=device,
            station=station,
        )
        incoming = signed_in.principal
        try:
            incoming.require(RIGHT)
            if incoming.person == row.outgoing:
                raise SamePerson("who hands the shift over can't take it over: the next person signs with own credentials")
            signed = await asyncio.to_thread(self._accept, incoming, id, remarks)
        except BaseException:
            await asyncio.to_thread(sessions.sign_out, incoming)
            raise
        await asyncio.to_thread(sessions.sign_out, principal if take_over else incoming)
        return Accepted(self._told(signed, audited=signed.sha256), signed_in if take_over else None)

    async def add(self, principal: Principal, id: UUID, text: str) -> dict[str, Any]:
        """An addendum to a signed handover. Raises NotFound, Forbidden, CommandRefused."""
        await asyncio.to_thread(self._add, principal, id, text)
        return await self.one(principal, id)

    # ---- in the records; blocking

    def _open_row(self, post: str) -> tuple[Handover | None, Handover | None]:
        with self._context.records.reading() as session:
            found = _open(session, post), _last(session, post)
            session.expunge_all()
            return found

    def _rows(self, query: Any) -> list[Handover]:
        with self._context.records.reading() as session:
            rows = list(session.scalars(query))
            session.expunge_all()
            return rows

    def _whole(self, id: UUID) -> tuple[Handover | None, list[HandoverAddendum], str | None]:
        """With the hash that the audit record kept at the signature."""
        with self._context.records.reading() as session:
            row = session.get(Handover, id)
            addenda = list(
                session.scalars(select(HandoverAddendum).where(HandoverAddendum.handover == id).order_by(HandoverAddendum.at))
            )
            leaf = session.scalars(
                select(AuditLeaf).where(AuditLeaf.action == "handover.accept", AuditLeaf.subject == str(id))
            ).first()
            audited = (leaf.after or {}).get("sha256") if leaf is not None else None
            session.expunge_all()
            return row, addenda, audited

    def _offered(self, id: UUID) -> Handover:
        row, _, _ = self._whole(id)
        if row is None:
            raise NotFound("there is no handover {id}", id=str(id))
        _must_be(row, "offered")
        return row

    def _save(self, principal: Principal, post: str, edition: int, remarks: str, items: Sequence[dict[str, Any]]) -> None:
        with self._context.records.session() as session:
            row = self._editable(session, post, edition)
            row.items = merged(row.items, items, principal, self._context.clock)
            row.remarks, row.edition = remarks, row.edition + 1
            after = {"edition": row.edition, "items": len(row.items)}
            append(session, Step.of(principal, self._context.clock.now(), "handover.save", str(row.id), after=after))

    def _offer(self, principal: Principal, post: str, edition: int, start: Micros, facts: dict[str, Any]) -> Handover:
        with self._context.records.session() as session:
            row, last = self._editable(session, post, edition), _last(session, post)
            if last is not None and last.as_of is not None and last.as_of > start:
                raise CommandRefused("the shift was handed over at this post in the meantime: look again")
            row.state, row.edition = "offered", row.edition + 1
            row.start, row.as_of, row.facts = start, facts["as_of"], facts
            row.outgoing, row.outgoing_zh, row.outgoing_en = _signature(principal)
            row.offered_at = self._context.clock.now()
            row.previous, row.previous_sha256 = (last.id, last.sha256) if last is not None else (None, "")
            after = {"as_of": row.as_of, "unknown": len(facts["unknown"])}
            append(session, Step.of(principal, row.offered_at, "handover.offer", str(row.id), after=after))
            return _given(session, row)

    def _withdraw(self, principal: Principal, post: str, id: UUID, reason: str) -> None:
        with self._context.records.session() as session:
            row = session.get(Handover, id)
            if row is None or row.post != post:
                raise NotFound("there is no handover {id}", id=str(id))
            _must_be(row, "offered")
            before = {"outgoing": str(row.outgoing), "as_of": row.as_of}
            row.state, row.edition = "draft", row.edition + 1
            row.as_of = row.facts = row.outgoing = row.offered_at = row.previous = None
            row.outgoing_zh = row.outgoing_en = row.previous_sha256 = ""
            append(
                session, Step.of(principal, self._context.clock.now(), "handover.withdraw", str(id), before=before, reason=reason)
            )

    def _accept(self, incoming: Principal, id: UUID, remarks: str) -> Handover:
        clock = self._context.clock
        with self._context.records.session() as session:
            row = session.get(Handover, id)
            if row is None:
                raise NotFound("there is no handover {id}", id=str(id))
            _must_be(row, "offered")
            self._must_be_fresh(row)
            row.incoming, row.incoming_zh, row.incoming_en = _signature(incoming)
            row.incoming_remarks, row.signed_at, row.state = remarks, clock.now(), "signed"
            row.sha256 = digest_of(row)
            after = {"sha256": row.sha256, "outgoing": str(row.outgoing), "as_of": row.as_of}
            append(session, Step.of(incoming, row.signed_at, "handover.accept", str(id), after=after))
            session.flush()
            following = _blank(row.post, row.as_of or row.signed_at, uuid7(clock))
            following.items = carried_over(row.items, row.id)
            session.add(following)
            return _given(session, row)

    def _add(self, principal: Principal, id: UUID, text: str) -> None:
        now = self._context.clock.now()
        with self._context.records.session() as session:
            row = session.get(Handover, id)
            if row is None or not self._may_see(principal, row.post):
                raise NotFound("there is no handover {id}", id=str(id))
            _must_be(row, "signed")
            person, zh, en = _signature(principal)
            added = HandoverAddendum(
                id=uuid7(self._context.clock), handover=id, text=text, person=person, name_zh=zh, name_en=en, post=principal.post, at=now, sha256=""
            )  # fmt: skip
            added.sha256 = digest_of_addendum(added, row.sha256)
            session.add(added)
            append(session, Step.of(principal, now, "handover.addendum", str(id), after={"sha256": added.sha256}, reason=text))

    def _editable(self, session: Session, post: str, edition: int) -> Handover:
        """The post's draft, made if there is none. Raises CommandRefused when it stands otherwise than the person saw."""
        row = _open(session, post)
        if row is None:
            last = _last(session, post)
            row = _blank(post, self._start(last)[0], uuid7(self._context.clock))
            session.add(row)
        _must_be(row, "draft")
        if row.edition != edition:
            raise CommandRefused("the draft was saved by another console meanwhile: look again, then add yours")
        return row

    # ---- inside

    async def _facts(
        self, principal: Principal, post: str, start: Micros, *, clipped: bool, fresh: bool = False
    ) -> dict[str, Any]:
        """As of now; for who only looks, as of a few seconds ago at the most: many consoles may show the same page."""
        key = (post, start, principal.grants)
        async with self._gathering:
            at, facts = self._gathered.get(key, (0.0, {}))
            if fresh or not facts or self._context.clock.monotonic() > at + LOOKED_AGAIN:
                facts = await gather(self._context, principal, post, start)
                others = [(one, found) for one, found in self._gathered.items() if one != key]
                self._gathered = {key: (self._context.clock.monotonic(), facts), **dict(others[: KEPT - 1])}
        return facts | {"clipped": clipped}

    def _start(self, last: Handover | None, at: Micros | None = None) -> tuple[Micros, bool]:
        """Where the last handover's facts end, so that nothing falls between two; whether that lies too far back of now, or of `at`."""
        now = self._context.clock.now() if at is None else at
        start = last.as_of if last is not None and last.as_of is not None else first_start(self._context.plant, now)
        earliest = now - LONGEST
        return (start, False) if start >= earliest else (earliest, True)

    def _must_be_fresh(self, row: Handover) -> None:
        if row.as_of is None or self._context.clock.now() - row.as_of > STALE:
            raise CommandRefused(
                "its facts are older than {minutes} minutes: the outgoing person withdraws and signs again",
                minutes=STALE // MINUTE,
            )

    def _may_see(self, principal: Principal, post: str) -> bool:
        """All of the places that the post answers for; one that answers for none, the whole plant. Who works there sees it in any case."""
        places = [path for path, place in self._context.plant.places.items() if place.post == post] or [self._context.plant.top]
        return post in principal.posts or all(principal.allows(VIEW, path) for path in places)

    def _post_name(self, post: str, principal: Principal) -> str:
        found = self._context.plant.posts.get(post)
        return found.text(principal.language) if found is not None else post

    def _headline(self, row: Handover) -> dict[str, Any]:
        post = self._context.plant.posts.get(row.post)
        return {
            "id": str(row.id),
            "post": row.post,
            "post_name": post.model_dump() if post is not None else None,
            "state": row.state,
            "edition": row.edition,
            "start": row.start,
            "start_iso": iso(row.start),
            "as_of": row.as_of,
            "as_of_iso": iso(row.as_of),
            "outgoing": _named(row.outgoing, row.outgoing_zh, row.outgoing_en, row.offered_at),
            "incoming": _named(row.incoming, row.incoming_zh, row.incoming_en, row.signed_at),
            "open_items": sum(not one["closed"] for one in row.items),
            "sha256": row.sha256,
        }

    def _told(
        self,
        row: Handover,
        *,
        facts: dict[str, Any] | None = None,
        addenda: Sequence[HandoverAddendum] = (),
        audited: str | None = None,
    ) -> dict[str, Any]:
        return {
            **self._headline(row),
            "facts": facts if facts is not None else row.facts,
            "remarks": row.remarks,
            "items": row.items,
            "incoming_remarks": row.incoming_remarks,
            "previous": str(row.previous) if row.previous is not None else None,
            "previous_sha256": row.previous_sha256,
            "unchanged": _unchanged(row, audited),
            "addenda": [
                {
                    "id": str(one.id),
                    "text": one.text,
                    "by": _named(one.person, one.name_zh, one.name_en, one.at),
                    "post": one.post,
                    "unchanged": digest_of_addendum(one, row.sha256) == one.sha256,
                }
                for one in addenda
            ],
        }


def _post_of(principal: Principal) -> str:
    principal.require(RIGHT)
    if not principal.post:
        raise AtNoPost("a shift is handed over at a post: sit down at yours first")
    return principal.post


def _open(session: Session, post: str) -> Handover | None:
    query = select(Handover).where(Handover.post == post, Handover.state.in_(("draft", "offered")))
    return session.scalars(query.order_by(Handover.id).limit(1)).first()


def _last(session: Session, post: str) -> Handover | None:
    query = select(Handover).where(Handover.post == post, Handover.state == "signed")
    return session.scalars(query.order_by(Handover.signed_at.desc(), Handover.id.desc()).limit(1)).first()


def _blank(post: str, start: Micros, id: UUID | None = None) -> Handover:
    return Handover(
        id=id or UUID(int=0), post=post, state="draft", edition=0, start=start, as_of=None, facts=None, remarks="", items=[], outgoing=None,
        outgoing_zh="", outgoing_en="", offered_at=None, incoming=None, incoming_zh="", incoming_en="", incoming_remarks="", signed_at=None,
        previous=None, previous_sha256="", sha256="",
    )  # fmt: skip


def _unchanged(row: Handover, audited: str | None) -> bool | None:
    """None: nothing was signed yet; or the audit record hasn't the signature's leaf, and nobody else can vouch for what stands here."""
    if row.state != "signed":
        return None
    if digest_of(row) != row.sha256 or audited not in {None, row.sha256}:
        return False
    return True if audited is not None else None


def _signature(principal: Principal) -> tuple[UUID, str, str]:
    return principal.person, principal.name.text("zh"), principal.name.text("en")


def _named(person: UUID | None, zh: str, en: str, at: Micros | None) -> dict[str, Any] | None:
    return None if person is None else {"person": str(person), "name": {"zh": zh, "en": en}, "at": at, "at_iso": iso(at)}


def _must_be(row: Handover, state: State) -> None:
    if row.state == state:
        return
    words = {
        "draft": "the handover is offered already: withdraw it first, or let the next person sign",
        "offered": "the handover is not offered: the outgoing person signs first",
        "signed": "only a signed handover takes an addendum",
    }
    raise CommandRefused(words[state])


def _given(session: Session, row: Handover) -> Handover:
    session.flush()
    session.expunge(row)
    return row
