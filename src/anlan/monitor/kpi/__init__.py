"""How the alarm system performs: the measures of EEMUA 191, ISA-18.2 and IEC 62682 for each operating post, from the alarm journal.

In: transitions as columns and what stood before them (`Columns`), what is configured of each alarm (`Facts`). Out: one `Performance` for
each post and one for all. Pure: no clock, no I/O. The guide values of the standards are beside (`targets`); a number is shown next to
them, never judged: whether a system performs well enough is for the person who answers for it (DOMAIN.md 19).

    columns     what goes in                        lives        annunciations with their answers, and what stood or was hidden when
    chattering  the index of Kondaveeti et al.      performance  the measures                  targets  the standards' guide values
"""

from anlan.monitor.kpi.columns import Columns, Facts, Start
from anlan.monitor.kpi.performance import Performance, Report, measure

__all__ = ["Columns", "Facts", "Performance", "Report", "Start", "measure"]
