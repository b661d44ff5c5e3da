"""What somebody with an account of their own tries against the second person, the records and other branches (DOMAIN.md 16)."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from sqlalchemy import select

from anlan.web.records import Write
from tests.web.config_node import Core, core, sign_in
from tests.web.conftest import PASSWORD
from tests.web.test_config_requests import API, asked

__all__ = ["core", "sign_in"]


async def test_what_is_kept_of_a_signature_does_not_give_the_password_away(node: Any, core: Core, sign_in: Any) -> None:
    """A copy of the records must not be a way to guess passwords a thousand million times a second."""
    zhao, qian = await sign_in("zhao"), await sign_in("qian")
    path = f"{API}/plant/requests/{(await asked(zhao))['id']}/approve"
    body = orjson.dumps({"password": PASSWORD, "note": ""})
    headers = {"Content-Type": "application/json", "Idempotency-Key": "signed"}
    done = await qian.post(path, content=body, headers=headers)
    again = await qian.post(path, content=body, headers=headers)
    other = await qian.post(path, content=body.replace(b'""', b'"x"'), headers=headers)
    assert (done.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (200, done.json(), "true"), done.text
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    with node.records.reading() as session:
        kept = session.scalars(select(Write).where(Write.key == "signed")).one()
    assert kept.request_hash != hashlib.sha256(f"POST {path}\n".encode() + body).digest()
