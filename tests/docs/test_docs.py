"""What the documents say is held against the program: commands, errors, drivers, files, links, the picture of the alarm's states."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import anlan
from anlan.cli import _register_rooms, app
from anlan.model.errors import AnlanError
from anlan.monitor.states import mermaid
from anlan.plant.folder import check
from anlan.plant.new import new_plant
from anlan.plant.points_file import read_list, write_points

ROOT = Path(__file__).parents[2]
READMES = ["README.md", "README.zh-CN.md"]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SOURCE = ROOT / "src" / "anlan"


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


# --- commands


@pytest.fixture(scope="module")
def cli() -> Any:
    _register_rooms()
    return typer.main.get_command(app)


def typed(page: str) -> list[str]:
    """What a person types out of fenced blocks: lines that begin with anlan, with or without a prompt."""
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in re.findall(r"^(?:\$ )?(anlan [^#\n]*)", block, re.MULTILINE)]


def mentioned(page: str) -> set[str]:
    """Commands named anywhere: `anlan WORD …`."""
    return {match for match in re.findall(r"`anlan ([a-z]+)", text(page))}


def parse(cli: Any, line: str) -> None:
    """Follow groups down to the command and parse its arguments, without running it. Raises UsageError."""
    command, arguments = cli, shlex.split(line)[1:]
    parent = None
    while hasattr(command, "commands"):
        parent = type(command).make_context(command, "anlan", [arguments[0]], resilient_parsing=True, parent=parent)
        command, arguments = command.commands[arguments[0]], arguments[1:]
    command.make_context(command.name, arguments, parent=parent)


@pytest.mark.parametrize("page", [*READMES, "docs/operations.md", "docs/alarm-performance.md"])
def test_every_command_that_is_shown_parses(cli: Any, page: str) -> None:
    lines = typed(page)
    assert lines
    for line in lines:
        parse(cli, line)


def test_a_command_that_does_not_exist_is_found(cli: Any) -> None:
    with pytest.raises(KeyError):
        parse(cli, "anlan fly")


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_every_command_that_is_named_exists(cli: Any, page: str) -> None:
    assert mentioned(page) <= set(cli.commands)


@pytest.mark.parametrize("page", READMES)
def test_the_first_plant_says_what_is_printed(page: str, tmp_path: Path) -> None:
    """The list of the page, imported and checked: first the one mistake shown, then, put right, none."""
    found = re.search(r"^```csv\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)
    assert found
    (tmp_path / "list.csv").write_text(found[1], encoding="utf-8")
    new_plant(tmp_path / "works")
    imported = read_list(tmp_path / "list.csv", place="U100", source="plc")
    target = write_points(imported, tmp_path / "works", replace=True)
    assert (imported.notes, imported.unknown, imported.missing) == ([], [], [])
    shown = [finding.text(language) for finding in check(tmp_path / "works").findings for language in ("en", "zh")]
    assert len(shown) == 2
    assert sum(message in text(page) for message in shown) == 1
    target.write_text(target.read_text("utf-8-sig").replace(",80,85,", ",85,80,"), encoding="utf-8")
    assert not check(tmp_path / "works").findings


# --- what must be written down


def every_error() -> Iterator[type[AnlanError]]:
    for module in pkgutil.walk_packages(anlan.__path__, "anlan."):
        if not module.name.endswith("__main__") and "_template" not in module.name and "migrations" not in module.name and "alembic" not in module.name:  # fmt: skip
            importlib.import_module(module.name)
    waiting = [AnlanError]
    while waiting:
        error = waiting.pop()
        yield error
        waiting += error.__subclasses__()


def test_every_error_code_is_explained() -> None:
    codes = {error.code for error in every_error() if "code" in vars(error) and error.__module__.startswith("anlan.")} - {"error"}
    assert "log-full" in codes
    assert codes - set(re.findall(r"`([a-z-]+)`", text("docs/errors.md"))) == set()


def test_every_driver_is_explained() -> None:
    drivers = {path.parent.name for path in (SOURCE / "sense").glob("*/driver.py")} - {"_template"}
    assert {"modbus", "mqtt", "opcua"} <= drivers
    assert drivers <= set(re.findall(r"driver: (\w+)", text("docs/drivers.md")))


def test_every_fault_program_is_explained_with_its_planted_bugs() -> None:
    page = text("docs/reliability.md")
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", page, re.MULTILINE))
    assert set(rows) == {path.stem for path in (ROOT / "faults").glob("[a-z]*.py")}
    for name, bugs in rows.items():
        source = text(f"faults/{name}.py")
        assert {bug for bug in re.findall(r"`([a-z-]+)`", bugs) if f'"{bug}"' not in source} == set()


# --- what must be there


def test_every_file_that_a_page_names_exists() -> None:
    named = {(page.name, name) for page in PAGES for name in re.findall(r"`((?:src|tests|scripts|faults|benchmarks|docs)/[\w./-]+)`", page.read_text("utf-8"))}  # fmt: skip
    assert ("architecture.md", "src/anlan/monitor/engine.py") in named
    assert {(page, name) for page, name in named if not (ROOT / name).exists()} == set()


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        body = page.read_text("utf-8")
        for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", body):
            yield page, "".join(target)


def test_every_link_leads_somewhere() -> None:
    inner = [(page, target.partition("#")[0]) for page, target in links() if not re.match(r"https?:|#", target)]
    assert len(inner) > 30
    assert [(page.name, target) for page, target in inner if not (page.parent / target).exists()] == []


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "pictures").glob("*.png"))
    assert pictures
    assert [picture.name for picture in pictures if picture.stat().st_size > 400_000] == []


def test_the_picture_of_the_states_is_the_table() -> None:
    assert f"```mermaid\n{mermaid()}```\n" in text("docs/alarm-states.md")


@pytest.mark.parametrize("page", READMES)
def test_the_notice_stands_on_the_first_page(page: str) -> None:
    assert "本系统用于监测、预警与管理,不替代DCS、SIS、GDS和消防报警系统,不作为独立保护层。" in text(page)


def test_locks_name_no_host() -> None:
    assert [name for name in ("requirements.lock", "requirements-dev.lock") if re.search(r"://|index-url", text(name))] == []
