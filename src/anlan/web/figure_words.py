"""What the figures of bow-ties and Bayesian nets say (static/study_bow-tie.js, study_net.js)."""

from __future__ import annotations

FIGURE_WORDS = (
    "Assumed, not the plant", "Back to the plant", "effective", "degraded", "barrier failed", "not watched",
    # bow-ties
    "As if it were", "As the plant tells", "Nothing on this node tells of this barrier.", "by the fault tree", "computed as {health}",
    "item lost", "lost when last known", "must work", "needs {k} of {n}", "not", "works",
    # nets
    "A click on a state assumes it; on a name asks for it. ⚡ told by the plant, ◆ assumed, the thin line is the baseline.",
    "Finding", "Nothing is found now.", "Share", "What moved it", "course over the steps", "probability of the evidence", "step",
    "with what the plant tells", "{n} nodes further away are not drawn", "without what the plant tells",
)  # fmt: skip
