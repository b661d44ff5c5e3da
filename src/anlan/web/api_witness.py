"""This node as the witness of other nodes' audit records: heads handed over by API, what is held of each, and who is silent or forked."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

from anlan.guard.heads import BadHead, Head
from anlan.guard.witness import HASH, Handed
from anlan.guard.witnessing import Told, WitnessedNode, Witnessing, why_refused
from anlan.model.errors import InputError
from anlan.model.languages import Language
from anlan.web.answers import Json, iso
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.witness_watch import WitnessWatch

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Log = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Number = Annotated[int, Field(ge=0, lt=1 << 62)]


LINES = "application/jsonl"


class SignedHead(BaseModel):
    model_config = ConfigDict(extra="forbid")

    log: Hash
    size: Annotated[int, Field(ge=1, lt=1 << 62)]
    root: Hash
    at: Annotated[int, Field(ge=0, lt=1 << 62)]
    signature: Annotated[str, Field(max_length=100)]


class HandOver(BaseModel):
    """`leaves`: base64 of the hashes of leaves `first` … `head.size`, or nothing. `proof`: that the record of `since` leaves, which this node
    holds, grew into this one (RFC 9162 §2.1.4)."""

    model_config = ConfigDict(extra="forbid")

    head: SignedHead
    public_key: Annotated[str, Field(max_length=1000)]
    first: Number = 0
    leaves: Annotated[str, Field(max_length=900_000)] = ""
    since: Number = 0
    proof: Annotated[list[Hash], Field(max_length=64)] = []

    def handed(self) -> Handed:
        """Raises InputError."""
        try:
            head = Head.of_json(self.head.model_dump())
            leaves = base64.b64decode(self.leaves, validate=True)
        except (BadHead, binascii.Error, ValueError) as error:
            raise InputError("the head or its leaves cannot be read: {why}", why=str(error)) from error
        if len(leaves) % HASH:
            raise InputError("each leaf's hash has {bytes} bytes", bytes=HASH)
        runs = [leaves[start : start + HASH] for start in range(0, len(leaves), HASH)]
        return Handed(head, self.first, runs, self.since, [bytes.fromhex(step) for step in self.proof])


class Found(BaseModel):
    """The first leaf that is not what it was, as `GET /audit/check` of that node has it."""

    model_config = ConfigDict(extra="forbid")

    n: Number
    at: int | None = None
    kind: Annotated[str, Field(max_length=40)]
    why: Annotated[str, Field(max_length=2000)]


class Difference(BaseModel):
    model_config = ConfigDict(extra="forbid")

    log: Hash
    difference: Found | None


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["audit"])
    witnessing = Witnessing(context.records, context.clock)
    context.background.append(WitnessWatch(context, witnessing).run)

    @router.get("/witness", dependencies=[require("audit.view", whole=True)])
    async def witnessed(asker: Asker) -> Response:
        """The nodes whose witness this one is: what it holds of each, when it heard of it, and what it refused."""
        nodes, now = await asyncio.to_thread(witnessing.nodes), context.clock.now()
        return Json({"items": [_node(one, one.is_silent(now), asker.language) for one in nodes]})

    @router.post("/witness/heads", dependencies=[require("audit.witness", whole=True)])
    async def hand_over(body: HandOver, asker: Asker) -> Response:
        """Keep a head of another node's audit record. Handed over twice it is kept once; a token is for the record that it began with."""
        head = await asyncio.to_thread(witnessing.take, asker, body.handed(), body.public_key)
        return Json({"head": head.as_json()})

    @router.post("/witness/difference", dependencies=[require("audit.witness", whole=True)])
    async def tell_difference(body: Difference, asker: Asker) -> Response:
        """A node says that its own check has found a difference in its record, or (null) finds none any more."""
        found = body.difference
        told = Told(found.n, found.kind, found.why) if found is not None else None
        await asyncio.to_thread(witnessing.tell, asker, body.log, told)
        return Json({"log": body.log})

    @router.get("/witness/{log}", dependencies=[require("audit.witness", whole=True)])
    async def last_head(log: Log, asker: Asker) -> Response:
        """The newest head that is held of a record (null: none), and those of other records that this token handed over."""
        held = await asyncio.to_thread(witnessing.last, asker, log)
        head = held.head.as_json() if held.head is not None else None
        return Json({"head": head, "others": [one.as_json() for one in held.others]})

    @router.get(
        "/witness/{log}/lines",
        dependencies=[require("audit.witness", whole=True)],
        responses={200: {"content": {LINES: {}}}},
        response_class=Response,
    )
    async def all_heads(log: Log) -> Response:
        """All that is held of a record, a line of JSON a head, as a witness's file has it: `anlan audit verify --witness` reads it."""
        return StreamingResponse(iterate_in_threadpool(witnessing.lines(log)), media_type=LINES)

    return router


def _node(node: WitnessedNode, silent: bool, language: Language) -> dict[str, Any]:
    head = node.head
    return {
        "log": node.log,
        "name": node.name,
        "since": node.since,
        "heard_at": node.heard_at,
        "heard_at_iso": iso(node.heard_at),
        "head": None if head is None else {"size": head.size, "at": head.at, "root": head.root.hex()},
        "received_at": node.received_at,
        "expected": node.expected,
        "silent": silent,
        "refused_at": node.refused_at,
        "refused": None if node.refused is None else {"kind": node.refused["kind"], "why": why_refused(node.refused, language)},
    }
