"""Paths of places that people type: a misspelt branch would give a right that holds nowhere."""

from __future__ import annotations

from anlan.model.errors import InputError
from anlan.web.context import Context


def check_place(context: Context, place: str) -> None:
    """Raises InputError for a path that is none of the plant's; "" is the whole plant."""
    places = context.plant.places
    if place and place not in places:
        raise InputError(
            "there is no place {place}; its whole path was expected, for example {example}",
            place=place,
            example=max(places, key=len, default="—"),
        )
