"""Late readings (迟到): what they change in the record of alarms, and never in what the operator was told (DOMAIN.md 1).

A reading older than its point's newest comes too late to be decided on: the live state never moves for it. It may still tell that an
alarm began or ended at another moment, or that there was one of which nobody knew. In: points with late readings, as the engine notes
them; history and journal. Out: corrections of the journal, which the engine writes when they come to it through the log.

    pending    which points had late readings that nobody has looked at: part of the engine's state
    again      the past of a few points once more, with all readings in order, in an engine of its own
    recorded   what the journal holds of an alarm, earlier corrections included, as spells
    compared   what was against what is recorded: episodes added, begun or ended at another moment
    correction the part of the log that carries it

`node.corrector` is the job that does all this, beside the engine. It may be killed at any moment: it only compares, and what it finds counts
when the engine has taken it from the log.
"""

from anlan.monitor.late.correction import Corrected, Correction
from anlan.monitor.late.pending import Links, Pending, Waiting

__all__ = ["Corrected", "Correction", "Links", "Pending", "Waiting"]
