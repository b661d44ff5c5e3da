"""The cookie that holds a paired station's key: no script reads it, no foreign page sends it, and it outlives every session."""

from __future__ import annotations

from typing import Any

from anlan.web.context import WebSettings

LASTS = 400 * 86_400
"""s; the longest that browsers keep a cookie. Each visit begins it anew."""


def station_cookie(settings: WebSettings) -> str:
    """Its name; under TLS the browser itself holds the prefix's promise."""
    return "__Host-anlan-station" if settings.tls else "anlan-station"


def set_station_cookie(response: Any, settings: WebSettings, key: str) -> None:
    response.set_cookie(
        station_cookie(settings), key, max_age=LASTS, path="/", httponly=True, samesite="strict", secure=settings.tls
    )
