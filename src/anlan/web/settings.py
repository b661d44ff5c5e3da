"""What this node is set to, read from what is really in force, each with the flag, file or page that sets it. Nothing here changes anything.

Out: sections of rows (name, value, what sets it) in the reader's language; a value that is not known says so. Who may see a part is asked for each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from anlan import __version__
from anlan.guard.policy import load_policies
from anlan.guard.principal import Principal
from anlan.model.clock import DAY, HOUR, Micros, to_datetime
from anlan.model.errors import AnlanError
from anlan.model.languages import Language, translate
from anlan.store.log import LogSettings
from anlan.web import idempotency
from anlan.web.context import Context
from anlan.web.node_facts import EXTRA, NodeFacts
from anlan.web.stations import stations_of

MILLI = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """`set_by`: the flag, file or page that sets it, "" for what is found and not set. `look`: "", unknown, wrong."""

    name: str
    value: str
    set_by: str = ""
    look: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    rows: list[Row] = field(default_factory=list)


class Settings:
    """For one reader. Blocking, but for what was asked of core before."""

    def __init__(self, context: Context, principal: Principal, core: dict[str, Any]) -> None:
        self._context, self._principal, self._core = context, principal, core
        self._language: Language = principal.language
        self._facts: NodeFacts | None = context.extras.get(EXTRA)

    def sections(self) -> list[dict[str, Any]]:
        wanted: list[tuple[str, str, str, Callable[[], list[Row]]]] = [
            ("node", "Node", "node.status", self._node),
            ("access", "Addresses and HTTPS", "node.status", self._access),
            ("processes", "Processes", "node.status", self._processes),
            ("disk", "Disk", "node.status", self._disk),
            ("clock", "Clock", "node.status", self._clock),
            ("kept", "How long things are kept", "node.status", self._kept),
            ("people", "People and door", "people.view", self._people),
            ("audit", "Audit record", "audit.view", self._audit),
        ]
        return [
            asdict(Section(id, self._say(title), rows()))
            for id, title, action, rows in wanted
            if self._principal.allows(action, "")
        ]

    # ---- sections

    def _node(self) -> list[Row]:
        plant, start = self._context.plant, self._facts.start() if self._facts is not None else None
        rows = [
            Row(self._say("Version of Anlan"), __version__),
            Row("Python", sys.version.split()[0]),
            Row(self._say("Plant"), f"{plant.name.text(self._language)} ({plant.id})", self._file("plant.yaml")),
            Row(
                self._say("Configuration in force"), self._say("version {n}").format(n=plant.version), "anlan up, /alarms/master"
            ),
            Row(self._say("Time zone of the site"), plant.zone, self._file("plant.yaml")),
            self._row("Data folder", start.folder if start is not None else None, "anlan up --data"),
            self._row("Horn of the node", self._horn(start.horn) if start is not None else None, "anlan up --horn"),
        ]
        if plant.demo:
            rows.append(Row(self._say("Demo data"), f"×{plant.speed:g}", "anlan up --speed"))
        return rows

    def _access(self) -> list[Row]:
        if self._facts is None:
            return [self._row("Listens on", None, "anlan up --host, --port")]
        start = self._facts.start()
        rows = [
            Row(self._say("Listens on"), f"{start.host}:{start.port}", "anlan up --host, --port"),
            Row(self._say("Addresses that people type"), self._list(start.origins), "anlan up --origin"),
            Row(self._say("Proxies that are believed"), self._list(start.proxies), "anlan up --proxy"),
        ]
        if start.certificate is None:
            speaks = "a proxy" if self._context.settings.tls else "nobody: passwords go in clear"
            looks = "" if self._context.settings.tls or start.host in {"127.0.0.1", "::1", "localhost"} else "wrong"
            return [
                *rows,
                Row(self._say("HTTPS is spoken by"), self._say(speaks), "anlan up --certificate, --key; anlan tls", looks),
            ]
        ends = start.certificate_ends or 0
        days = (ends - self._context.clock.now()) // DAY
        told = self._say("{time}, in {n} days").format(time=self._time(ends), n=days)
        return [
            *rows,
            Row(self._say("TLS certificate"), start.certificate, "anlan up --certificate, --key; anlan tls"),
            Row(self._say("Certificate ends"), told, "", "wrong" if days < 14 else ""),
        ]

    def _processes(self) -> list[Row]:
        told = self._facts.processes() if self._facts is not None else []
        rows = []
        for one in told:
            if one.alive is False:
                rows.append(Row(one.name, self._say("does not run"), "", "wrong"))
                continue
            words = [f"pid {one.pid}", self._say("{n} restarts").format(n=one.restarts)]
            words += [self._say("hung {n} times").format(n=one.hangs)] if one.hangs else []
            words += [f"{one.memory / (1 << 20):.0f} MiB"] if one.memory is not None else []
            words += [self._say("since {time}").format(time=self._time(one.since))] if one.since is not None else []
            rows.append(Row(one.name, " · ".join(words), "", "" if one.alive else "unknown"))
        if not told:
            rows.append(self._row("Processes", None, ""))
        core = self._core
        if not core.get("connected"):
            return [
                *rows,
                Row(self._say("Core"), self._say("does not answer: {why}").format(why=core.get("why", "")), "", "wrong"),
            ]
        engine, log = core["engine"], core["log"]
        behind = log["last"] - engine["done"]
        faults = [str(fault) for fault in (engine["fault"], log["fault"], core.get("history", {}).get("fault")) if fault]
        rows.append(
            Row(
                self._say("Engine"), self._say("decided up to frame {n}, {behind} behind").format(n=engine["done"], behind=behind)
            )
        )
        rows += [Row(self._say("Fault"), fault, "", "wrong") for fault in faults]
        return rows

    def _disk(self) -> list[Row]:
        if self._facts is None:
            return [self._row("Free", None, "")]
        disk = self._facts.disk()
        share = disk.free / disk.total if disk.total else 0.0
        rows = [
            Row(
                self._say("Free"),
                self._say("{free} of {total} ({share} %)").format(
                    free=_bytes(disk.free), total=_bytes(disk.total), share=round(100 * share)
                ),
                "",
                "wrong" if share < 0.1 else "",
            )
        ]
        return rows + [Row(name, _bytes(size)) for name, size in sorted(disk.parts.items(), key=lambda one: -one[1]) if size]

    def _clock(self) -> list[Row]:
        now = self._context.clock.now()
        rows = [Row(self._say("Time of the node"), f"{self._time(now)} ({self._context.plant.zone})")]
        told = self._facts.clock() if self._facts is not None else None
        if told is None or told.disciplined is None:
            rows.append(self._row("Set by a time server", None, "chrony, systemd-timesyncd"))
        else:
            words = self._say("yes, as the kernel tells") if told.disciplined else self._say("no: nothing disciplines this clock")
            rows.append(
                Row(self._say("Set by a time server"), words, "chrony, systemd-timesyncd", "" if told.disciplined else "wrong")
            )
        known = told is not None and told.disciplined and told.estimated is not None
        error = (
            f"{told.estimated / MILLI:.1f} ms (≤ {(told.largest or 0) / MILLI:.0f} ms)"
            if known and told is not None and told.estimated is not None
            else None
        )
        rows += [
            self._row("Estimated error", error, ""),
            self._row("Clock source of the kernel", told.source if told is not None else None, ""),
        ]
        wrong = self._core.get("clocks") or {}
        names = [self._context.plant.sources[int(n)].id for n in wrong if int(n) in self._context.plant.sources]
        if self._core.get("connected"):
            rows.append(Row(self._say("Sources whose clock is wrong"), self._list(tuple(names)), "", "wrong" if names else ""))
        return rows

    def _kept(self) -> list[Row]:
        log, never = LogSettings(), self._say("without end: nothing deletes it")
        return [
            Row(self._say("History"), never),
            Row(self._say("Alarm journal"), never),
            Row(self._say("Audit record, handovers, proofs"), never),
            Row(
                self._say("Log"),
                self._say("until engine and history have it, at most {most}").format(most=_bytes(log.max_bytes)),
            ),
            Row(
                self._say("Answers under an Idempotency-Key"),
                self._say("{n} h").format(n=idempotency.KEPT // HOUR),
            ),
        ]

    def _people(self) -> list[Row]:
        guard = self._context.guard
        policy = load_policies()[guard.policies.name]
        rows = [
            Row(self._say("Rules for passwords and sessions"), policy.name.text(self._language), "/people"),
            Row(
                self._say("Sessions away from a post end"),
                self._say("after {idle} min unused, {longest} h in all").format(
                    idle=policy.idle_minutes, longest=policy.longest_hours
                ),
                "/people",
            ),
            Row(
                self._say("Roles with a second factor"),
                self._say("all roles") if "*" in policy.second_factor.roles else self._list(policy.second_factor.roles),
                "/people",
            ),
        ]
        if self._principal.allows("people.manage", ""):
            states = [row["state"] for row in stations_of(self._context).all()]
            rows.append(Row(self._say("Paired stations"), str(states.count("paired")), "/stations"))
        return rows

    def _audit(self) -> list[Row]:
        auditor = self._context.guard.auditor
        if auditor is None:
            return [self._row("Witnesses", None, "anlan up --witness")]
        checked = self._time(auditor.checked_at) if auditor.checked_at is not None else None
        rows = [self._row("Last check", checked, "")]
        for state in auditor.states.values():
            words = {True: "agrees", False: "does not agree", None: "unknown"}[state.agrees]
            look = {True: "", False: "wrong", None: "unknown"}[state.agrees]
            rows.append(Row(f"{self._say('Witness')} {state.name}", self._say(words), "anlan up --witness", look))
        if not auditor.states:
            rows.append(Row(self._say("Witnesses"), self._say("none"), "anlan up --witness", "wrong"))
        return rows

    # ---- words

    def _horn(self, told: str | None) -> str | None:
        return self._say("the terminal's bell alone") if told == "" else told

    def _row(self, name: str, value: str | None, set_by: str) -> Row:
        known = value is not None
        return Row(self._say(name), value if value is not None else self._say("unknown"), set_by, "" if known else "unknown")

    def _file(self, name: str) -> str:
        return self._say("plant folder: {file}").format(file=name)

    def _list(self, names: tuple[str, ...]) -> str:
        return ", ".join(names) or self._say("none")

    def _time(self, instant: Micros) -> str:
        return f"{to_datetime(instant).astimezone(ZoneInfo(self._context.plant.zone)):%Y-%m-%d %H:%M:%S}"

    def _say(self, text: str) -> str:
        return translate(text, self._language)


async def core_status(context: Context) -> dict[str, Any]:
    """Core being away is a fact of the page."""
    try:
        return {"connected": True, **await context.core.status()}
    except AnlanError as error:
        return {"connected": False, "why": str(error)}


def _bytes(size: int) -> str:
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
