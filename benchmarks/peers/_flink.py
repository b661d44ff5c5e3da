"""How a Flink job is timed: two sizes are run and subtracted, so that the start of the job does not count."""

import json
from collections.abc import Callable


def tell(run: Callable[[int], float], events: int) -> None:
    """`run(events)` gives seconds; what came of it is printed as JSON."""
    run(10_000)
    short, whole = run(events // 10), run(events)
    counted = events - events // 10
    print(json.dumps({"events": counted, "seconds": whole - short, "rate": counted / (whole - short), "found": None}))
