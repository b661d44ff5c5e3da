"""What the script of the plant's own drawing says: msgids, sent with the other words of the console (`client_words`)."""

from __future__ import annotations

DRAWING_WORDS: tuple[str, ...] = (
    "Another picture …", "Choose a drawing …", "Lay your own drawing of the plant under its live state.",
    "SVG, PNG or JPEG, at most 8 MiB. Scripts and references to anything outside are taken out.",
    "Drag from the list, or choose and press Enter. Arrows move, + and − change the size, Delete takes away.",
    "Take the drawing away", "Find", "Exchange light and dark", "The drawing with what stands on it", "stands on it", "Nothing fits.", "Drawing {file}",
    "Points and places on the drawing", "Saved: version {n}",
    "Take the drawing away? The overview is then drawn from areas and positions again.", "The drawing is taken away",
    "Save what stands on the drawing first: another picture loads the page anew.",
    "{n} alarms are not on this plan",
)  # fmt: skip
