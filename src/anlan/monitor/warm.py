"""Load (or, once per installation, compile) the kernel before the first frame waits for it."""

from __future__ import annotations

import orjson
import pyarrow as pa

from anlan.model import columns
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_SOURCE, Frame, Kind, Part
from anlan.model.readings import SCHEMA
from anlan.monitor.engine import Engine, EngineConfig
from anlan.monitor.program import Instruction, Op, Program, cells_of

_START = 1_767_225_600_000_000


def warm_up() -> None:
    """Run every entrance of the kernel once, on a plant of one point and one calculated from it. A fraction of a second with the cache, tens without."""
    config = EngineConfig.from_columns(
        1,
        {"number": [1]},
        {"number": [1, 2], "source": [1, NODE_SOURCE]},
        {"number": [1, 2], "kind": [AlarmKind.HIGH, AlarmKind.LOSS_OF_VIEW], "target": [1, 1], "limit": [1.0, float("nan")]},
        programs=[
            (2, Program((Instruction(Op.POINT, 1), Instruction(Op.DURATION)), (1,), cells_of(Op.DURATION), timed=True, depth=1))
        ],
    )
    engine = Engine()
    bodies = (
        Part(Kind.CONFIG, 0, 0, 0, _START, 1, config.to_bytes()),
        Part(Kind.READINGS, 1, 0, 0, _START, 2, _body([1, 1], [_START, _START + 1], [0.0, 2.0], [0, 0])),
        Part(Kind.TICK, 0, 0, 1, _START, 1, orjson.dumps({"now": _START, "sources": {"1": "down"}})),
    )
    for n, part in enumerate(bodies, start=1):
        engine.step(Frame(n, (part,)))


def _body(*rows: list[float]) -> bytes:
    """As `Readings.to_bytes`, without what `model.columns` avoids."""
    batch = pa.RecordBatch.from_arrays(
        [columns.of(values, field.type) for values, field in zip(rows, SCHEMA, strict=True)], schema=SCHEMA
    )
    body: bytes = batch.serialize().to_pybytes()
    return body


if __name__ == "__main__":  # for the installer: `python -m anlan.monitor.warm` compiles once, before the first start
    warm_up()
