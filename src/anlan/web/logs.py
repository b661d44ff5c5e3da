"""Structured logs: one JSON object a line, in English, on stderr; the libraries' own lines in the same form; secrets never."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

SECRET = ("password", "token", "secret", "cookie", "authorization", "csrf")
_TOKEN = re.compile(r"anlan_[A-Za-z0-9_\-]{20,}")


def configure(process: str, *, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Once per process, at its start. `process` stands in each line: core, sense, app."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _say_process(process),
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    # Without the frames' local variables: a password may be among them.
    tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    plain = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    render: list[Any] = [plain, tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False)]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=render))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Libraries speak up only when something is wrong: asyncua alone tells every request at INFO. Our own lines come as dictionaries.
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or isinstance(record.msg, dict))


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Whatever a caller passes under a telling name, its value does not reach the file; nor does a token that stands in an address."""
    for key, value in event.items():
        if any(word in key.lower() for word in SECRET):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = hidden(value)
    return event


def hidden(text: str) -> str:
    """The text without what looks like an API token (`guard.tokens`): who puts one into an address must not find it in logs and records."""
    return _TOKEN.sub("anlan_***", text) if "anlan_" in text else text


def _say_process(process: str) -> Any:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add
