"""Lists by cursor: {"items": […], "next": "…" | null}. A cursor is opaque; it says after which item the next page begins.

Unlike an offset it neither repeats nor skips when items come and go between two pages.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Query

from anlan.model.errors import InputError

LARGEST = 1000
Limit = Annotated[int, Query(ge=1, le=LARGEST, description="items per page")]
Cursor = Annotated[str, Query(max_length=1000, description="`next` of the page before")]

_T = TypeVar("_T")


def page_of(items: Sequence[_T], key: Callable[[_T], tuple[Any, ...]], cursor: str, limit: int) -> tuple[list[_T], str | None]:
    """One page of `items`, which are sorted by `key` (unique, plain JSON values), and the cursor of the next."""
    after = decode(cursor)
    if after is not None:
        items = [item for item in items if _follows(key(item), after)]
    page = list(items[:limit])
    return page, encode(key(page[-1])) if len(items) > limit else None


def encode(key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def decode(cursor: str) -> tuple[Any, ...] | None:
    """Raises InputError for what is not one of our cursors."""
    if not cursor:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        key = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise InputError("cursor {cursor}: the `next` of an earlier page was expected", cursor=cursor[:50]) from error
    if not isinstance(key, list):
        raise InputError("cursor {cursor}: the `next` of an earlier page was expected", cursor=cursor[:50])
    return tuple(key)


def _follows(key: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    try:
        return len(key) == len(after) and key > after
    except TypeError as error:
        raise InputError("the cursor belongs to another list") from error
