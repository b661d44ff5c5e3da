"""Signing in by an identity service (OpenID Connect).

    browser                      console                               identity service
      │  begin ───────────────────▶│ state, nonce, PKCE; kept here           │
      │◀── cookie, "go there" ─────┤                                         │
      ├── signs in there ──────────┼────────────────────────────────────────▶│
      │── callback: code, state ──▶│── code, verifier, secret ──────────────▶│
      │                            │◀── ID token: verified ──────────────────┤
      │◀── a page of ours ─────────┤                                         │
      │── finish (own code?) ─────▶│ session                                 │

`finish` is a write of our own page: cookies that no foreign page sends (session, station, device) come with it, and a second factor of ours
can be asked for. What is under way is in memory and bound to the browser by a cookie: an answer that another browser fetched is worth nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from anlan.guard.limiter import TooManyTries
from anlan.guard.principal import Principal
from anlan.guard.refusals import Refusal
from anlan.model.clock import MINUTE, SECOND, Clock, Micros
from anlan.model.errors import AnlanError, NotFound, Unavailable
from anlan.model.languages import Language
from anlan.web.answers import Json
from anlan.web.api_keys import FactorCode
from anlan.web.api_session import who
from anlan.web.api_stations import station_name
from anlan.web.auth import cookie_name, device_of, from_where, public, served_origin, set_cookie, set_device
from anlan.web.context import Context, WebSettings
from anlan.web.problem import language_of

if TYPE_CHECKING:
    from anlan.guard.oidc import Asked, Provider, Shown

PROVIDER = "web.identity"
"""Where `node` puts the `Provider` among the context's extras."""
FAULT = "identity service"
LASTS: Micros = 10 * MINUTE
AT_ONCE = 4096
OF_ONE = 64
"""Begun from one address: whoever begins without end puts out their own, not everybody's."""
WRONG = 20
WINDOW = 15 * MINUTE
"""Answers of one address that were no good, of which each makes us ask the service."""

Target = Annotated[str, Query(max_length=2000)]


class Finish(BaseModel):
    """`code`: of the own second factor, where the service's does not count. `post` as in POST /session."""

    model_config = ConfigDict(extra="forbid")

    post: Annotated[str, Field(max_length=256)] = ""
    code: FactorCode = ""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """One browser's sign-in; `browser` is the hash of its cookie. `shown`: once the service has answered."""

    browser: bytes
    asked: Asked
    target: str
    language: Language
    until: Micros
    address: str
    shown: Shown | None = None


class SignInsUnderWay:
    """Belongs to the app's event loop. By state until the service has answered, then by browser until the session begins."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_state: OrderedDict[str, _UnderWay] = OrderedDict()
        self._by_browser: OrderedDict[bytes, _UnderWay] = OrderedDict()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, asked: Asked, target: str, language: Language, address: str) -> str:
        """Returns what the browser's cookie is to hold."""
        cookie = secrets.token_urlsafe(32)
        own = [state for state, one in self._by_state.items() if one.address == address]
        for state in own[: len(own) - OF_ONE + 1]:
            del self._by_state[state]
        one = _UnderWay(_hash(cookie), asked, target, language, self._clock.now() + LASTS, address)
        _keep(self._by_state, asked.state, one)
        return cookie

    def count(self, address: str) -> None:
        """Before the service is asked; `good` takes it back. Raises TooManyTries."""
        now = self._clock.monotonic()
        wrong = self._wrong.setdefault(address, deque())
        while wrong and wrong[0] <= now - WINDOW / SECOND:
            wrong.popleft()
        if len(wrong) >= WRONG:
            raise TooManyTries(
                "too many sign-ins at once; try again in {seconds} s", seconds=int(wrong[0] + WINDOW / SECOND - now) + 1
            )
        wrong.append(now)
        while len(self._wrong) > AT_ONCE:
            self._wrong.popitem(last=False)

    def good(self, address: str) -> None:
        if self._wrong.get(address):
            self._wrong[address].pop()

    def asked(self, state: str, cookie: str) -> _UnderWay | None:
        """What this state was made for, once, in the browser that it was made for."""
        found = self._by_state.get(state)
        if found is None or found.browser != _hash(cookie):
            return None
        del self._by_state[state]
        return found if found.until >= self._clock.now() else None

    def answered(self, one: _UnderWay, shown: Shown) -> None:
        _keep(self._by_browser, one.browser, replace(one, shown=shown))

    def shown(self, cookie: str) -> Shown | None:
        found = self._by_browser.get(_hash(cookie))
        return found.shown if found is not None and found.until >= self._clock.now() else None

    def over(self, cookie: str) -> None:
        self._by_browser.pop(_hash(cookie), None)


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["session"])
    under_way, settings, sessions = SignInsUnderWay(context.clock), context.settings, context.guard.sessions

    @router.get("/oidc", dependencies=[public()])
    async def status() -> Response:
        """Whether people may sign in by an identity service, what it is called, and whether it answers now."""
        provider = provider_of(context)
        if provider is None:
            return Json({"configured": False, "name": None, "available": False})
        try:
            await provider.answers()
        except Unavailable:
            return Json({"configured": True, "name": provider.settings.name.model_dump(), "available": False})
        return Json({"configured": True, "name": provider.settings.name.model_dump(), "available": True})

    @router.get("/oidc/begin", dependencies=[public()], status_code=303, response_class=RedirectResponse)
    async def begin(request: Request, next: Target = "/", lang: Annotated[str, Query(max_length=8)] = "") -> Response:
        """Send the browser to the identity service. `next`: the page that opens afterwards."""
        provider, language = _must(context), _chosen(lang, request)
        home = provider.settings.address.rstrip("/")
        if served_origin(request, settings) != home:
            # Cookies belong to a name: the answer comes back to the one that is registered there.
            return RedirectResponse(f"{home}/api/v1/oidc/begin?{urlencode({'next': next, 'lang': language})}", status_code=303)
        try:
            asked = await provider.question()
        except Unavailable as down:
            return _page(context, request, _message(down, language), language, next, status=503)
        answer = RedirectResponse(asked.url, status_code=303, headers={"Cache-Control": "no-store"})
        # Lax, because the way back from the service is a foreign page's link.
        answer.set_cookie(
            _cookie(settings), under_way.begin(asked, next, language, from_where(request)), max_age=600, path="/", httponly=True, samesite="lax", secure=settings.tls
        )  # fmt: skip
        return answer

    @router.get("/oidc/callback", dependencies=[public()], response_class=HTMLResponse)
    async def callback(
        request: Request,
        state: Annotated[str, Query(max_length=500)] = "",
        code: Annotated[str, Query(max_length=4000)] = "",
        error: Annotated[str, Query(max_length=200)] = "",
        iss: Annotated[str, Query(max_length=500)] = "",
    ) -> Response:
        """Where the identity service sends the browser back: a page that finishes the sign-in, or says why not."""
        from anlan.guard.oidc import NotBelieved

        provider = _must(context)
        one = under_way.asked(state, request.cookies.get(_cookie(settings), ""))
        language = one.language if one is not None else language_of(request)
        target = one.target if one is not None else "/"
        try:
            if one is None:
                raise NotBelieved("this sign-in was not begun in this browser, is over, or took too long: begin anew")
            if error or not code:
                raise NotBelieved("the identity service let nobody in: {why}", why=error or "no code")
            under_way.count(from_where(request))
            shown = await provider.shown(one.asked, code, iss)
            under_way.good(from_where(request))
        except AnlanError as refusal:
            if not isinstance(refusal, Unavailable):
                why = f"identity service: {refusal.message}"
                context.guard.refusals.note(Refusal("", "", from_where(request), "sign-in", why))
            return _page(context, request, _message(refusal, language), language, target, status=refusal.status)
        under_way.answered(one, shown)
        return _page(context, request, _finish_card(shown, language), language, target)

    @router.post("/oidc/finish", dependencies=[public()])
    async def finish(request: Request, body: Finish) -> Response:
        """Begin the session of whom the identity service has shown to this browser; the answer is that of POST /session."""
        from anlan.guard.oidc import NotBelieved

        cookie = request.cookies.get(_cookie(settings), "")
        shown = under_way.shown(cookie)
        if shown is None:
            raise NotBelieved("this sign-in was not begun in this browser, is over, or took too long: begin anew")
        leaving: Principal | None = request.scope["state"].get("principal")
        signed_in = await sessions.sign_in_by(
            shown,
            address=from_where(request),
            post=body.post,
            language=language_of(request),
            replacing=leaving.session if leaving is not None else None,
            code=body.code,
            device=device_of(request, settings),
            station=station_name(context, request),
        )
        under_way.over(cookie)
        answer = Json(who(context, signed_in.principal, signed_in.token))
        set_cookie(answer, settings, signed_in.token)
        set_device(answer, settings, signed_in.device)
        answer.delete_cookie(_cookie(settings), path="/", httponly=True, samesite="lax", secure=settings.tls)
        return answer

    return router


def provider_of(context: Context) -> Provider | None:
    found: Provider | None = context.extras.get(PROVIDER)
    return found


def _must(context: Context) -> Provider:
    provider = provider_of(context)
    if provider is None:
        raise NotFound("no identity service is set for this console: sign in by account and password")
    return provider


def _page(context: Context, request: Request, card: Any, language: Language, target: str, status: int = 200) -> Response:
    from anlan.web.door import inside, page_around

    request.scope["state"]["language"] = language
    document = page_around(context, card, language, inside(target))
    return HTMLResponse(document, status_code=status, headers={"Cache-Control": "no-store"})


def _message(refusal: AnlanError, language: Language) -> Any:
    from anlan.web.door import refused_card

    return refused_card(refusal.text(language), language)


def _finish_card(shown: Shown, language: Language) -> Any:
    from anlan.web.door import finish_card

    return finish_card(shown.account, language)


def _chosen(lang: str, request: Request) -> Language:
    return "en" if lang == "en" else "zh" if lang == "zh" else language_of(request)


def _cookie(settings: WebSettings) -> str:
    return cookie_name(settings) + "-oidc"


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(b"oidc:" + cookie.encode("utf-8", "surrogatepass")).digest()


def _keep(kept: OrderedDict[Any, _UnderWay], key: Any, one: _UnderWay) -> None:
    kept[key] = one
    while len(kept) > AT_ONCE:
        kept.popitem(last=False)
