"""The limit rule in bytewax: keyed by point, four limits with dead-band, on- and off-delay, state in memory, no log, no history."""

import json
import sys
import time

import bytewax.operators as op
import numpy as np
from _rule import step
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

EVENTS = int(sys.argv[1])
POINTS = min(100_000, EVENTS // 20)
# Twenty scans of 0.1 s over all points, so that the delays of 0.5 s come to bear

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
