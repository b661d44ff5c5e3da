"""Prometheus metrics of this process, and the access line of each request.

A registry per app, not the library's global one: two nodes in one test process keep their counts apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

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


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class _Read(Collector):
    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        self._name, self._text, self._read = name, text, read

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(self._name, self._text, value=self._read())

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily(self._name, self._text)]
