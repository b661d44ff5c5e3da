"""Sessions: signing in at a post, telling who a token belongs to, signing out.

A token is 256 random bits; only its SHA-256 is kept. A session at a post does not end by time, because an operator station never logs
out or blanks (DOMAIN.md 15): it ends by sign-out, hand-over, or when the person or the right is gone. Any other ends by the policy in
force, unused or in all.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Protocol
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard import audit, devices, passwords
from anlan.guard.factors import NEEDED, Factors, has_factor, why_not
from anlan.guard.limiter import Origin, TooManyTries, TryLimiter
from anlan.guard.people import account_of, assigned_posts, grants_of, post_names
from anlan.guard.policy import Policies
from anlan.guard.principal import Grant, Principal
from anlan.guard.records import Person, SignIn
from anlan.guard.refusals import Refusal, Refusals
from anlan.guard.roles import Roles
from anlan.guard.token_ends import revoke_all_of
from anlan.model.clock import DAY, HOUR, MINUTE, Clock, Micros
from anlan.model.errors import Forbidden, NotFound, NotSignedIn, StoreError
from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.store.ids import uuid7
from anlan.store.records import Records

SEEN_EVERY: Micros = MINUTE
"""How often `seen_at` is written: each write waits for the disk."""
KNOWN_FOR: Micros = 30 * DAY
"""An address from which the person signed in within this span is a known one (`limiter`)."""
CACHE_SECONDS = 5.0
"""Changes made in this process show at once; this bounds how long one made elsewhere (a restored database) could go unseen."""

UNATTENDED = "unattended"
STATION_SEES = frozenset({"plant.view", "live.view", "history.view", "alarm.view", "source.view"})
"""What a post's console goes on showing."""
ONE_TIME_FOR: Micros = 7 * DAY
"""A one-time password is used within this or not at all (ASVS 5.0 V6.4.1)."""
MOST_STRANGERS = 16
"""Sign-ins from unknown devices whose passwords wait to be hashed; more are told to come back: about a second's work."""

log = structlog.get_logger()


class SignInRefused(NotSignedIn):
    """Account, password or second factor are wrong; on record by whoever raised it."""


class SecondFactorNeeded(SignInRefused):
    """The password is right, and a second factor is asked for; `facts["key"]` as in `factors.CodeNeeded`."""

    code: ClassVar[str] = "second-factor-needed"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The token goes to the browser once and is kept nowhere; `device` stays there, by which the browser is known."""

    token: str
    principal: Principal
    device: str = ""


class Shown(Protocol):
    """Whom an identity service has identified (`oidc.Shown`), and whether its second factor counts here."""

    @property
    def issuer(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def second_factor(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal | None
    until: float


class Sessions:
    """Database calls run in worker threads; `peek` answers from memory for the event loop."""

    def __init__(
        self, records: Records, clock: Clock, roles: Roles, refusals: Refusals, policies: Policies, factors: Factors
    ) -> None:
        self._records, self._clock, self._roles = records, clock, roles
        self._refusals, self._policies, self._factors = refusals, policies, factors
        # Looked up in line, in a thread of their own: a flood at the door must not stand before an acknowledgement.
        self._at_the_door = ThreadPoolExecutor(1, thread_name_prefix="door")
        self._strangers = 0
        self.limiter = TryLimiter(clock)
        self._known: dict[bytes, _Known] = {}
        self._on_end: list[Callable[[UUID], None]] = []
        self._on_change: list[Callable[[], None]] = []
        self.changes = 0
        """How often people, roles or sessions have changed: who has seen this number need not ask again."""
        self.beside: Callable[[UUID], Principal | None] = lambda _: None
        """Who acts under an id that is no session's: an API token."""
        self.places_of_post: Callable[[str], tuple[str, ...]] = lambda _: ()
        """Branches that a post watches: what its console goes on showing with nobody signed in. The app fills it."""

    def on_change(self, listener: Callable[[], None]) -> None:
        """Called, on any thread, after each change of people, roles or sessions."""
        self._on_change.append(listener)

    def on_end(self, listener: Callable[[UUID], None]) -> None:
        """Called, on any thread, with the id of each session that ends here by sign-out or hand-over."""
        self._on_end.append(listener)

    async def sign_in(
        self,
        account: str,
        password: str,
        *,
        address: str,
        post: str = "",
        language: Language = "zh",
        replacing: UUID | None = None,
        code: str = "",
        device: str = "",
        station: str = "",
    ) -> SignedIn:
        """Raises SignInRefused (wrong account, password or code, not saying which of the first two), SecondFactorNeeded, Forbidden (not your
        post), TooManyTries.

        `replacing`: the session that this one takes over from at the same console. `code`: of the second factor, where there is one.
        `device`: what the browser keeps from an earlier sign-in, "" for nothing. `station`: the paired station that this browser is.
        """
        account = account_of(account)
        look_up = partial(self._look_up, account, address, device)
        person, origin = await asyncio.get_running_loop().run_in_executor(self._at_the_door, look_up)
        self.limiter.attempt(origin)
        if not await self._is_password(person, password, origin):
            self._refused(person, address, "password")
            raise SignInRefused("the account or the password is wrong")
        assert person is not None
        if person.must_change and self._clock.now() > person.changed_at + ONE_TIME_FOR:
            self._refused(person, address, "one-time password too old")
            raise SignInRefused("the one-time password was not used in time; have a new one made")
        if (await asyncio.to_thread(self._factors.standing, person.id)).since is not None:
            await self._check_code(person, code, origin)
        self.limiter.succeeded(origin)
        signed_in = await asyncio.to_thread(self._begin, person.id, post, address, language, replacing, device, station)
        if replacing is not None:
            self.ended(replacing)
        return signed_in

    async def sign_in_by(
        self,
        shown: Shown,
        *,
        address: str,
        post: str = "",
        language: Language = "zh",
        replacing: UUID | None = None,
        code: str = "",
        device: str = "",
        station: str = "",
    ) -> SignedIn:
        """By what an identity service has shown; rights are ours alone. Raises SignInRefused (no such account here, wrong code),
        SecondFactorNeeded (the service's own does not count, and there is one here), Forbidden (not your post), TooManyTries.

        The rest as in `sign_in`.
        """
        look_up = partial(self._look_up, shown.account, address, device)
        person, origin = await asyncio.get_running_loop().run_in_executor(self._at_the_door, look_up)
        if person is None or person.disabled:
            self._refused(person, address, "identity service: no account")
            raise SignInRefused(
                "the identity service knows you, but names no account of this console: ask who manages people here"
            )
        if not shown.second_factor and (await asyncio.to_thread(self._factors.standing, person.id)).since is not None:
            self.limiter.attempt(origin)
            await self._check_code(person, code, origin)
            self.limiter.succeeded(origin)
        begin = partial(self._begin, person.id, post, address, language, replacing, device, station, shown)
        signed_in = await asyncio.to_thread(begin)
        if replacing is not None:
            self.ended(replacing)
        return signed_in

    async def _is_password(self, person: Person | None, password: str, origin: Origin) -> bool:
        stored = person.password if person is not None and not person.disabled else None
        check = partial(passwords.verify, stored, password)
        if origin.device:
            return await passwords.in_worker(check)
        if self._strangers >= MOST_STRANGERS:
            self.limiter.undo(origin)
            raise TooManyTries("too many sign-ins at once; try again in {seconds} s", seconds=2)
        self._strangers += 1
        try:
            return await passwords.in_worker(check, stranger=True)
        finally:
            self._strangers -= 1

    async def _check_code(self, person: Person, code: str, origin: Origin) -> None:
        if not code.strip():
            self.limiter.undo(origin)
            raise SecondFactorNeeded(NEEDED, key=await asyncio.to_thread(self._factors.question, person.id))
        if not await asyncio.to_thread(self._factors.fits, person.id, code, origin.address):
            self._refused(person, origin.address, "second factor")
            raise SignInRefused(why_not(code))

    def peek(self, token: str) -> Principal | None:
        """From memory only; raises KeyError when the database has to be asked (`resolve`)."""
        known = self._known[token_hash(token)]
        if known.until <= self._clock.monotonic():
            raise KeyError(token)
        return known.principal

    def resolve(self, token: str) -> Principal | None:
        """Whose token this is; None if of nobody (any more). Blocking."""
        hashed = token_hash(token)
        try:
            with self._records.reading() as session:
                sign_in = session.scalars(select(SignIn).where(SignIn.token_hash == hashed)).one_or_none()
                principal = self._principal(session, sign_in) if sign_in is not None else None
        except StoreError:
            # An operator station never logs out or blanks: who was there a moment ago stays while the records cannot be read.
            known = self._known.get(hashed)
            if known is None or known.principal is None:
                raise
            return known.principal
        if sign_in is not None and principal is not None:
            self._touch(sign_in)
        self._remember(hashed, principal)
        return principal

    def running(self, session_id: UUID) -> Principal | None:
        """The Principal of a session as of now, None if it's over; for streams and sockets, which outlive their request. Blocking."""
        try:
            with self._records.reading() as session:
                sign_in = session.get(SignIn, session_id)
                return self._principal(session, sign_in) if sign_in is not None else self.beside(session_id)
        except StoreError:
            known = self._remembered(session_id)
            if known is None:
                raise
            return known

    def _remembered(self, session_id: UUID) -> Principal | None:
        """Who this session was a moment ago."""
        found = (known.principal for known in list(self._known.values()))
        return next((one for one in found if one is not None and one.session == session_id), None)

    def of(self, person: UUID) -> list[SignIn]:
        """The person's running sessions, the newest first, consoles that were left unattended among them. Blocking."""
        wanted = select(SignIn).where(SignIn.person_id == person, SignIn.ended_at.is_(None)).order_by(SignIn.began_at.desc())
        with self._records.reading() as session:
            return [one for one in session.scalars(wanted) if self._principal(session, one) is not None]

    def at(self, post: str, address: str) -> Principal | None:
        """Who is signed in at a post from an address, None for nobody; a console that was left unattended is nobody. Blocking. Raises StoreError."""
        wanted = select(SignIn).where(SignIn.post == post, SignIn.from_where == address, SignIn.ended_at.is_(None))
        with self._records.reading() as session:
            found = (self._principal(session, one) for one in session.scalars(wanted.order_by(SignIn.began_at.desc())))
            return next((one for one in found if one is not None and not one.unattended and one.post == post), None)

    def end(self, session_id: UUID, by: Principal, *, of: UUID) -> None:
        """End one session of person `of` for good: its console then shows the door. Blocking. Raises NotFound."""
        with self._records.session() as session:
            sign_in = session.get(SignIn, session_id)
            if sign_in is None or sign_in.person_id != of or sign_in.ended_at is not None:
                raise NotFound("there is no session {session}", session=str(session_id))
            self._end(session, session_id)
            audit.append(session, audit.Step.of(by, self._clock.now(), "session.end", str(session_id)))
        self.ended(session_id)

    def sign_out_everywhere(self, by: Principal, *, of: UUID, but: UUID | None = None, tokens: bool = False) -> int:
        """As `end_all_of`, with its audit leaf; with `tokens` the API tokens are revoked too. Returns how many were."""
        now, revoked = self._clock.now(), 0
        with self._records.session() as session:
            audit.append(session, audit.Step.of(by, now, "session.end-all", str(of)))
            if tokens:
                revoked = revoke_all_of(session, of, by, now)
        self.end_all_of(of, but=but)
        return revoked

    def sign_out(self, principal: Principal) -> None:
        """End the session; its token is worth nothing from now on. Blocking."""
        with self._records.session() as session:
            self._end(session, principal.session)
            audit.append(session, audit.Step.of(principal, self._clock.now(), "session.end", str(principal.session)))
        self.ended(principal.session)

    def choose_post(self, principal: Principal, post: str) -> None:
        """Sit down at another of the person's posts ("" leaves the post). Blocking. Raises Forbidden."""
        with self._records.session() as session:
            _check_post(session, principal.posts, post, principal.language)
            session.get_one(SignIn, principal.session).post = post
            step = audit.Step.of(
                principal,
                self._clock.now(),
                "session.post",
                str(principal.session),
                before={"post": principal.post},
                after={"post": post},
            )
            audit.append(session, step)
        self.forget()

    def choose_language(self, principal: Principal, language: Language) -> None:
        """Blocking."""
        with self._records.session() as session:
            session.get_one(SignIn, principal.session).language = language
        self.forget()

    def end_all_of(self, person: UUID, *, but: UUID | None = None) -> None:
        """Sign the person out everywhere, except in session `but`. Consoles at a post go on showing, with nobody signed in. Blocking."""
        with self._records.session() as session:
            running = select(SignIn.id).where(SignIn.person_id == person, SignIn.ended_at.is_(None))
            ended = [one for one in session.scalars(running) if one != but]
            over = [one for one in ended if not self._left_in_view(session, one)]
        self.forget()
        for one in over:
            self.ended(one)

    def forget(self) -> None:
        """People, roles or sessions changed: every principal is read anew."""
        self._known.clear()
        self._changed()

    def _changed(self) -> None:
        self.changes += 1
        for listener in self._on_change:
            listener()

    def _look_up(self, account: str, address: str, device: str) -> tuple[Person | None, Origin]:
        """The person, and how well this origin is known; asked the same way whether or not the account exists."""
        since = self._clock.now() - KNOWN_FOR
        with self._records.reading() as session:
            person = session.scalars(select(Person).where(Person.account == account)).one_or_none()
            seen = select(SignIn.id).join(Person, Person.id == SignIn.person_id)
            seen = seen.where(Person.account == account, SignIn.from_where == address, SignIn.began_at > since).limit(1)
            known = devices.is_known(session, device, account, self._clock)
            return person, Origin(
                account=account,
                address=address,
                exists=person is not None,
                device=devices.hashed(device).hex() if known else "",
                known_address=session.scalars(seen).first() is not None,
            )

    def _refused(self, person: Person | None, address: str, why: str) -> None:
        # An unknown account is not written down: people type their password into that field.
        who = str(person.id) if person is not None else ""
        self._refusals.note(Refusal(who, "", address, "sign-in", why))

    def _begin(
        self,
        person_id: UUID,
        post: str,
        address: str,
        language: Language,
        replacing: UUID | None,
        device: str,
        station: str,
        shown: Shown | None = None,
    ) -> SignedIn:
        token, now = secrets.token_urlsafe(32), self._clock.now()
        with self._records.session() as session:
            person = session.get_one(Person, person_id)
            posts = assigned_posts(person)
            _check_post(session, posts, post, language)
            post = post or (posts[0] if len(posts) == 1 else "")
            if replacing is not None:
                self._end(session, replacing)
            sign_in = SignIn(
                id=uuid7(self._clock),
                token_hash=token_hash(token),
                person_id=person.id,
                post=post,
                language=language,
                from_where=address,
                began_at=now,
                seen_at=now,
                ended_at=None,
                needs=self._needs(session, person, now, shown, at_station=bool(station)),
                unattended_at=None,
                provider=shown.issuer if shown is not None else "",
            )
            session.add(sign_in)
            device = devices.keep(session, device, person.id, address, self._clock)
            principal = self._principal(session, sign_in)
            assert principal is not None
            taken_over = {"session": str(replacing)} if replacing is not None else None
            by = {"station": station} if station else {}
            if shown is not None:
                by |= {
                    "provider": shown.issuer,
                    "subject": shown.subject,
                    "second_factor": "provider" if shown.second_factor else "own",
                }
            audit.append(
                session, audit.Step.of(principal, now, "session.begin", str(sign_in.id), before=taken_over, after=by or None)
            )
        self._remember(token_hash(token), principal)
        return SignedIn(token, principal, device)

    def _needs(self, session: Session, person: Person, now: Micros, shown: Shown | None, *, at_station: bool) -> str:
        """What must be done before anything else. Looked at when somebody signs in, never while they work: no policy empties a console."""
        policy, needs = self._policies.current, []
        if shown is None and (due := policy.password_due(person)) is not None and now >= due:
            needs.append("password")
        if (due := policy.factor_due(person)) is not None and now >= due and not has_factor(session, person.id):
            held = (at_station and policy.station_counts(person)) or (shown is not None and shown.second_factor)
            needs += [] if held else ["factor"]
        return " ".join(needs)

    def _principal(self, session: Session, sign_in: SignIn) -> Principal | None:
        person = session.get(Person, sign_in.person_id)
        if person is None or sign_in.ended_at is not None:
            return None
        left = sign_in.unattended_at is not None or sign_in.post not in {"", *assigned_posts(person)}
        if left and sign_in.post and (station := self._unattended(sign_in)) is not None:
            return station
        if person.disabled or sign_in.unattended_at is not None or self._is_over(sign_in):
            return None
        posts, policy, enrolled = assigned_posts(person), self._policies.current, has_factor(session, person.id)
        return Principal(
            person=person.id,
            account=person.account,
            name=Label(zh=person.name_zh, en=person.name_en),
            session=sign_in.id,
            grants=grants_of(person, self._roles),
            posts=posts,
            post=sign_in.post if sign_in.post in posts else "",
            language="en" if sign_in.language == "en" else "zh",
            must_change=(person.must_change and not sign_in.provider) or "password" in sign_in.needs,
            must_enrol="factor" in sign_in.needs and not enrolled,
            factor_due=None if enrolled else policy.factor_due(person),
            password_due=None if sign_in.provider else policy.password_due(person),
            from_where=sign_in.from_where,
        )

    def _unattended(self, sign_in: SignIn) -> Principal | None:
        """The console of a post whose person is gone: it shows what the post watches and does nothing (DOMAIN.md 15). None for a post that
        watches nothing any more."""
        see = frozenset(name for name, action in self._roles.actions.items() if action.kind == "view") & STATION_SEES
        grants = tuple(Grant(UNATTENDED, place, see) for place in self.places_of_post(sign_in.post))
        return (
            None
            if not grants
            else Principal(
                person=sign_in.person_id,
                account="",
                name=Label(zh="无人登录", en="Nobody signed in"),
                session=sign_in.id,
                grants=grants,
                post=sign_in.post,
                language="en" if sign_in.language == "en" else "zh",
                from_where=sign_in.from_where,
                unattended=True,
            )
        )

    def _left_in_view(self, session: Session, session_id: UUID) -> bool:
        """The person is gone from here; a post's console stays in view, any other session ends."""
        sign_in = session.get_one(SignIn, session_id)
        if not sign_in.post or not self.places_of_post(sign_in.post):
            self._end(session, session_id)
            return False
        sign_in.unattended_at = sign_in.unattended_at or self._clock.now()
        return True

    def _is_over(self, sign_in: SignIn) -> bool:
        if sign_in.ended_at is not None:
            return True
        now = self._clock.now()
        policy = self._policies.current
        longest, idle = policy.longest_hours * HOUR, policy.idle_minutes * MINUTE
        return not sign_in.post and (now > sign_in.began_at + longest or now > sign_in.seen_at + idle)

    def _touch(self, sign_in: SignIn) -> None:
        now = self._clock.now()
        if now < sign_in.seen_at + SEEN_EVERY:
            return
        try:
            with self._records.session() as session:
                session.get_one(SignIn, sign_in.id).seen_at = now
        except StoreError as failure:
            # A full disk must not send people away from the console; at worst the session ends early.
            log.warning("session use not recorded", session=str(sign_in.id), error=str(failure))

    def _end(self, session: Session, session_id: UUID) -> None:
        sign_in = session.get(SignIn, session_id)
        if sign_in is not None and sign_in.ended_at is None:
            sign_in.ended_at = self._clock.now()

    def _remember(self, hashed: bytes, principal: Principal | None) -> None:
        if len(self._known) > 4096:
            self._known.clear()  # made-up tokens can't fill the memory
        self._known[hashed] = _Known(principal, self._clock.monotonic() + CACHE_SECONDS)

    def ended(self, session_id: UUID) -> None:
        """Tell all who follow sessions that this one is over."""
        self.forget()
        for listener in self._on_end:
            listener(session_id)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def csrf_token(token: str) -> str:
    """What a page of this session shows with a write: made from the token, which a foreign page can't read."""
    return hashlib.sha256(b"csrf:" + token.encode("utf-8", "surrogatepass")).hexdigest()


def _check_post(session: Session, posts: tuple[str, ...], post: str, language: Language) -> None:
    if post and post not in posts:
        raise Forbidden(
            "you are not assigned to the post {post}; yours: {posts}",
            post=post_names(session, [post], language),
            posts=post_names(session, posts, language),
        )
