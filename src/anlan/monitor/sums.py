"""The summary line of the plant, computed at most once a second for all browsers together."""

from __future__ import annotations

from anlan.monitor.service import AlarmService
from anlan.monitor.states import ACTIVE
from anlan.monitor.summary import Summariser
from anlan.web.answers import dumps
from anlan.web.context import Context, PlantView

EVERY = 1.0


class Sums:
    """One per app process: `Sums.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._plant: PlantView | None = None
        self._summariser: Summariser | None = None
        self._at = -EVERY
        self._encoded = b"null"
        self._under_test: tuple[int, ...] = ()

    @classmethod
    def of(cls, context: Context) -> Sums:
        sums = context.extras.get("monitor.sums") or cls(context)
        context.extras["monitor.sums"] = sums
        assert isinstance(sums, cls)
        return sums

    def encoded(self) -> bytes:
        """JSON of `monitor.summary.Summary`."""
        self._refresh()
        return self._encoded

    def under_test(self) -> tuple[int, ...]:
        """Numbers of the detectors whose own state says calibration."""
        self._refresh()
        return self._under_test

    def _refresh(self) -> None:
        now = self._context.clock.monotonic()
        if now >= self._at + EVERY or self._plant is not self._context.plant:
            self._at = now
            self._count()

    def _count(self) -> None:
        if self._summariser is None or self._plant is not self._context.plant:
            self._plant = self._context.plant
            self._summariser = Summariser(self._plant)
        standing = AlarmService.of(self._context).board.standing.values()
        active = [one.last.alarm for one in standing if one.last.after in ACTIVE]
        found = self._summariser.count(self._context.live, active)
        self._encoded, self._under_test = dumps(found.as_json()), found.under_test
