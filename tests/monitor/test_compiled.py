"""What was compiled is taken again only while every file it follows from is the same."""

from __future__ import annotations

import ast
from pathlib import Path

import anlan
from anlan.monitor.compiled import SOURCES, stamp
from anlan.monitor.kernel import calculated, conditions, edits, machine, points, readings, ticks, views

LOOP = (calculated, conditions, edits, machine, points, readings, ticks, views)
ROOM = Path(anlan.__file__).parent


def test_every_compiled_function_is_kept_by_the_stamp_of_all_sources() -> None:
    compiled = [f for module in LOOP for f in vars(module).values() if hasattr(f, "py_func")]
    assert len(compiled) > 40
    assert {f._cache._cache_file._source_stamp for f in compiled} == {stamp()}


def test_the_sources_are_all_that_the_loop_takes_constants_and_functions_from() -> None:
    """Imports of the project by the files of the loop, followed through."""
    followed, waiting = set[str](), ["monitor/kernel/__init__.py"]
    while waiting:
        name = waiting.pop()
        if name not in followed:
            followed.add(name)
            waiting += [one for one in imports(name) if one not in followed]
    assert followed - NO_PART == set(SOURCES)


NO_PART = {"model/clock.py", "model/readings.py", "model/columns.py", "model/errors.py", "model/languages.py", "model/words.py"}
"""Types and errors: nothing of them is in compiled code."""


def imports(name: str) -> list[str]:
    tree = ast.parse((ROOM / name).read_text("utf-8"))
    found = [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("anlan.")
    ]
    paths = [module.removeprefix("anlan.").replace(".", "/") + ".py" for module in found]
    paths += [path.removesuffix(".py") + "/__init__.py" for path in paths]
    return [path for path in paths if (ROOM / path).is_file()]
