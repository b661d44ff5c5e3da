"""The words of the page of failure data and of the figure of layers, for `client_words`."""

from __future__ import annotations

FAILURE_WORDS: tuple[str, ...] = (
    # failure data
    "put in service", "retired", "failure", "proof test", "demand", "nothing counted here", "joined", "this plant alone", "source weakened",
    "this plant does worse", "this plant does better", "entered", "from calibrations", "from demands on final elements",
    "Calibrations could not be read.", "The demand log could not be read.", "Class and mode", "Published", "This plant", "Used", "5 % … 95 %", "Notes",
    "In service", "No item of this class is known to be in service: its hours are unknown.", "Put in service", "Enter a proof test",
    "Enter a failure", "Enter a demand", "Retire", "Entries", "Withdraw the entry", "Point that tells of it, if one does",
    "worked", "did not work", "When, as 2026-01-31 08:00", "Enter", "per hour", "per demand", "{n} failures", "{n} elsewhere in the plant",
    "{n} demands", "text not checked", "{h} h in service, {t} tests, {d} demands, {f} failures", "Nothing has been entered.",
    "withdrawn: {reason}",
    # layers of protection
    "Initiating event", "Enabling condition", "Conditional modifier", "Layer", "Consequence", "Unmitigated", "Before safety functions",
    "Mitigated", "Target", "Against the target", "PFDavg that safety functions need", "Factor", "Per year", "All causes",
    "What it rests on", "lost: {factor}", "no credit", "present now", "Reason or source",
)  # fmt: skip
