"""What the scripts of the studies' pages say."""

STUDIES_WORDS = (
    "{n} studies", "Kind of study", "All kinds", "New study", "Study", "Against baseline", "Unknown", "No study is kept here.",
    "A factor is the model's answer to the facts of now, against its own answer without them. Unknown facts never lower it.",
    "not computed yet", "no fact moves it", "nothing is bound to the plant", "This kind of study has no figure.", "Bounds",
    "Event and fact", "It has said nothing within a day.", "Made from", "ended", "Kept as version {n}", "last held", "Studies",
    "What the plant tells", "Factor alone", "This text", "Changed by", "Cut sets", "What this text says", "Text of the study",
    "Keep as the next version", "Checked by the node as you type. Esc, then Tab leaves the text.", "Event tree", "Sequence", "success",
    "failure", "Fault tree", "gate {sign}", "common cause", "bound", "Events", "Order", "No cut set is known.", "Event",
    "Criticality", "Importance needs an exact probability.", "mission time {hours} h", "{n} events", "Larger", "Smaller", "Fit",
    "Unfold all", "Fold all", "Arrows walk, Enter folds, + − 0 zoom", "Importance", "Method",
    "Factor against baseline over time; hatched: a part of the facts was unknown", "Figure", "What it said", "Text",
    "Cut sets that come", "Cut sets that go", "At present", "Share of the top", "whole plant", "since {time}",
    "This plant's own failure data", "Counted here", "the study itself keeps the published figures",
    "Put a file beside it (Open-PSA XML), which the text names by file:",
)  # fmt: skip
