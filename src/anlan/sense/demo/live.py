"""The Tennessee Eastman process itself, stepped: `tep-studio`'s kernel under Ricker's decentralised control.

`scripts/make_tep.py` records it; with the extra `demo` it also runs live. Order of the 53 values: XMEAS(1)…XMEAS(41), XMV(1)…XMV(12), in the
units of Downs and Vogel, "A plant-wide industrial process control problem", Computers & Chemical Engineering 17 (1993) 245-255.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from anlan.model.errors import Unavailable

MEASUREMENTS = 41
VALVES = 12
COLUMNS = tuple(f"XMEAS{n}" for n in range(1, MEASUREMENTS + 1)) + tuple(f"XMV{n}" for n in range(1, VALVES + 1))
STEP = 1.8
"""One step of control and integration. [s of plant time] The model is stiff: longer steps diverge."""
WARM_UP = 7_200.0
"""From the base case to a plant with settled noise. [s] The disturbance enters at the end of it, which is time 0."""
SEED = 4_651_207_995.0
DISTURBANCES = 28


@dataclass(frozen=True)
class Disturbance:
    """What goes wrong at time 0: switches of the process (`idv`, 1…28) and valves that stick (number → %) until `mended` s later."""

    idv: tuple[int, ...] = ()
    stuck: Mapping[int, float] = field(default_factory=dict)
    mended: float = float("inf")

    def switches(self, seconds: float) -> npt.NDArray[np.float64]:
        vector = np.zeros(DISTURBANCES)
        if self._acts(seconds):
            vector[[n - 1 for n in self.idv]] = 1.0
        return vector

    def valves(self, seconds: float, action: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The controller's twelve outputs as the valves really stand."""
        stands = np.array(action)
        if self._acts(seconds):
            for number, position in self.stuck.items():
                stands[number - 1] = position
        return stands

    def _acts(self, seconds: float) -> bool:
        return 0.0 <= seconds < self.mended


class LiveProcess:
    """A running process. `seconds` is its own time, 0 where the disturbance enters; it starts `lead` s before that."""

    def __init__(self, disturbance: Disturbance, lead: float = 0.0, seed: float = SEED) -> None:
        tep: Any = _tep_studio()
        self._disturbance = disturbance
        self._plant = tep.TennesseeEastmanProcess()
        self._controller = tep.RickerMultiLoopController()
        self._measured, _ = self._plant.reset(seed=seed)
        self._controller.reset(self._measured, time=0.0)
        self._valves = np.array(self._plant.state[-VALVES:])
        self._steps = -round(WARM_UP / STEP)
        self.tripped = ""
        """Why the process shut itself down, "" while it runs; after that its values stand still."""
        self.advance_to(-lead)

    @property
    def seconds(self) -> float:
        return self._steps * STEP

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The 53 values now."""
        return np.concatenate([self._measured, self._valves])

    def advance_to(self, seconds: float) -> None:
        """Step until `seconds`; the last step may stop up to one `STEP` short of it."""
        while self.seconds + STEP <= seconds + 1e-6 and not self.tripped:
            self._step()

    def _step(self) -> None:
        wanted, _ = self._controller.compute_action(self._measured, time=self._plant.time)
        result = self._plant.advance(
            self._disturbance.valves(self.seconds, wanted),
            control_interval=STEP / 3_600.0,
            disturbances=self._disturbance.switches(self.seconds),
        )
        self._measured, self._valves = result.measurements, result.implemented_action
        self._steps += 1
        if result.shutdown_status["terminated"]:
            self.tripped = str(result.shutdown_status["message"])


def _tep_studio() -> Any:
    try:
        import tep_studio
    except ImportError as missing:
        raise Unavailable(
            "the process cannot run live without tep-studio; install it with: pip install 'anlan[demo]'"
        ) from missing
    return tep_studio
