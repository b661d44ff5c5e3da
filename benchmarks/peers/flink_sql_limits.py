"""A simpler rule in Flink SQL, run whole in the JVM: by point, a row goes on when the state of one of four limits differs from the last.

Generous to Flink: no dead-band and no delays, which SQL cannot say, no durable log, no history; its own generator feeds it and a
blackhole takes the result.
"""

import sys
import time

from _flink import tell
from pyflink.table import EnvironmentSettings, TableEnvironment

EVENTS, POINTS = int(sys.argv[1]), 100_000


def run(events: int) -> float:
    table = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    table.get_config().set("parallelism.default", "2")
    table.execute_sql(
        f"""CREATE TABLE reading (point INT, val DOUBLE, arrived AS PROCTIME()) WITH ('connector' = 'datagen', 'number-of-rows' = '{events}',
        'rows-per-second' = '100000000', 'fields.point.min' = '1', 'fields.point.max' = '{POINTS}', 'fields.val.min' = '9', 'fields.val.max' = '91')"""
    )
    table.execute_sql("CREATE TABLE crossing (point INT, state INT, before INT, val DOUBLE) WITH ('connector' = 'blackhole')")
    states = "CASE WHEN val <= 10 THEN 1 WHEN val <= 20 THEN 2 WHEN val >= 90 THEN 4 WHEN val >= 80 THEN 3 ELSE 0 END"
    began = time.perf_counter()
    table.execute_sql(
        f"""INSERT INTO crossing SELECT point, state, before, val FROM (SELECT point, state, val,
        LAG(state) OVER (PARTITION BY point ORDER BY arrived) AS before FROM (SELECT point, val, arrived, {states} AS state FROM reading))
        WHERE state <> before"""
    ).wait()
    return time.perf_counter() - began


tell(run, EVENTS)
