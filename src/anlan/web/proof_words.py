"""The words of the alarm-chain proof, for `client_words`."""

from __future__ import annotations

PROOF_WORDS: tuple[str, ...] = (
    "Alarm-chain proof", "log", "engine", "journal", "console", "sound", "heard", "was not heard", "nobody answered", "the chain broke", "broken off",
    "overdue since {time}", "due by {time}", "last heard {time}", "never heard yet",
    "A condition marked as an exercise goes the whole way of an alarm: log, engine, journal, this console, its sound. Say then whether you heard it here. No point of the plant is touched, and it counts in no measure.",
    "Where it is to be heard", "Prove the alarm chain here", "Do you hear the alarm at this station?", "Note", "I hear it", "I hear nothing",
    "The node no longer runs this proof, and no result of it is kept: begin again.",
    "Result", "Stages", "No proof was made yet.", "Proofs so far",
)  # fmt: skip
