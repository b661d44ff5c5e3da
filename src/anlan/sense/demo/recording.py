"""A recorded run of the process played back; it answers for any instant of plant time as the live process would."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import Protocol

import numpy as np
import numpy.typing as npt

from anlan.model.errors import InputError
from anlan.sense.demo.disturbances import LEAD, LENGTH, NORMAL, RECORDINGS, disturbance
from anlan.sense.demo.live import COLUMNS, STEP, LiveProcess

FIRST_ANALYSER, LAST_ANALYSER = 22, 40
"""Columns XMEAS(23) … XMEAS(41): gas chromatographs, which stand still between their samples."""

Run = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


class Process(Protocol):
    """`seconds`: the process's own time, 0 where the disturbance enters. Asked in rising order."""

    def at(self, seconds: float) -> npt.NDArray[np.float64]:
        """The 53 values in the order of `live.COLUMNS`."""


class Recorded:
    """Before 0 and without a disturbance the normal run, from 0 on the named one; a run that ends early stands still at its end."""

    def __init__(self, name: str) -> None:
        if name not in RECORDINGS:
            raise InputError(
                "disturbance {name!r} is not recorded; recorded are {known}; a live process (--live) plays all 28",
                name=name,
                known=", ".join(RECORDINGS),
            )
        self._normal, self._disturbed = run(NORMAL), run(name)

    def at(self, seconds: float) -> npt.NDArray[np.float64]:
        if seconds < 0:
            return between(self._normal, (seconds + LEAD) % (LEAD + LENGTH) - LEAD)
        return between(self._disturbed, seconds)


class Live:
    """The process computed now; it starts afresh when the time goes back, which is how a scenario repeats."""

    def __init__(self, name: str) -> None:
        self._disturbance = disturbance(name)
        self._process: LiveProcess | None = None

    def at(self, seconds: float) -> npt.NDArray[np.float64]:
        if self._process is None or self._process.seconds > seconds + STEP:
            self._process = LiveProcess(self._disturbance, lead=max(-seconds, 0.0))
        self._process.advance_to(seconds)
        return self._process.values


def between(recorded: Run, seconds: float) -> npt.NDArray[np.float64]:
    """Interpolated linearly between two rows, analysers held."""
    times, values = recorded
    row = int(np.clip(np.searchsorted(times, seconds, side="right") - 1, 0, len(times) - 1))
    after = min(row + 1, len(times) - 1)
    share = float(np.clip((seconds - times[row]) / max(times[after] - times[row], 1e-9), 0.0, 1.0))
    mixed = values[row] + share * (values[after] - values[row])
    mixed[FIRST_ANALYSER : LAST_ANALYSER + 1] = values[row, FIRST_ANALYSER : LAST_ANALYSER + 1]
    return np.asarray(mixed, np.float64)


@cache
def run(name: str) -> Run:
    """Times (n,) [s] and values (n, 53) of one recording."""
    import pyarrow.parquet as pq

    with as_file(files("anlan.sense.demo").joinpath("data/tep.parquet")) as path:
        table = pq.read_table(path, filters=[("scenario", "==", name)])
    values = np.column_stack([table.column(column).to_numpy() for column in COLUMNS])
    return table.column("t_seconds").to_numpy().astype(np.float64), values.astype(np.float64)
