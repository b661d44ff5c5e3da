"""One proof at a time, stage by stage, and whether one is due.

    start ──▶ log ──▶ engine ──▶ journal ──▶ console ──▶ sound ──▶ the person: heard, or not
    row       core's answers     this app    the browser's script      ──▶ row's result, audit leaf, fault

Times are of the node's clock, from the start; console and sound are stamped when their word arrives here, so they hold the way back too. A stage that is
not reached ends the proof as failed, at once and told on every console.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import DAY, MINUTE, SECOND, Micros, to_datetime
from anlan.model.errors import AnlanError, CommandRefused, Forbidden, NotFound, StoreError, Unavailable
from anlan.model.events.alarms import AlarmState
from anlan.model.frames import NODE_ID
from anlan.model.languages import translate
from anlan.monitor.proof import POINT
from anlan.monitor.records import ProofRow
from anlan.monitor.service import AlarmService
from anlan.store.ids import uuid7
from anlan.web.answers import iso
from anlan.web.context import Context

RIGHT, VIEW = "proof.run", "node.status"
ALARM = f"{POINT}.ST"
PROVE = "monitor.proof.core"
"""In `Context.extras`: `async (on) -> {"durable": µs, "decided": µs}`, which begins and ends the condition."""
STAGES = ("log", "engine", "journal", "console", "sound")
DUE_AFTER: Micros = 7 * DAY
JOURNAL_SECONDS = 15.0
CONSOLE_WITHIN: Micros = 20 * SECOND
ANSWER_WITHIN: Micros = 3 * MINUTE
LOOK_SECONDS = 1.0
REMIND_SECONDS = 60.0
LISTED = 200
BEGUN, BROKEN_OFF = "begun", "broken_off"
"""What a proof's row says until it is over, and what that means where no proof runs any more: its process has died with it."""
FAILED, OVERDUE = "alarm chain failed", "alarm chain overdue"

Prove = Callable[[bool], Awaitable[dict[str, Any]]]
log = structlog.get_logger()


class NotHeard(Unavailable):
    """`what`: the stage that was not reached, or "was not heard"; told in the reader's language."""

    def text(self, language: str = "en") -> str:
        return translate(self.message, language).format(**self.facts | {"what": translate(self.facts["what"], language)})


@dataclass(slots=True)
class Proof:
    """One that runs."""

    id: UUID
    at: Micros
    by: Principal
    station: str
    stages: dict[str, Micros] = field(default_factory=dict)

    def missing(self) -> str:
        return next((stage for stage in STAGES if stage not in self.stages), "")


class Proofs:
    """One per app process: `Proofs.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._alarms = AlarmService.of(context)
        self._running: Proof | None = None

    @classmethod
    def of(cls, context: Context) -> Proofs:
        service = context.extras.get("monitor.proof")
        if service is None:
            service = context.extras["monitor.proof"] = cls(context)
            context.background.append(service.run)
        assert isinstance(service, cls)
        return service

    async def run(self) -> None:
        """Until cancelled: end a proof that nobody answers, and remind of one that is due."""
        reminded = -REMIND_SECONDS
        while True:
            await self.end_what_is_over()
            now = self._context.clock.monotonic()
            if now - reminded >= REMIND_SECONDS:
                reminded = now
                try:
                    await asyncio.to_thread(self.remind)
                except StoreError as error:
                    log.warning("whether a proof of the alarm chain is due was not looked up", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    # ---- steps

    async def start(self, by: Principal, station: str) -> dict[str, Any]:
        """Raises CommandRefused while one runs, and where this plant has no proof point yet. A chain that fails is an answer, not an error."""
        if self._running is not None:
            raise CommandRefused("{name} proves the alarm chain just now", name=self._running.by.name.text(by.language))
        number = self._context.plant.rule_numbers.get(ALARM)
        prove: Prove | None = self._context.extras.get(PROVE)
        if number is None or prove is None:
            raise CommandRefused("this node has no point for the proof of its alarm chain yet: start it again")
        proof = self._running = Proof(uuid7(self._context.clock), self._context.clock.now(), by, station.strip()[:100])
        try:
            left = self._alarms.board.standing.get(number)
            if left is not None:  # by a process that died with its proof: what it left in the journal proves nothing of this one
                await self._take_back(proof)
                proof.at = self._context.clock.now()
            await self._begin(proof)
            told = await prove(True)
            proof.stages |= {"log": told["durable"] - proof.at, "engine": told["decided"] - proof.at}
            await self._reach_journal(proof, number, left.last.episode if left is not None else None)
        except AnlanError as failure:
            log.error("alarm chain failed", stage=proof.missing(), error=str(failure))
            return await self._end(proof, "failed", failure.text(by.language))
        return self._told(proof)

    async def reached(self, by: Principal, id: UUID, stage: Literal["console", "sound"], *, ok: bool) -> dict[str, Any]:
        """Word of the browser. `ok` False: it refuses sound. Raises NotFound, Forbidden."""
        proof = self._mine(by, id)
        if not ok:
            return await self._end(proof, "failed", translate("the browser refuses sound", by.language))
        proof.stages.setdefault(stage, self._context.clock.now() - proof.at)
        return self._told(proof)

    async def answer(self, by: Principal, id: UUID, *, heard: bool, note: str) -> dict[str, Any]:
        """The person's word. Raises NotFound, Forbidden."""
        proof = self._mine(by, id)
        if not heard:
            return await self._end(proof, "not_heard", note)
        return await self._end(proof, "failed" if proof.missing() else "heard", note)

    async def end_what_is_over(self) -> None:
        proof = self._running
        if proof is None:
            return
        age = self._context.clock.now() - proof.at
        if age > CONSOLE_WITHIN and "journal" in proof.stages and "console" not in proof.stages:
            await self._end(proof, "failed", "")
        elif age > ANSWER_WITHIN:
            await self._end(proof, "unanswered", "")

    async def _reach_journal(self, proof: Proof, number: int, before: int | None) -> None:
        """Until the app has read the transition from the journal, one of another episode than `before`. Raises Unavailable."""
        board = self._alarms.board
        deadline = self._context.clock.monotonic() + JOURNAL_SECONDS
        while True:
            rung = board.moved.count
            standing = board.standing.get(number)
            if standing is not None and standing.last.episode != before and standing.last.after is AlarmState.UNACKNOWLEDGED:
                proof.stages["journal"] = self._context.clock.now() - proof.at
                return
            if self._context.clock.monotonic() > deadline:
                raise Unavailable(
                    "the alarm of the proof was not in the journal within {seconds} s", seconds=int(JOURNAL_SECONDS)
                )
            await board.catch_up()
            await board.moved.wait(rung, within=0.05)

    async def _begin(self, proof: Proof) -> None:
        """Kept before anything is tried: one that its process does not outlive is seen to have been broken off."""
        try:
            await asyncio.to_thread(self._keep_begun, _made(proof, BEGUN, "", proof.at))
        except StoreError as failure:
            log.error("the beginning of a proof is not kept", proof=str(proof.id), error=str(failure))

    async def _end(self, proof: Proof, result: str, note: str) -> dict[str, Any]:
        self._running = None
        await self._take_back(proof)
        row = _made(proof, result, note, self._context.clock.now())
        told = _row(row)
        self._judge(told)
        try:
            await asyncio.to_thread(self._keep, row, proof.by)
        except StoreError as failure:
            self._context.faults[FAILED] = Unavailable(
                "the proof of the alarm chain is not kept, and does not count: {why}", why=failure.text()
            )
        return told

    async def _take_back(self, proof: Proof) -> None:
        """The condition goes, and its alarm is answered by the node: an exercise leaves nothing to do."""
        number = self._context.plant.rule_numbers.get(ALARM)
        try:
            await self._context.extras[PROVE](False)
            await self._alarms.board.catch_up()
            standing = self._alarms.board.standing.get(number) if number is not None else None
            if standing is None or number is None:
                return
            rule = self._context.plant.rules[number]
            await self._context.core.command(
                {
                    "id": str(uuid7(self._context.clock)),
                    "kind": "acknowledge",
                    "alarm": number,
                    "episode": standing.last.episode,
                    "priority": rule.priority,
                    "who": NODE_ID,
                    "post": self._context.plant.post_of_rule(rule),
                    "reason": translate("end of the proof (exercise)", "zh"),
                    "at": self._context.clock.now(),
                    "until": None,
                    "work_order": "",
                }
            )
        except AnlanError as error:
            log.error("alarm of the proof stands on", proof=str(proof.id), error=str(error))

    # ---- what is known of earlier ones

    def _keep_begun(self, row: ProofRow) -> None:
        with self._context.records.session() as session:
            session.add(row)

    def _keep(self, row: ProofRow, by: Principal) -> None:
        after = {"result": row.result, "failed_at": row.failed_at, "stages": row.stages, "station": row.station}
        with self._context.records.session() as session:
            session.merge(row)
            append(session, Step.of(by, row.ended_at, "proof.run", str(row.id), after=after, reason=row.note))
        self.remind()

    def listed(self, asker: Principal | None = None) -> dict[str, Any]:
        """Blocking. The last proofs, the newest first, and when the next is due; whether the one that runs was begun by the `asker`'s session."""
        with self._context.records.reading() as session:
            rows = list(session.scalars(select(ProofRow).order_by(ProofRow.at.desc()).limit(LISTED)))
            heard = session.scalars(select(ProofRow.at).where(ProofRow.result == "heard").order_by(ProofRow.at.desc()).limit(1))
            last = heard.one_or_none()
        running = self._running
        rows = [row for row in rows if running is None or row.id != running.id]
        since = last if last is not None else self._since()
        return {
            "items": [_row(row) for row in rows],
            "last_heard": last,
            "due_at": since + DUE_AFTER,
            "overdue": self._context.clock.now() > since + DUE_AFTER,
            "running": {**self._told(running), "mine": _is_of(running, asker)} if running is not None else None,
            "stages": list(STAGES),
            "alarm": ALARM,
        }

    def remind(self) -> None:
        """Blocking. Keep the faults in step with what is known. Raises StoreError."""
        known = self.listed()
        told = [one for one in known["items"] if one["result"] != BROKEN_OFF]
        if told:
            self._judge(told[0])
        if not known["overdue"]:
            self._context.faults.pop(OVERDUE, None)
        elif known["last_heard"] is None:
            self._context.faults[OVERDUE] = Unavailable(
                "the alarm chain of this node was never proven: prove it once a week, under Alarm-chain proof"
            )
        else:
            self._context.faults[OVERDUE] = Unavailable(
                "the alarm chain of this node was last heard on {time}, more than {days} days ago: prove it, under Alarm-chain proof",
                time=self._clock_time(known["last_heard"]),
                days=DUE_AFTER // DAY,
            )

    def _judge(self, told: dict[str, Any]) -> None:
        """A chain that failed is told until one is heard."""
        if told["result"] == "heard":
            self._context.faults.pop(FAILED, None)
        elif told["result"] in {"failed", "not_heard"}:
            self._context.faults[FAILED] = NotHeard(
                "the proof of the alarm chain on {time} was not heard at {where} ({what}): alarms may not be heard there. Find out why, and "
                "prove it again",
                time=self._clock_time(told["at"]),
                where=told["station"] or told["post"] or told["from"],
                what=told["failed_at"] or "was not heard",
            )

    def _since(self) -> Micros:
        """Since when the node could have proven it."""
        begun = self._context.journal.begun
        return begun[0] if begun else self._context.clock.now()

    def _mine(self, by: Principal, id: UUID) -> Proof:
        proof = self._running
        if proof is None or proof.id != id:
            raise NotFound("this proof of the alarm chain does not run")
        if not _is_of(proof, by):
            raise Forbidden("this proof was begun at another console: only who is there can hear it")
        return proof

    def _clock_time(self, instant: Micros) -> str:
        return f"{to_datetime(instant).astimezone(ZoneInfo(self._context.plant.zone)):%Y-%m-%d %H:%M}"

    def _told(self, proof: Proof) -> dict[str, Any]:
        name = proof.by.name.model_dump()
        return {"id": str(proof.id), "at": proof.at, "by": name, "station": proof.station, "stages": proof.stages, "result": None}


def _is_of(proof: Proof, asker: Principal | None) -> bool:
    return asker is not None and proof.by.session == asker.session


def _made(proof: Proof, result: str, note: str, ended_at: Micros) -> ProofRow:
    by = proof.by
    return ProofRow(
        id=proof.id,
        at=proof.at,
        person=by.person,
        name_zh=by.name.text("zh"),
        name_en=by.name.text("en"),
        post=by.post,
        from_where=by.from_where,
        station=proof.station,
        stages=dict(proof.stages),
        result=result,
        failed_at=proof.missing() if result == "failed" else "",
        note=note,
        ended_at=ended_at,
    )


def _row(row: ProofRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "at": row.at,
        "at_iso": iso(row.at),
        "by": {"zh": row.name_zh, "en": row.name_en},
        "post": row.post,
        "from": row.from_where,
        "station": row.station,
        "stages": row.stages,
        "result": BROKEN_OFF if row.result == BEGUN else row.result,
        "failed_at": row.failed_at,
        "note": row.note,
        "ended_at": row.ended_at,
    }
