"""Prometheus metrics of this process, and the access line of each request.

A registry per app, not the library's global one: two nodes in one test process keep their counts apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Scope

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
QUIET = ("/static/", "/_nicegui", "/api/v1/health")
"""Not worth a line each."""

log = structlog.get_logger("anlan.access")


class Meter:
    """Counts what goes through the gate; rooms add their own by `registry`, or figures read at scrape time by `watch`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "anlan_http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram("anlan_http_seconds", "Time to answer [s]", ["route"], buckets=BUCKETS, registry=self.registry)
        self.core = CoreFigures()
        self.registry.register(self.core)
        self.streams = Gauge("anlan_streams", "Open event and live streams", ["kind"], registry=self.registry)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A gauge whose value is asked for at each scrape."""
        self.registry.register(_Read(name, text, read))

    def text(self) -> bytes:
        return generate_latest(self.registry)

    @contextmanager
    def request(self, scope: Scope) -> Iterator[list[int]]:
        """Times one request; the list receives its status. The query is not logged: it may hold a name, never needed to find a request."""
        began = time.perf_counter()
        answered: list[int] = []
        try:
            yield answered
        finally:
            if scope["type"] == "http":
                self._account(scope, answered[0] if answered else 0, time.perf_counter() - began)

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        path, method = scope["path"], scope["method"]
        route = getattr(scope.get("route"), "path", "") or "other"
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if not path.startswith(QUIET):
            principal = scope["state"].get("principal")
            who = str(principal.person) if principal is not None else ""
            log.info("request", method=method, path=path[:200], status=status, ms=round(seconds * 1000, 1), who=who)


CORE: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("log", "bytes"), "anlan_log_bytes", "Size of the log [B]"),
    (("log", "last"), "anlan_log_frame", "Number of the newest frame of the log"),
    (("engine", "done"), "anlan_engine_done_frame", "Frame up to which decisions are committed"),
    (("engine", "needs"), "anlan_engine_needs_frame", "Oldest frame that a restart of the engine would read again"),
    (("engine", "readings"), "anlan_engine_readings", "Readings decided on since the core started"),
    (("engine", "transitions"), "anlan_engine_transitions", "Alarm transitions decided since the core started"),
    (("engine", "standing"), "anlan_alarms_standing", "Alarms that are not normal now"),
    (("history", "cursor"), "anlan_history_frame", "Frame up to which the history contains readings"),
)
"""Where in the core's status a figure stands, its metric's name, and what it is."""

PER_SOURCE = (
    ("received", "anlan_source_readings", "Readings received since the core started"),
    ("duplicates", "anlan_source_duplicates", "Readings received twice and kept once since the core started"),
)


class CoreFigures(Collector):
    """What the core said last, as metrics; `status` is replaced before each scrape, None while the core is away."""

    def __init__(self) -> None:
        self.status: Mapping[str, Any] | None = None

    def collect(self) -> Iterable[Metric]:
        status = self.status or {}
        for path, name, text in CORE:
            value = _at(status, path)
            if isinstance(value, int | float):
                yield GaugeMetricFamily(name, text, value=float(value))
        for key, name, text in PER_SOURCE:
            family = GaugeMetricFamily(name, text, labels=["source"])
            for source, count in (status.get(key) or {}).items():
                family.add_metric([str(source)], float(count))
            yield family
        faults = [part for part in ("log", "engine", "history") if _at(status, (part, "fault"))]
        family = GaugeMetricFamily("anlan_core_fault", "1 for each part of the core that has a fault", labels=["part"])
        for part in faults:
            family.add_metric([part], 1.0)
        yield family

    def describe(self) -> Iterable[Metric]:
        return []


def _at(status: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = status
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class _Read(Collector):
    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        self._name, self._text, self._read = name, text, read

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(self._name, self._text, value=self._read())

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily(self._name, self._text)]
