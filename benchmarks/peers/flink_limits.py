"""The limit rule in Flink: a keyed process function in Python, four limits with dead-band, on- and off-delay, no log, no history.

Generous to Flink: what a point's rules know lies in a dictionary of the worker. Flink's own keyed state, which survives a failure, asks the
JVM for every reading of a point that its cache does not hold. Flink's own generator feeds it and a blackhole takes the result.
"""

import sys
import time
from pathlib import Path

from _flink import tell
from _rule import step
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
from pyflink.table import StreamTableEnvironment

EVENTS, POINTS = int(sys.argv[1]), 100_000


class Limits(KeyedProcessFunction):
    def open(self, context):
        self.states = {}

    def process_element(self, reading, context):
        self.states[reading[1]], found = step(self.states.get(reading[1]), (reading[0] // POINTS * 100_000, reading[2]))
        for number, wanted, time_us in found:
            yield Row(reading[1], number, wanted, time_us)


def run(events: int) -> float:
    environment = StreamExecutionEnvironment.get_execution_environment()
    environment.set_parallelism(2)
    environment.add_python_file(str(Path(__file__).with_name("_rule.py")))
    table = StreamTableEnvironment.create(environment)
    table.execute_sql(
        f"""CREATE TABLE reading (n BIGINT, point INT, val DOUBLE) WITH ('connector' = 'datagen', 'rows-per-second' = '100000000',
        'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '{events - 1}',
        'fields.point.min' = '1', 'fields.point.max' = '{POINTS}', 'fields.val.min' = '9', 'fields.val.max' = '91')"""
    )
    table.execute_sql("CREATE TABLE moved (point INT, number INT, state BOOLEAN, t BIGINT) WITH ('connector' = 'blackhole')")
    readings = table.to_data_stream(table.from_path("reading"))
    kind = Types.ROW_NAMED(["point", "number", "state", "t"], [Types.INT(), Types.INT(), Types.BOOLEAN(), Types.LONG()])
    moved = readings.key_by(lambda reading: reading[1], key_type=Types.INT()).process(Limits(), output_type=kind)
    began = time.perf_counter()
    table.from_data_stream(moved).execute_insert("moved").wait()
    return time.perf_counter() - began


tell(run, EVENTS)
