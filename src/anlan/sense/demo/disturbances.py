"""The recordings kept in `data/tep.parquet`, each by name: what `scripts/make_tep.py` does to the process at time 0.

IDV numbers are those of Downs and Vogel (1993), table 8. Under Ricker's control none of them reaches a pressure limit within minutes; the
recording that does is a valve that sticks, `feed-valve-stuck`: the A+C feed jams 15 % too far open until the bypass is throttled by hand.
"""

from __future__ import annotations

from anlan.model.errors import InputError
from anlan.sense.demo.live import DISTURBANCES, Disturbance

NORMAL = "normal"
LEAD = 3_600.0
"""Normal operation kept before time 0, so that a run can be shown from before its disturbance. [s]"""
LENGTH = 28_800.0
"""How long each recording goes on after time 0. [s]"""
GRID = 18.0
"""Between two rows. [s of plant time]"""
RECORDED_IDV = (1, 4, 6, 8, 11, 13, 14, 17)

RECORDINGS: dict[str, Disturbance] = {
    NORMAL: Disturbance(),
    "feed-valve-stuck": Disturbance(stuck={4: 76.0}, mended=1_860.0),
    **{f"idv-{n}": Disturbance(idv=(n,)) for n in RECORDED_IDV},
}


def disturbance(name: str) -> Disturbance:
    """A recording's disturbance, or any `idv-N` with N 1…28, which only a live process can play."""
    known = RECORDINGS | {f"idv-{n}": Disturbance(idv=(n,)) for n in range(1, DISTURBANCES + 1)}
    if name not in known:
        raise InputError("disturbance {name!r} is not known; known are {known}", name=name, known=", ".join(known))
    return known[name]
