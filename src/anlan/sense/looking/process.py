"""The process that looks at foreign devices: `python -m anlan.sense.looking.process FOLDER`, a line of JSON in for a line out.

It ends with its standard input, that is with the app; its memory is bounded, so that a hostile server ends a look and not the node.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path
from typing import Any

import orjson

from anlan.model.clock import SystemClock
from anlan.model.errors import AnlanError
from anlan.sense.looking.looks import look_at
from anlan.sense.looking.requests import LOOKS

MOST_MEMORY = 4 * 2**30
"""Address space [bytes]; what is used of it is a tenth."""


async def main(folder: Path) -> None:
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    running: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        task = asyncio.ensure_future(_one(orjson.loads(line), folder))
        running.add(task)
        task.add_done_callback(running.discard)


async def _one(asked: dict[str, Any], folder: Path) -> None:
    told: dict[str, Any]
    try:
        look = LOOKS[asked["look"]].model_validate(asked["with"])
        async with asyncio.timeout(look.SECONDS):
            told = {"answer": await look_at(look, folder, SystemClock())}
    except AnlanError as refused:
        told = {"refused": refused.message, "facts": refused.facts}
    except Exception as failed:  # whatever a foreign device makes a library do is an answer, not an end
        told = {"refused": "the look ended with {why}", "facts": {"why": f"{type(failed).__name__}: {failed}"[:300]}}
    sys.stdout.buffer.write(orjson.dumps({"id": asked["id"], **told}, default=str) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    asyncio.run(main(Path(sys.argv[1])))
