"""T18 over real sockets: a flood of guesses from many addresses, while the operator acknowledges and signs in at their own console."""

from __future__ import annotations

import asyncio
import itertools
import re
from typing import Any

import httpx
import orjson
import pytest

from anlan.guard import passwords
from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.words import Label
from tests.web.conftest import PASSWORD

TRIES = 1_500
AT_ONCE = 32
ROUNDS = 6
EMERGENCY_SECONDS = 2.0
"""A promise, not a measurement: an emergency action is through within it whatever goes on at the door."""


def from_address(base: str, address: str) -> httpx.AsyncClient:
    """A browser at another address of this machine."""
    transport = httpx.AsyncHTTPTransport(local_address=address, verify=False)
    return httpx.AsyncClient(transport=transport, base_url=base, headers={"Origin": base, "Accept-Language": "en"}, timeout=30)


async def guess(base: str, numbers: Any, codes: list[int]) -> None:
    """Half of the guesses at the operator's account, half at whatever; a fresh address for each ten. By hand, so that the attacker's own
    work, in this same process, takes little of it."""
    host, _, port = base.removeprefix("http://").partition(":")
    for n in numbers:
        address = f"127.{1 + n // 60_000}.{n // 250 % 240}.{1 + n % 250}"
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=(address, 0))
        for account in ["operator", f"made-up-{n}"] * 5:
            body = orjson.dumps({"account": account, "password": f"guess-{n}"})
            head = f"POST /api/v1/session HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {base}\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            codes.append(int(answer.split(b" ", 2)[1]))
            length = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
            await reader.readexactly(int(length.group(1)) if length else 0)
        writer.close()
        await writer.wait_closed()
        if len(codes) >= TRIES:
            return


@pytest.mark.slow
@pytest.mark.timeout(400)  # so many guesses take their time beside other tests; what is promised is held to its own deadlines
async def test_a_flood_at_the_door_stops_neither_an_acknowledgement_nor_a_sign_in(node: Any, people: None, address: str) -> None:
    base, codes, looked_at = f"http://{address}", [], []
    with node.records.session() as session:
        new = NewPerson("operator", Label(zh="主操"), (Held("inside_operator", "gas"),))
        add_person(session, new, passwords.hash_password(PASSWORD), node.clock, must_change=False)
    limiter = node.context.guard.sessions.limiter
    attempt = limiter.attempt

    def noted(origin: Any) -> None:
        attempt(origin)
        looked_at.append(origin)

    limiter.attempt = noted
    async with from_address(base, "127.0.0.1") as console, from_address(base, "127.0.0.2") as elsewhere:
        credentials = {"account": "operator", "password": PASSWORD}
        assert (await console.post("/api/v1/session", json=credentials)).status_code == 200
        looked_at.clear()
        flood = [asyncio.create_task(guess(base, numbers, codes)) for numbers in streams()]
        for episode in range(1, ROUNDS + 1):
            node.feed("AT-203", 0.7)
            await node.settle()
            async with asyncio.timeout(EMERGENCY_SECONDS):
                answer = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": episode, "priority": 2})
            assert answer.status_code == 200, answer.text
            async with asyncio.timeout(10):
                assert (await console.post("/api/v1/session", json=credentials)).status_code == 200, "the known device gets in"
            node.feed("AT-203", 0.1)
            await node.settle()
        assert (await elsewhere.post("/api/v1/session", json=credentials)).status_code == 429
        await asyncio.gather(*flood)
        async with asyncio.timeout(10):
            assert (await console.post("/api/v1/session", json=credentials)).status_code == 200
    assert len(codes) >= TRIES
    assert set(codes) == {401, 429}
    by_strangers = [origin for origin in looked_at if origin.account == "operator" and not origin.device]
    assert 0 < len(by_strangers) <= 10


def streams() -> list[Any]:
    return [itertools.count(start, AT_ONCE) for start in range(AT_ONCE)]
