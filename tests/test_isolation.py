"""What comes from outside is never code: no file of the program unpickles, evaluates, unpacks archives to disk, or hands a line to a shell; who
starts a process is one of the few that were judged, and starts it by a list of words.

A new use fails here. Whoever adds one says in JUDGED why it is none of these.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import anlan

SOURCE = Path(anlan.__file__).parent

MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "code", "codeop", "imp", "runpy"}
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
METHODS = {
    "extractall", "extract", "unpack_archive", "system", "popen", "spawnv", "spawnl", "execv", "execve", "unsafe_load", "full_load", "load_pickle",
    "read_pickle", "to_pickle", "create_subprocess_shell", "getoutput", "getstatusoutput", "import_module", "load_extension", "loadextension",
}  # fmt: skip
STARTS = {"run", "Popen", "call", "check_call", "check_output", "create_subprocess_exec"}

JUDGED = {
    "node/single.py": {"create_subprocess_exec": "the demo's devices, a command of ours"},
    "node/sounder.py": {
        "create_subprocess_exec": "the horn's command, as whoever started the node named it; split into words, no shell"
    },
    "node/supervisor.py": {"create_subprocess_exec": "the node's own processes"},
    "risk/__init__.py": {"import_module": "modules of the room, by names that stand beside it"},
    "risk/command.py": {"import_module": "the room's own commands, by names that stand beside it"},
    "risk/studies/kinds.py": {"import_module": "kinds of studies, by names that stand beside it"},
    "sense/looking/looker.py": {
        "create_subprocess_exec": "a process of ours that looks at a device; what to look at goes to it as JSON"
    },
    "store/migrating.py": {"import_module": "records.py of the rooms, by names that stand in the program"},
    "web/paper/press.py": {"run": "a process of ours that sets a page; its job goes to it as JSON"},
}


class Found(ast.NodeVisitor):
    """(line, name) of what is looked for."""

    def __init__(self) -> None:
        self.uses: list[tuple[int, str]] = []
        self.subprocess: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        self.uses += [(node.lineno, one.name) for one in node.names if one.name.split(".")[0] in MODULES]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = (node.module or "").split(".")[0]
        if module in MODULES and node.level == 0:
            self.uses.append((node.lineno, module))
        if node.module == "subprocess":
            self.subprocess |= {one.asname or one.name for one in node.names}

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        owner = called.value.id if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) else ""
        if isinstance(called, ast.Name) and (name in CALLS or name in self.subprocess or name in METHODS):
            self.uses.append((node.lineno, name))
        if isinstance(called, ast.Attribute) and (
            name in METHODS or (owner in {"subprocess", "asyncio"} and name in STARTS - {"run"})
        ):
            self.uses.append((node.lineno, name))
        if owner == "subprocess" and name == "run":
            self.uses.append((node.lineno, name))
        if owner == "yaml" and name == "load":
            self.uses.append((node.lineno, "yaml.load"))
        for keyword in node.keywords:
            said = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if keyword.arg == "shell" and said is not False:
                self.uses.append((node.lineno, "shell="))
            if keyword.arg == "typ" and said == "unsafe":
                self.uses.append((node.lineno, "typ=unsafe"))
        self.generic_visit(node)


def uses(text: str) -> list[str]:
    found = Found()
    found.visit(ast.parse(text))
    return [name for _, name in found.uses]


def in_the_program() -> Iterator[tuple[str, str]]:
    words = re.compile("|".join(sorted({*MODULES, *CALLS, *METHODS, *STARTS, "yaml", "shell", "unsafe"})))
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text("utf-8")
        for name in uses(text) if words.search(text) else ():
            yield path.relative_to(SOURCE).as_posix(), name


def test_nothing_that_comes_from_outside_is_run() -> None:
    found = set(in_the_program())
    assert {(place, name) for place, name in found if name not in JUDGED.get(place, {})} == set()
    assert {(place, name) for place, names in JUDGED.items() for name in names} - found == set(), "judged, and no longer there"


@pytest.mark.parametrize(
    "text",
    [
        "import pickle", "from pickle import loads", "eval('1')", "exec(x)", "yaml.load(x)", "YAML(typ='unsafe')", "z.extractall('/')", "os.system(x)",
        "subprocess.run(x, shell=True)", "from subprocess import run\nrun(x)", "f(x, shell=anything)", "compile(x, '', 'exec')", "__import__(x)",
        "pd.read_pickle(x)", "shutil.unpack_archive(x)", "importlib.import_module(x)", "from importlib import import_module\nimport_module(x)",
        "asyncio.create_subprocess_shell(x)", "db.enable_load_extension(True); db.load_extension(x)",
    ],
)  # fmt: skip
def test_each_of_them_would_be_found(text: str) -> None:
    assert uses(text)


def test_what_is_like_them_is_not_taken_for_one() -> None:
    assert uses("re.compile(x); typst.compile(x); runner.run(x); YAML(typ='safe').load(x); f(x, shell=False)") == []


# --- what a person writes as an expression

ROOMS_OF_EXPRESSIONS = ("monitor/expressions", "monitor/kernel", "monitor/program.py", "monitor/programs.py")
ARITHMETIC = {
    "__future__", "anlan", "collections", "contextlib", "dataclasses", "enum", "functools", "llvmlite", "math", "numba", "numpy", "pyarrow", "re",
    "typing", "unicodedata",
}  # fmt: skip
"""All that reads or runs expressions is made of."""
REACHES_OUT = {"open", "getattr", "setattr", "globals", "locals", "vars", "input", "breakpoint"}


def of_expressions() -> list[Path]:
    found = [
        path
        for room in ROOMS_OF_EXPRESSIONS
        for path in ([SOURCE / room] if room.endswith(".py") else (SOURCE / room).glob("*.py"))
    ]
    assert len(found) > 20
    return found


def test_expressions_are_made_of_arithmetic_alone() -> None:
    """Neither files nor network, nor a name by which they could be had: an expression becomes steps of a stack machine (tests/web/test_abuse.py
    tries hostile ones)."""
    for path in of_expressions():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                assert {name.split(".")[0] for name in names} <= ARITHMETIC, (path.name, node.lineno)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in REACHES_OUT, (path.name, node.lineno)


def test_reading_and_running_hostile_expressions_touches_no_file_and_no_network() -> None:
    from anlan.monitor.expressions import ExpressionError, PointFacts, parse

    known = {"AT-203": PointFacts(1, "ppm")}.get
    touched: list[str] = []
    watching = True

    def watch(event: str, _: object) -> None:
        if watching and event.split(".", maxsplit=1)[0] in {
            "open",
            "socket",
            "subprocess",
            "os",
            "import",
            "exec",
            "compile",
            "ctypes",
            "shutil",
            "tempfile",
        }:
            touched.append(event)

    texts = [
        "open('/etc/passwd')", "__import__('os').system('id')", "AT-203 + (().__class__)", "file:///etc/passwd", "http://10.0.0.1/", "$(id)", "`id`",
        "AT-203 > 1; DROP TABLE x", "9" * 5000, "(" * 5000, "rate(AT-203 over 999999999999999999999 min) > 1", "AT-203 and " * 3000 + "AT-203", "\x00", "a" * 100_000,
    ]  # fmt: skip
    for text in texts:  # once before, so that what is loaded at the first use is loaded
        with pytest.raises(ExpressionError):
            parse(text, known)
    sys.addaudithook(watch)
    try:
        for text in texts:
            with pytest.raises(ExpressionError):
                parse(text, known)
    finally:
        watching = False
    assert touched == []
