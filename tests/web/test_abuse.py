"""What was done to products like this one, tried here. Which weakness is shown by which test, these and those elsewhere: docs/security.md."""

from __future__ import annotations

import asyncio
import base64
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.words import Label
from anlan.monitor.expressions import ExpressionError, PointFacts, parse
from anlan.plant.folder import check, load
from anlan.plant.writing import export_folder
from anlan.web import theme
from tests.web.conftest import PASSWORD, Node, console_of
from tests.web.matrix import calls

DOORS = ("/login", "/pair", "/emergency", "/api/v1/health", "/favicon.ico")
"""What answers anybody."""


async def token_of(console: Any, account: str = "safety") -> str:
    await console.sign_in(account)
    body = {"name": "historian", "actions": ["live.view"], "password": PASSWORD}
    return str((await console.post("/api/v1/me/tokens", json=body)).json()["token"])


async def raw(app: FastAPI, path: bytes, headers: dict[str, str], client: str = "10.6.6.6") -> tuple[int, dict[str, str], bytes]:
    """A request whose path no client library has tidied up: status, headers, body."""
    from urllib.parse import unquote_to_bytes

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": "GET", "root_path": "", "query_string": b"",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"), "raw_path": path, "client": (client, 1), "server": ("node", 80), "state": {},
        "headers": [(name.lower().encode(), value.encode()) for name, value in {"host": "node", **headers}.items()],
    }  # fmt: skip
    told: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        told.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    await app(scope, receive, send)
    found = {name.decode(): value.decode("latin-1") for name, value in told[0]["headers"]}
    return told[0]["status"], found, b"".join(message.get("body", b"") for message in told[1:])


# --- ESPHome GHSA-mxh2-ccgj-8635: an empty or shortened Authorization let in


async def test_a_credential_that_almost_fits_is_nobodys(console: Any, app: FastAPI) -> None:
    token = await token_of(console)
    program = console_of(app, "10.9.9.9")
    basic = [base64.b64encode(text.encode()).decode() for text in ("", ":", "safety:", f"safety:{PASSWORD}")]
    almost = [
        *("", "Bearer", "Bearer ", "Bearer anlan_", f"Bearer {token[:-1]}", f"Bearer {token[1:]}", f"Bearer {token}x", f"Bearer {token.upper()}"),
        *(f"Bearer {token}\x00", f"Bearer {token},{token}", f"Bearer {token} {token}", "Bearer " + "a" * 9000, "Bearer ａnlan", token, f"Token {token}"),
        *(f"Basic {text}" for text in basic),
    ]  # fmt: skip
    for shown in almost:
        answer = await program.get("/api/v1/live", headers={"Authorization": shown.encode()})
        assert answer.status_code == 401, shown
    assert (await program.get("/api/v1/live", headers={"Authorization": f"Bearer {token}"})).status_code == 200
    await program.aclose()


# --- ThingsBoard CVE-2023-26462: every installation signed with the same key


async def test_what_one_node_gave_out_is_nothing_to_another(
    console: Any, hashed: str, tmp_path: Path, blank_records: Path
) -> None:
    """The same person with the same password on both."""
    token = await token_of(console)
    (tmp_path / "other").mkdir()
    other = Node(tmp_path / "other").start(blank_records)
    with other.records.session() as session:
        add_person(
            session, NewPerson("safety", Label(zh="安"), (Held("safety_officer"),)), hashed, other.clock, must_change=False
        )
    built = other.app()
    async with built.router.lifespan_context(built):
        stranger = console_of(built)
        by_token = await stranger.get("/api/v1/live", headers={"Authorization": f"Bearer {token}"})
        stranger.cookies = console.cookies
        by_cookie = await stranger.get("/api/v1/live")
        await stranger.aclose()
    other.close()
    assert (by_token.status_code, by_cookie.status_code) == (401, 401)
    assert (await console.get("/api/v1/live")).status_code == 200


# --- ThingsBoard CVE-2020-27687: the Host header went into a link that was sent


async def test_no_answer_repeats_the_host_it_was_asked_by(app: FastAPI) -> None:
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Original-URL": "/api/v1/live", "X-Rewrite-URL": "/api/v1/live"}  # fmt: skip
    for given in evil.items():
        for path in (*DOORS, "/", "/alarms?x=1", "/api/v1/alarms", "/nothing"):
            status, headers, body = await raw(app, path.encode(), {**dict([given]), "accept": "text/html"})
            assert b"evil.example" not in body
            assert "evil.example" not in str(headers)
            assert headers.get("location", "/login").startswith("/login")
            assert path in DOORS or status in {303, 401}


# --- Grafana CVE-2021-39226: the route's own placeholder was a key; CVE-2021-43798: a path led out of the folder


async def test_a_placeholder_is_no_key(app: FastAPI, console: Any) -> None:
    for call in [one for one in calls(app) if one.method == "GET" and "{" in one.path]:
        for name in (":key", "*", "%", "_", "{alarm}", "null", "undefined", "0", "-1"):
            path = call.address(dict.fromkeys(["point", "alarm", "person", "source", "place", "post"], name))
            assert (await console.get(path)).status_code == 401, path
    await console.sign_in("safety")
    for path in ("/api/v1/alarms/:key", "/api/v1/points/*", "/api/v1/sources/%25", "/api/v1/points/_/why"):
        assert (await console.get(path)).status_code in {404, 405}


UP = [
    b"../",
    b"..%2f",
    b"%2e%2e/",
    b"%2e%2e%2f",
    b"..%5c",
    b"..\\",
    b"....//",
    b"%252e%252e%252f",
    b"..%c0%af",
    b".%00./",
    b"..;/",
]


ROOTS = [theme.base().encode() + b"/", b"/static/", b"/_nicegui/", b"/docs/", b"/api/v1/points/", b"/"]


async def test_no_path_leads_out_of_its_folder(app: FastAPI, node: Node, console: Any) -> None:
    """What lies there to be had: the node's own records, the program's source, the machine's list of accounts."""
    await console.sign_in("admin")
    cookie = "; ".join(f"{name}={value}" for name, value in console.cookies.items())
    targets = [b"etc/passwd", b"theme.py", str(node.folder / "records.db").encode().lstrip(b"/")]
    for root, up, target, deep in product(ROOTS, UP, targets, (1, 9)):
        status, _, body = await raw(app, root + up * deep + target, {"cookie": cookie})
        assert status in {303, 401, 404, 405, 422}, (root, up, target)
        assert not [one for one in (b"root:", b"SQLite format", b"import") if one in body]


# --- Grafana CVE-2025-41115: a foreign id that looked like a number became that user


async def test_an_account_that_looks_like_an_id_is_only_an_account(console: Any, app: FastAPI, node: Node, hashed: str) -> None:
    await console.sign_in("admin")
    people = {one["account"]: one["id"] for one in (await console.get("/api/v1/people")).json()["items"]}
    taken = ["1", "0", "true", "null", people["admin"].replace("-", "")]
    for account in taken:
        with node.records.session() as session:
            add_person(session, NewPerson(account, Label(zh="外"), (Held("contractor"),)), hashed, node.clock, must_change=False)
        other = console_of(app, "10.7.7.7")
        me = await other.sign_in(account)
        assert me["account"] == account
        assert (await other.get("/api/v1/people")).status_code == 403
        await other.aclose()
    for written in ("1", "0", "admin", people["admin"][:-1], people["admin"] + "0"):
        answer = await console.patch(f"/api/v1/people/{written}", json={"disabled": True})
        assert answer.status_code == 422, written


# --- Home Assistant GHSA-gh5m-4m97-c95h: whoever came from within was believed, and the door listed who works here


async def test_who_comes_from_near_is_a_stranger_too(app: FastAPI) -> None:
    near = {
        "X-Forwarded-For": "127.0.0.1",
        "X-Real-IP": "127.0.0.1",
        "Forwarded": "for=127.0.0.1",
        "X-Remote-User": "admin",
        "Remote-User": "admin",
    }
    for call in [one for one in calls(app) if one.method == "GET"]:
        for client in ("127.0.0.1", "::1", "192.168.1.2", "10.6.6.6"):
            status, _, _ = await raw(app, call.address({}).encode(), near, client)
            assert status == 401, (call.path, client)
    status, _, _ = await raw(app, b"/api/v1/metrics", {"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1")
    assert status == 401, "what a proxy on this machine hands on is not this machine"


async def test_the_door_names_nobody(app: FastAPI, node: Node, hashed: str) -> None:
    with node.records.session() as session:
        add_person(session, NewPerson("wang.qiaozhen", Label(zh="王巧珍"), (Held("safety_officer"),)), hashed, node.clock)
    for path in DOORS:
        for client in ("127.0.0.1", "192.168.1.2"):
            _, _, body = await raw(app, path.encode(), {"accept": "text/html"}, client)
            assert b"wang.qiaozhen" not in body
            assert "王巧珍".encode() not in body


# --- Grafana CVE-2026-27876: an expression wrote a file and ran it

ESCAPES = [
    "COPY (SELECT 1) TO '/tmp/x'", "ATTACH '/tmp/x.db' AS x", "INSTALL httpfs", "LOAD httpfs", "SELECT * FROM read_csv('/etc/passwd')",
    "__import__('os').system('id')", "().__class__.__bases__[0].__subclasses__()", "open('/etc/passwd').read()", "exec('1')", "lambda: 1",
    "AT-203.__class__", "AT-203; id", "$(id)", "`id`", "{{7*7}}", "${7*7}", "file('/etc/passwd')", "http('http://10.0.0.1/')", "env('PATH')",
    "'; DROP TABLE person; --", "AT-203 > 1 /* */", "AT-203 ** 9 ** 9 ** 9", "system(AT-203)", "getattr(AT-203, 'x')",
]  # fmt: skip


@pytest.mark.parametrize("text", ESCAPES)
def test_an_expression_is_arithmetic_and_nothing_else(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text, {"AT-203": PointFacts(1, "ppm")}.get)


# --- Ignition CVE-2025-13911, CVE-2025-13913: an imported project ran code


@pytest.fixture
def works(tmp_path: Path) -> Path:
    from tests.web.test_matrix import PLANT, POINTS

    folder = tmp_path / "works"
    folder.mkdir()
    (folder / "plant.yaml").write_text(PLANT, "utf-8")
    (folder / "points.csv").write_text(POINTS, "utf-8")
    return folder


TAGS = ["!!python/object/apply:os.system", "!!python/object/new:os.system", "!!python/name:os.system", "!!python/module:os", "!ruby/object:Gem", "!!js/function"]  # fmt: skip


@pytest.mark.parametrize("tag", TAGS)
def test_an_imported_folder_runs_nothing(works: Path, tmp_path: Path, tag: str) -> None:
    ran = tmp_path / "ran"
    plant = (works / "plant.yaml").read_text("utf-8").replace("name: 示例企业", f"name: {tag} ['touch {ran}']")
    (works / "plant.yaml").write_text(plant, "utf-8")
    assert [one for one in check(works).findings if one.fatal]
    assert not ran.exists()


LAUGHS = [
    "laugh0: &l0 [x, x, x, x, x, x, x, x, x]",
    *(f"laugh{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)),
]


@pytest.mark.parametrize("more", ["\n".join(LAUGHS), "self: &s [*s, *s]", "deep: " + "[" * 60 + "]" * 60])
def test_a_few_lines_do_not_become_a_billion(works: Path, more: str) -> None:
    (works / "plant.yaml").write_text((works / "plant.yaml").read_text("utf-8") + more + "\n", "utf-8")
    told = [one.text("zh") for one in check(works).findings if one.fatal]
    assert [text for text in told if "超出装置文件夹所能容纳的" in text]


# --- ThingsBoard CVE-2026-9568: a device's name broke out of the file it was written into

HOSTILE = [
    "a\nplaces: [{id: EVIL, name: x}]", "x: y # z", "- &a *a", "{{7*7}} ${7*7} $(id) `id`", "=cmd|' /C calc'!A0", "@SUM(1)", "+1-1", "a\",\"b\r\nEVIL,U200,c",
    "<script>alert(1)</script>", "'; DROP TABLE person; --", "%s %n {0} {name}", "\u202eevil", "!!python/name:os.system",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_one_name_in_every_file(works: Path, tmp_path: Path, name: str) -> None:
    """Written out and read again the plant is the same; nothing is added by it."""
    import csv
    import io

    rows = list(csv.reader(io.StringIO((works / "points.csv").read_text("utf-8"))))
    rows[1][2] = name
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    (works / "points.csv").write_text(written.getvalue(), "utf-8", newline="")
    plant = load(works)
    out = tmp_path / "out"
    export_folder(plant, out)
    again = load(out)
    assert again.digest == plant.digest
    assert [one.id for one in again.points] == ["AT-203", "LT-301"]
    assert {one.id for one in again.places} == {one.id for one in plant.places}


# --- Hozard CVE-2023-50123: the alarm's code could be tried without end


async def test_codes_at_a_station_end_after_a_few(consoles: Any) -> None:
    """The refusal says how long to wait; it comes before the code is looked at, for the right one too."""
    guesser = consoles("10.6.6.6")
    answers = await asyncio.gather(*(guesser.post("/api/v1/station", json={"code": f"{n:08d}"}) for n in range(80)))
    kinds = [answer.status_code for answer in answers]
    assert set(kinds) <= {401, 403, 422, 429}
    assert kinds.count(429) >= 30
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers if answer.status_code == 429)


# --- and what every scanner tries first


async def test_a_method_that_no_route_has_is_not_answered(console: Any) -> None:
    await console.sign_in("admin")
    for method in ("TRACE", "CONNECT", "PROPFIND", "DEBUG", "PURGE", "LINK"):
        for path in ("/", "/api/v1/alarms", "/login"):
            answer = await console.request(method, path, headers={"X-Secret": "told-back"})
            assert answer.status_code in {404, 405}, (method, path)
            assert "told-back" not in answer.text
