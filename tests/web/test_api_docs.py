"""The manual is true: each example runs against a real node, and no route or error code is missing."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from fastapi import FastAPI

from anlan.model.errors import AnlanError
from anlan.web.api_docs import route_actions
from anlan.web.problem import TITLES

DOCS = Path(__file__).parents[2] / "docs"
MANUAL = (DOCS / "api.md").read_text("utf-8")
EXAMPLES = re.findall(r"```sh\n(.*?)```", MANUAL, re.DOTALL)


async def run(script: str, folder: Path, address: str) -> bytes:
    environment = {**os.environ, "NODE": f"http://{address}", "ACCOUNT": "everyone", "PASSWORD": "calm-waters-42"}
    process = await asyncio.create_subprocess_exec(
        "sh", "-ec", script, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, problems = await process.communicate()
    assert process.returncode == 0, f"{script}\n{out.decode()}\n{problems.decode()}"
    return out


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_each_example_runs_as_it_is(node: Any, address: str, hashed: str, tmp_path: Path) -> None:
    from anlan.guard.people import Held, NewPerson, add_person
    from anlan.model.words import Label

    held = (Held("inside_operator", "gas"), Held("safety_officer"), Held("auditor"))
    with node.records.session() as session:
        add_person(session, NewPerson("everyone", Label(zh="张三"), held), hashed, node.clock, must_change=False)
    node.feed("AT-203", 0.7)
    await node.settle()
    outputs = [await run(example, tmp_path, address) for example in EXAMPLES]
    assert len(outputs) >= 20
    assert orjson.loads(outputs[0])["post"] == "gas"
    table = pa.ipc.open_stream((tmp_path / "readings.arrows").read_bytes()).read_all()
    assert table.num_rows == 1
    streams = [out for example, out in zip(EXAMPLES, outputs, strict=True) if "--max-time" in example]
    assert [b"event: values" in streams[0], b"event: transition" in streams[1]] == [True, True]
    answers = [out for example, out in zip(EXAMPLES, outputs, strict=True) if "--max-time" not in example and "metrics" not in example and "-o " not in example]  # fmt: skip
    assert all(isinstance(orjson.loads(out), dict) for out in answers)


def test_every_route_is_in_the_manual(app: FastAPI) -> None:
    routes = {path for (_, path), _ in route_actions(app).items() if path.startswith("/api/v1/")}
    told = MANUAL.replace("AT-203.H", "{alarm}")
    missing = {path for path in routes if path not in told}
    assert missing == set()


def test_every_error_code_is_in_the_manual() -> None:
    table = (DOCS / "errors.md").read_text("utf-8")
    assert [code for code in TITLES if f"`{code}`" not in table] == []


def test_every_error_code_has_a_title(app: FastAPI) -> None:
    kinds, waiting = set(), [AnlanError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        kinds.add(kind.code)
    assert kinds - set(TITLES) == {"error"}
