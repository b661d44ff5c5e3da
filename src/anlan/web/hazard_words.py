"""The words of the page of major hazards, for `client_words`."""

from __future__ import annotations

HAZARD_WORDS: tuple[str, ...] = (
    "production unit", "storage unit", "warehouse", "in force", "waits for the second person", "rejected", "replaced",
    "Sign the identification of {unit}", "Occasion", "Report, meeting or letter it rests on", "Day of the assessment, as 2026-01-31",
    "It becomes what the law goes by. Is it less grave than the one in force, it waits for a second person.", "Reject the identification",
    "number {n}", "level {level}", "S < 1: no major hazard", "not decided: not all is known", "level {level} or graver",
    "not checked against the original", "The plant folder tells no major hazards (section hazards of plant.yaml).",
    "Hazard unit", "Computed today", "Next assessment", "As signed", "{n} people within 500 m", "people within 500 m: unknown", "Register",
    "What is signed is what the law goes by; what is computed today, and what is in the tanks now, stand beside it.", "no identification signed",
    "overdue by {n} d", "{n} d left", "Sign what is computed today", "Share of q/Q by substance", "R on its scale", "In the tanks now",
    "beside the design maximum; changes no level", "How it is computed", "Named persons and filing", "Signed identifications",
    "complete: it can be signed", "not complete: it can't be signed", "Substance", "S is below 1: R is not graded.",
    "above the design maximum", "the level lies outside of its strapping table: counted as its end",
    "the temperature lies outside of the density's table: counted as its end", "strapping table", "design maximum",
    "Content", "Steps", "not told", "Filing list", "Filing number", "Filed on", "Filing authority", "Comment", "Documents", "Reject", "Principal person", "Technical person",
    "Operating person", "Nobody has signed an identification of this unit.", "approved by", "rejected by", "named persons",
    "its hash differs", "Level", "Assessed → due", "Signed by", "again after {n} years",
)  # fmt: skip
