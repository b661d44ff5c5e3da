"""Signing in by an identity service: the whole way, what is refused on it, and that the own sign-in never depends on it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwk
from sqlalchemy import select
from typer.testing import CliRunner

from anlan.cli import _register_rooms
from anlan.cli import app as commands
from anlan.guard.oidc import Provider
from anlan.guard.oidc_settings import IdentitySettings, read_settings
from anlan.guard.records import AuditLeaf
from anlan.model.clock import DAY, MINUTE, SECOND, SystemClock
from anlan.model.errors import AnlanError
from anlan.web import api_oidc
from anlan.web.api_oidc import OF_ONE, PROVIDER, WRONG
from tests.ports import free_ports
from tests.web import glewlwyd
from tests.web.conftest import PASSWORD, Console
from tests.web.glewlwyd import PROGRAM, Glewlwyd
from tests.web.identity_service import CLIENT, ISSUER, SECRET, IdentityService
from tests.web.test_factor_routes import set_up

HERE = "http://localhost:8600"
SETTINGS = {"issuer": ISSUER, "address": HERE, "client_id": CLIENT, "client_secret_env": "X", "claim": "preferred_username"}


@pytest.fixture
def service(node: Any) -> IdentityService:
    made = IdentityService(node.clock)
    settle(node, made)
    return made


def settle(node: Any, service: IdentityService, **settings: Any) -> None:
    chosen = {name: value for name, value in {**SETTINGS, **settings}.items() if value is not None}
    node.context.extras[PROVIDER] = Provider(IdentitySettings.model_validate(chosen), SECRET, node.clock, service.transport)


def browser_of(app: Any) -> Console:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("10.0.0.7", 50_000))
    return Console(transport=transport, base_url=HERE, headers={"Origin": HERE, "Accept-Language": "en"})


@pytest.fixture
async def desk(app: Any) -> AsyncIterator[Console]:
    async with browser_of(app) as client:
        yield client


async def begin(desk: Console) -> str:
    went = await desk.get("/api/v1/oidc/begin?next=/alarms")
    assert went.status_code == 303, went.text
    return str(went.headers["location"])


async def back(desk: Console, service: IdentityService, **other: str) -> httpx.Response:
    """The browser after a person has signed in there, at the page that our node answers with."""
    return await desk.get("/api/v1/oidc/callback", params={**service.sign_in(await begin(desk)), **other})


async def finish(desk: Console, **given: str) -> httpx.Response:
    return await desk.post("/api/v1/oidc/finish", json=given)


def leaves(node: Any, action: str) -> list[AuditLeaf]:
    with node.records.reading() as session:
        return list(session.scalars(select(AuditLeaf).where(AuditLeaf.action == action)))


async def test_a_person_signs_in_by_it_with_the_rights_held_here(desk: Console, service: IdentityService, node: Any) -> None:
    assert (await desk.get("/api/v1/oidc")).json()["available"] is True
    page = await back(desk, service)
    assert (page.status_code, "oidc-finish" in page.text, '"target":"/alarms"' in page.text) == (200, True, True)
    told = await finish(desk)
    assert told.status_code == 200, told.text
    assert (told.json()["account"], told.json()["roles"][0]["id"]) == ("gas", "inside_operator")
    assert (await desk.get("/api/v1/alarms")).status_code == 200
    (leaf,) = leaves(node, "session.begin")
    assert leaf.after == {"provider": ISSUER, "subject": "3f1c", "second_factor": "own"}
    assert (await finish(desk)).status_code == 401, "what it showed is worth one session"
    assert (await desk.delete("/api/v1/session")).status_code == 200
    assert (await desk.get("/api/v1/me")).status_code == 401


async def test_who_has_no_account_here_gets_none(desk: Console, service: IdentityService, node: Any) -> None:
    for claims in ({"preferred_username": "stranger"}, {"preferred_username": "GAS"}, {"preferred_username": ["gas"]}, {}):
        service.claims = claims
        page = await back(desk, service)
        answer = await finish(desk) if page.status_code == 200 else page
        assert answer.status_code == 401
        assert "no account of this console" in answer.text
    assert leaves(node, "session.begin") == []
    settle(node, service, claim=None, accounts={"3f1c": "tanks"})
    await back(desk, service)
    assert (await finish(desk)).json()["account"] == "tanks"


async def test_an_email_counts_if_the_service_has_checked_it(node: Any, service: IdentityService, desk: Console) -> None:
    settle(node, service, claim="email")
    for checked, status in ((None, 401), (False, 401), ("true", 401), (True, 200)):
        service.claims = {"email": "gas", "email_verified": checked}
        assert (await back(desk, service)).status_code == status


FOREIGN = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


def forged(**changes: Any) -> Callable[..., None]:
    def change(claims: dict[str, Any], header: dict[str, Any]) -> None:
        for name, value in changes.items():
            claims.update({name: value(claims[name]) if callable(value) else value})

    return change


def by_none(_: dict[str, Any], header: dict[str, Any]) -> None:
    header.update(alg="none")


def by_another_key(_: dict[str, Any], __: dict[str, Any]) -> Any:
    return FOREIGN


def by_an_unknown_key(_: dict[str, Any], header: dict[str, Any]) -> Any:
    header.update(kid="two")
    return FOREIGN


FORGED = {
    "signed by nobody": by_none,
    "signed by another key": by_another_key,
    "signed by an unknown key": by_an_unknown_key,
    "for another client": forged(aud="other"),
    "for us among others, asked for by another": forged(aud=[CLIENT, "other"], azp="other"),
    "of another issuer": forged(iss="https://login.evil.example"),
    "an old nonce": forged(nonce="of-yesterday"),
    "no nonce": forged(nonce=None),
    "over": forged(iat=lambda now: now - 900, exp=lambda now: now - 900),
    "from the future": forged(iat=lambda now: now + 900),
    "about nobody": forged(sub=""),
}


async def test_a_forged_id_token_lets_nobody_in(desk: Console, service: IdentityService) -> None:
    for name, forge in FORGED.items():
        service.forge = forge
        page = await back(desk, service)
        assert (page.status_code, "does not count" in page.text) == (401, True), name
        assert (await finish(desk)).status_code == 401, name
    service.forge = None
    assert (await back(desk, service)).status_code == 200


async def test_a_token_signed_by_the_public_key_as_a_secret_lets_nobody_in(desk: Console, service: IdentityService) -> None:
    secret = jwk.OctKey.import_key(base64.urlsafe_b64encode(service.key.as_pem(private=False)).decode())

    def confused(_: dict[str, Any], header: dict[str, Any]) -> Any:
        header.update(alg="HS256")
        return secret

    service.forge = confused
    assert (await back(desk, service)).status_code == 401


async def test_an_answer_counts_once_in_the_browser_that_asked(
    desk: Console, service: IdentityService, app: Any, node: Any
) -> None:
    answer = service.sign_in(await begin(desk))
    async with browser_of(app) as other:
        await begin(other)
        assert (await other.get("/api/v1/oidc/callback", params=answer)).status_code == 401, "fetched by another browser"
    assert (await desk.get("/api/v1/oidc/callback", params=answer)).status_code == 200
    assert (await desk.get("/api/v1/oidc/callback", params=answer)).status_code == 401, "replayed"
    used = service.sign_in(await begin(desk))
    asked = {"code": answer["code"], "state": used["state"], "iss": ISSUER}
    assert "invalid_grant" in (await desk.get("/api/v1/oidc/callback", params=asked)).text, "a code of earlier"
    assert (await back(desk, service, iss="https://login.evil.example")).status_code == 401, "mixed up"
    assert (await back(desk, service, error="access_denied")).status_code == 401
    late = service.sign_in(await begin(desk))
    node.clock.advance(11 * MINUTE)
    assert (await desk.get("/api/v1/oidc/callback", params=late)).status_code == 401
    node.clock.advance(2 * MINUTE)
    assert len(leaves(node, "session.begin")) == 0


async def test_the_services_keys_change(desk: Console, service: IdentityService, node: Any) -> None:
    await back(desk, service)
    service.rotate()
    assert (await back(desk, service)).status_code == 401, (
        "not asked for again at once: an unknown key is not a way to make us ask"
    )
    node.clock.advance(11 * SECOND)
    assert (await back(desk, service)).status_code == 200
    assert service.asked["/keys"] == 2


async def test_while_it_is_down_people_sign_in_by_password(desk: Console, service: IdentityService, node: Any) -> None:
    service.up = False
    for _ in range(5):
        assert (await desk.get("/api/v1/oidc")).json() == {"configured": True, "name": {"zh": "统一身份认证", "en": "Identity service"}, "available": False}  # fmt: skip
    assert service.asked == {"/.well-known/openid-configuration": 1}, "one that is down is not asked by every door that opens"
    refused = await desk.get("/api/v1/oidc/begin")
    assert (refused.status_code, "does not answer" in refused.text) == (503, True)
    assert "identity-way" in (await desk.get("/login")).text
    await desk.sign_in("gas")
    service.up = True
    node.clock.advance(11 * SECOND)
    answer = service.sign_in(await begin(desk))
    service.up = False
    assert (await desk.get("/api/v1/oidc/callback", params=answer)).status_code == 503


async def test_a_service_that_describes_itself_wrongly_is_none(desk: Console, service: IdentityService, node: Any) -> None:
    for wrong in (
        {"issuer": "https://login.evil.example"},
        {"jwks_uri": "http://login.works.example/keys"},
        {"token_endpoint": 7},
    ):
        service.metadata = wrong
        settle(node, service)
        assert (await desk.get("/api/v1/oidc")).json()["available"] is False, wrong


async def test_its_second_factor_counts_only_where_that_is_set(
    desk: Console, console: Console, service: IdentityService, node: Any
) -> None:
    service.claims |= {"amr": ["pwd", "mfa"], "acr": "gold"}
    await console.sign_in("gas")
    _, codes = await set_up(console, node)
    await back(desk, service)
    asked = await finish(desk)
    assert (asked.status_code, asked.json()["code"]) == (401, "second-factor-needed")
    assert (await finish(desk, code="000000")).status_code == 401
    assert (await finish(desk, code=codes[0])).status_code == 200
    settle(node, service, second_factor={"acr": ["platinum"], "amr": ["mfa"]})
    await back(desk, service)
    assert (await finish(desk)).status_code == 200
    assert (leaves(node, "session.begin")[-1].after or {})["second_factor"] == "provider"
    node.clock.advance(8 * DAY)
    service.claims = {"preferred_username": "tanks"}
    await back(desk, service)
    assert (await finish(desk)).json()["must_enrol_factor"] is True
    service.claims |= {"amr": ["mfa"]}
    await back(desk, service)
    assert (await finish(desk)).json()["must_enrol_factor"] is False


async def test_a_one_time_password_is_no_matter_to_who_comes_by_it(
    desk: Console, console: Console, service: IdentityService
) -> None:
    await console.sign_in("admin")
    new = {"account": "wang.li", "name": {"zh": "王立"}, "held": [{"role": "auditor"}]}
    made = (await console.post("/api/v1/people", json=new)).json()
    service.claims = {"preferred_username": "wang.li"}
    await back(desk, service)
    told = (await finish(desk)).json()
    assert (told["account"], told["must_change_password"]) == ("wang.li", False)
    await console.patch(f"/api/v1/people/{made['id']}", json={"disabled": True})
    assert (await desk.get("/api/v1/me")).status_code == 401
    await back(desk, service)
    assert (await finish(desk)).status_code == 401, "a closed account stays closed"


async def test_without_one_the_door_has_no_such_way(desk: Console) -> None:
    assert (await desk.get("/api/v1/oidc")).json()["configured"] is False
    assert (await desk.get("/api/v1/oidc/begin")).status_code == 404
    assert "identity-way" not in (await desk.get("/login")).text
    assert (await desk.post("/api/v1/session", json={"account": "gas", "password": PASSWORD})).status_code == 200


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Glewlwyd]:
    if PROGRAM is None:
        pytest.skip("glewlwyd is not installed; `make test-deps` brings it")
    running = Glewlwyd(tmp_path_factory.mktemp("glewlwyd"), free_ports())
    running.start(f"{HERE}/api/v1/oidc/callback", "gas")
    yield running
    running.stop()


@pytest.mark.parametrize("auth", ["basic", "post"])
async def test_a_foreign_service_lets_its_person_in_once(desk: Console, node: Any, foreign: Glewlwyd, auth: str) -> None:
    """Not written by us: Glewlwyd, whose clock is the machine's."""
    settings = IdentitySettings.model_validate({**SETTINGS, "issuer": foreign.issuer, "client_auth": auth})
    node.context.extras[PROVIDER] = Provider(settings, glewlwyd.SECRET, SystemClock())
    answer = await asyncio.to_thread(foreign.sign_in, await begin(desk), "gas")
    page = await desk.get("/api/v1/oidc/callback", params=answer)
    assert page.status_code == 200, page.text[:2000]
    assert (await finish(desk)).json()["account"] == "gas"
    fresh = dict(parse_qsl(urlsplit(await begin(desk)).query))
    replayed = await desk.get("/api/v1/oidc/callback", params={**answer, "state": fresh["state"]})
    assert (replayed.status_code, "did not take back its own code" in replayed.text) == (401, True)
    node.context.extras[PROVIDER] = Provider(settings, "another secret", SystemClock())
    answer = await asyncio.to_thread(foreign.sign_in, await begin(desk), "gas")
    refused = await desk.get("/api/v1/oidc/callback", params=answer)
    assert (refused.status_code, "did not take back its own code" in refused.text) == (401, True)


def test_its_file_is_read_and_mistakes_are_named(tmp_path: Path) -> None:
    assert read_settings(tmp_path) is None
    secret = tmp_path / "oidc.secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    good = f"issuer: {ISSUER}\naddress: https://console.plant\nclient_id: anlan\nclient_secret_file: oidc.secret\nclaim: preferred_username\n"
    for text, mode, why in (
        (good, 0o600, ""),
        (good, 0o640, "0600"),
        (good.replace("https://login", "http://login"), 0o600, "https:// address"),
        (good + "algorithms: [HS256]\n", 0o600, "HS256"),
        (good + "accounts: {a: b}\n", 0o600, "one of claim and accounts"),
        (good + "scopes: [profile]\n", 0o600, "openid"),
        (good + "colour: red\n", 0o600, "colour"),
        (good + "ca_file: works.pem\n", 0o600, "works.pem"),
        (good.replace("client_secret_file: oidc.secret", "client_secret_env: ANLAN_NOT_THERE"), 0o600, "ANLAN_NOT_THERE"),
        ("issuer: [", 0o600, "identity.yaml:1"),
    ):
        (tmp_path / "identity.yaml").write_text(text)
        secret.chmod(mode)
        told = ""
        try:
            found = read_settings(tmp_path)
        except AnlanError as error:
            told = str(error)
        else:
            assert found is not None
            assert found[1] == "s3cret"
        assert why in told or not why, told
        assert bool(told) is bool(why)
        assert "s3cret" not in told


def test_the_command_says_what_the_service_must_know_and_that_it_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANLAN_OIDC_SECRET", "s3cret")
    _register_rooms()
    nowhere = f"http://127.0.0.1:{free_ports()}"
    text = (
        f"issuer: {nowhere}\naddress: https://console.plant\nclient_id: anlan\nclient_secret_env: ANLAN_OIDC_SECRET\nclaim: upn\n"
    )
    (tmp_path / "identity.yaml").write_text(text)
    told = CliRunner().invoke(commands, ["identity", "check", "--data", str(tmp_path)], env={"LANG": "C.UTF-8"})
    assert told.exit_code == 1
    assert "https://console.plant/api/v1/oidc/callback" in told.output
    assert "s3cret" not in told.output


async def test_strangers_neither_put_out_others_nor_make_us_ask_without_end(
    desk: Console, service: IdentityService, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One address begins and answers without end: another's sign-in goes on, and the service is left in peace."""
    monkeypatch.setattr(api_oidc, "AT_ONCE", OF_ONE + 1)
    stranger = httpx.AsyncClient(transport=httpx.ASGITransport(app, client=("10.6.6.6", 1)), base_url=HERE)
    await asyncio.gather(*(stranger.get("/api/v1/oidc") for _ in range(20)))
    assert service.asked["/.well-known/openid-configuration"] == 1
    shown = service.sign_in(await begin(desk))
    for _ in range(OF_ONE + 5):
        began = await stranger.get("/api/v1/oidc/begin")
    assert began.status_code == 303
    for _ in range(WRONG + 3):
        state = dict(parse_qsl(urlsplit((await stranger.get("/api/v1/oidc/begin")).headers["location"]).query))["state"]
        await stranger.get("/api/v1/oidc/callback", params={"state": state, "code": "made up", "iss": ISSUER})
    assert service.asked["/token"] == WRONG
    assert (await desk.get("/api/v1/oidc/callback", params=shown)).status_code == 200
    assert (await finish(desk)).status_code == 200
    await stranger.aclose()
