"""The limit rule in bytewax: keyed by point, four limits with dead-band, on- and off-delay, state in memory, no log, no history."""

import json
import sys
import time

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

EVENTS = int(sys.argv[1])
POINTS = min(100_000, EVENTS // 20)
# Twenty scans of 0.1 s over all points, so that the delays of 0.5 s come to bear
LIMITS = ((-1, 10.0), (-1, 20.0), (1, 80.0), (1, 90.0))
DEAD_BAND, DELAY = 2.0, 500_000


def step(state, reading):
    """One reading of one point; state: per limit (active, since µs or None)."""
    time_us, value = reading
    state = state or [(False, None)] * len(LIMITS)
    found, after = [], []
    for number, ((sign, limit), (active, since)) in enumerate(zip(LIMITS, state, strict=True)):
        distance = sign * (value - limit)
        wanted = distance >= (-DEAD_BAND if active else 0.0)
        if wanted == active:
            after.append((active, None))
        elif time_us - (time_us if since is None else since) >= DELAY:
            after.append((wanted, None))
            found.append((number, wanted, time_us))
        else:
            after.append((active, time_us if since is None else since))
    return after, found


rng = np.random.default_rng(7)
index = np.arange(EVENTS)
points, scans = index % POINTS, index // POINTS
values = np.where((points % 1000 == 0) & (scans >= 8), 95.0, rng.normal(50, 5, EVENTS))
times = scans * 100_000 + points
inputs = [(str(p), (t, v)) for p, t, v in zip(points.tolist(), times.tolist(), values.tolist(), strict=True)]
found: list = []
flow = Dataflow("limits")
stream = op.input("in", flow, TestingSource(inputs, batch_size=10_000))
op.output("out", op.flat_map("each", op.stateful_map("limits", stream, step), lambda keyed: keyed[1]), TestingSink(found))
began = time.perf_counter()
run_main(flow)
seconds = time.perf_counter() - began
print(json.dumps({"events": EVENTS, "seconds": seconds, "rate": EVENTS / seconds, "found": len(found)}))
