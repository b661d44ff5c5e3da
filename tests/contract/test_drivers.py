"""Every driver that can be found keeps the contract: ours, other packages', and the template that new ones are copied from."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

import anlan.sense
from anlan.sense import registry
from anlan.sense._template.driver import TemplateDriver
from anlan.sense.contract import CHECKS, Bench
from anlan.sense.driver import Driver

FOLDERS = {p.parent.name for p in Path(anlan.sense.__file__).parent.glob("*/driver.py")}
KINDS: dict[str, type[Driver]] = {name: registry.driver(name) for name in registry.entries()} | {"_template": TemplateDriver}
SLOW = {"opcua", "check_any_bytes_are_survived"}
"""Building an OPC UA server's address space takes a second and a half; forty answers of garbage take their time."""

Check = Callable[[Bench], Awaitable[None]]


def harness_of(kind: type[Driver]) -> type:
    return importlib.import_module(f"{kind.__module__.rpartition('.')[0]}.harness").Harness


def cases() -> list[object]:
    return [
        pytest.param(
            name, check, id=f"{name}-{check.__name__}", marks=[pytest.mark.slow] if SLOW & {name, check.__name__} else []
        )
        for name in sorted(KINDS)
        for check in CHECKS
        if check.__name__ not in harness_of(KINDS[name]).exempt
    ]


@pytest.mark.parametrize(("name", "check"), cases())
async def test_driver_keeps_the_contract(name: str, check: Check, tmp_path: Path) -> None:
    kind = KINDS[name]
    await check(Bench(kind, harness_of(kind)(), tmp_path))


def test_as_many_drivers_are_found_as_there_are_folders() -> None:
    assert set(KINDS) == FOLDERS


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_exemption_names_a_check_and_gives_its_reason(name: str) -> None:
    exempt = harness_of(KINDS[name]).exempt
    assert exempt.keys() <= {check.__name__ for check in CHECKS}
    assert all(exempt.values())
