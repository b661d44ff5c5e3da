"""How often one person may ask for what costs the node much: searching, history, explaining, replaying, printing, exporting, reading uploads.

    rates = Rates(clock)
    rates.take("019b…", "GET", "/api/v1/trend")      # TooManyRequests with the seconds to wait

A bucket for each person and kind: it holds `burst` requests and fills again by `per_second`. A person's tokens and consoles share it, so that a
program that runs wild slows its owner and nobody else. What an operator does to an alarm is of no kind and is never slowed: acknowledging,
silencing, resetting, shelving, calling an evacuation; nor is signing in, which has its own limits (`guard.limiter`).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import ClassVar

from anlan.model.clock import Clock
from anlan.model.errors import AnlanError

KEPT = 10_000
"""Buckets kept; the oldest go first. One that is gone was full again long ago."""


class TooManyRequests(AnlanError):
    code: ClassVar[str] = "too-many-requests"
    status: ClassVar[int] = 429


@dataclass(frozen=True, slots=True)
class Rate:
    """Of the requests whose "METHOD /path" fits `of`."""

    kind: str
    of: re.Pattern[str]
    burst: int
    per_second: float


def _rate(kind: str, of: str, burst: int, per_second: float) -> Rate:
    return Rate(kind, re.compile(of), burst, per_second)


RATES = (
    _rate("search", r"GET /api/v1/search", 100, 10),  # one for each key pressed
    # A live trend asks anew every five seconds. The journal is not here: it is read anew at each step of a flood, when it is needed most.
    _rate("history", r"GET /api/v1/(readings|trend|points/[^/]+/calibration/response)", 300, 20),
    _rate("why", r"GET /api/v1/(alarms|points)/[^/]+/why", 60, 1),
    _rate("performance", r"GET /api/v1/alarms/(performance|floods|groups)", 60, 1),
    _rate("replay", r"POST /api/v1/replay/what-if", 20, 0.2),
    # One for each pause in typing; an open picture of what is assumed asks anew every five seconds.
    _rate(
        "study",
        r"POST /api/v1/risk/(studies/(preview|[^/]+/solve)|bow-ties/[^/]+/as-if|nets/[^/]+/ask|pfd|worksheets/score)",
        120,
        3,
    ),
    _rate("figure", r"GET /api/v1/risk/studies/[^/]+(/(figure|history|plant-figures))?", 300, 10),  # an open page, at each change
    _rate("print", r"GET /api/v1/print/.+", 30, 0.5),
    _rate("audit", r"GET /api/v1/audit(/check|/\d+)?", 120, 2),
    _rate("witness", r"GET /api/v1/witness/[^/]+/lines", 10, 0.1),
    _rate(
        "upload",
        r"(POST|PUT) /api/v1/(alarms/master/(preview|import)|plant/(lists/read|draft/preview|additions/preview|drawings/[^/]+/image)|"
        r"risk/workbooks/(preview|import))",
        30,
        0.5,
    ),
    _rate(
        "configure",  # each keeps a whole plant, and some replay a day
        r"POST /api/v1/plant/(draft/apply|additions|versions/[^/]+/bring-back)|PATCH /api/v1/alarms/[^/]+/rule|"
        r"(PUT|DELETE) /api/v1/plant/drawings/[^/]+(/placed)?",
        120,
        0.2,
    ),
    _rate("export", r"GET /api/v1/(readings/export|alarms/master(/difference)?|plant/versions/[^/]+/difference)", 60, 1),
)
"""Generous for people and pages; a loop runs dry within seconds. The first that fits counts."""


@dataclass
class _Bucket:
    left: float
    at: float


@dataclass
class Rates:
    """In memory of the one app process, on the event loop."""

    clock: Clock
    rates: tuple[Rate, ...] = RATES
    _buckets: OrderedDict[tuple[str, str], _Bucket] = field(default_factory=OrderedDict)

    def take(self, person: str, method: str, path: str) -> None:
        """Count a request of a kind that is counted. Raises TooManyRequests."""
        rate = self.of(method, path)
        if rate is None:
            return
        now, key = self.clock.monotonic(), (person, rate.kind)
        bucket = self._buckets.setdefault(key, _Bucket(rate.burst, now))
        bucket.left = min(float(rate.burst), bucket.left + (now - bucket.at) * rate.per_second)
        bucket.at = now
        self._buckets.move_to_end(key)
        while len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            wait = int((1 - bucket.left) / rate.per_second) + 1
            raise TooManyRequests(
                "too many requests of this kind ({kind}); try again in {seconds} s", kind=rate.kind, seconds=wait
            )
        bucket.left -= 1

    def of(self, method: str, path: str) -> Rate | None:
        """HEAD costs what GET does."""
        asked = f"{'GET' if method == 'HEAD' else method} {path}"
        return next((rate for rate in self.rates if rate.of.fullmatch(asked)), None)
