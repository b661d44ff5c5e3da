"""`anlan new driver NAME`: a copy of the tested template under another name."""

from __future__ import annotations

from pathlib import Path

from anlan.model.errors import InputError
from anlan.sense.registry import entries, is_name

TEMPLATE = Path(__file__).parent / "_template"
TEST = '''"""The {name} driver keeps the contract of every driver."""

from __future__ import annotations

from pathlib import Path

import pytest
from {package}.driver import {title}Driver
from {package}.harness import Harness

from anlan.sense.contract import CHECKS, Bench


@pytest.mark.parametrize("check", [c for c in CHECKS if c.__name__ not in Harness.exempt])
async def test_keeps_the_contract(check, tmp_path: Path) -> None:
    await check(Bench({title}Driver, Harness(), tmp_path))
'''
PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{package}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["anlan"]

[project.entry-points."anlan.drivers"]
{name} = "{package}.driver:{title}Driver"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]

[tool.pytest.ini_options]
asyncio_mode = "auto"
"""


def new_driver(name: str, folder: Path) -> list[Path]:
    """Write a package `anlan_NAME` with the driver, its simulator and its test below `folder`; the files written.

    Raises InputError for a name that is none, is taken, or whose folder exists. Nothing is overwritten.
    """
    if not is_name(name):
        raise InputError("{name!r} cannot be a driver's name: small letters, digits and _, beginning with a letter", name=name)
    if name in entries():
        raise InputError("there is a driver {name!r} already", name=name)
    package, title = f"anlan_{name}", name.title().replace("_", "")
    root = folder / package
    if root.exists():
        raise InputError("{path} exists already; choose another name or folder", path=str(root))
    facts = {"name": name, "package": package, "title": title}
    files = {
        root / package / path.name: _renamed(path.read_text("utf-8"), facts)
        for path in sorted(TEMPLATE.iterdir())
        if path.is_file()
    }
    files[root / "tests" / f"test_{name}.py"] = TEST.format(**facts)
    files[root / "pyproject.toml"] = PROJECT.format(**facts)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return list(files)


def _renamed(text: str, facts: dict[str, str]) -> str:
    text = text.replace("anlan.sense._template", facts["package"])
    return text.replace("Template", facts["title"]).replace("template", facts["name"])
