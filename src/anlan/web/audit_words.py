"""The words of the audit page, for `client_words`."""

from __future__ import annotations

AUDIT_WORDS: tuple[str, ...] = (
    "Account or “node”", "Any action", "Subject: tag, alarm, person", "Text anywhere", "From", "To", "Clear", "No.", "Who", "Step", "Subject",
    "From address", "No entry fits.", "Steps of people and changes of the configuration are written here as they happen.",
    "This is no time: 2026-01-31 08:00 was expected.", "Newest signed head", "Last check", "Witnesses", "Signing key", "{n} entries, {time}",
    "not signed yet", "not checked yet: unknown", "no difference found in {n} entries", "{time}, every {n} s",
    "No witness is named: whether a tail was cut off with its heads, or all replaced, is unknown.",
    "holds this record up to entry {n}, {time}", "unknown", "differs from this record", "whether it agrees is unknown", "no head yet", "no key: unknown",
    "First difference: entry {n}, {time}", "Show entry {n}", "{n} steps wait to be written", "Before", "After", "Field",
    "Nothing was changed by it, or the change has no fields.", "Proof", "Not under a signed head yet.",
    "Under the head of {n} entries signed {time}, by {steps} hashes.", "This browser recomputed it: it agrees.",
    "This browser recomputed it: it does not agree.", "Not recomputed here: the browser does that under HTTPS only.", "changed", "Reason", "Hash",
    "kept without end: nothing deletes entries; the first is of {time}", "the node", "nobody known", "Older", "Show", "Time", "Post",
    "{span} old", "Last known", "Witness of", "silent for {span}", "heard {span} ago", "no token hands over for it any more", "does not fit",
)  # fmt: skip
