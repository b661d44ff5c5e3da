"""The band of orders of magnitude in which a PFDavg or PFH lies (IEC 61508-1 tables 2 and 3). A band is not a SIL, and nothing here says it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from anlan.model.words import Label
from anlan.risk.lopa.figures import short
from anlan.risk.wording import say

Mode = Literal["pfd", "pfh"]


@dataclass(frozen=True, slots=True)
class Band:
    """`band` 1 … 4: `low` ≤ figure < `high`."""

    mode: Mode
    band: int
    low: float
    high: float


@cache
def bands() -> tuple[Band, ...]:
    text = files("anlan.risk.lopa").joinpath("data", "bands.csv").read_text("utf-8")
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith("#")][1:]
    return tuple(Band("pfd" if mode == "pfd" else "pfh", int(band), float(low), float(high)) for mode, band, low, high in rows)


def band_of(figure: float, mode: Mode = "pfd") -> Band | None:
    """None: above the first band, or below the last."""
    return next((one for one in bands() if one.mode == mode and one.low <= figure < one.high), None)


def band_remark(figure: float, mode: Mode = "pfd") -> Label:
    """The band in words. Below the fourth it says that no single function is credited with that."""
    own = [one for one in bands() if one.mode == mode]
    found = band_of(figure, mode)
    if found is not None:
        return say(
            "in band {band}: {low} to below {high} (a band of the figure, not a SIL)",
            band=found.band,
            low=short(found.low),
            high=short(found.high),
        )
    if figure >= own[0].high:
        return say("in no band: {low} or more", low=short(own[0].high))
    return say("below band 4: less than {high} is not credited to one function", high=short(own[-1].low))
