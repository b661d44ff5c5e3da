"""docs/drivers.md is true: its examples are read by the drivers themselves, and its claims are counted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from anlan.sense.config import SourceConfig
from anlan.sense.contract import CHECKS
from anlan.sense.modbus.address import TYPES
from anlan.sense.registry import driver, driver_config

PAGE = (Path(__file__).parents[2] / "docs" / "drivers.md").read_text("utf-8")
OWN = {"id", "driver", "name", "keep_alive"}


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


ADDRESSES = [(name, line) for name in ("modbus", "opcua", "mqtt") for block in blocks(name) for line in block.splitlines()]
SOURCES: list[dict[str, Any]] = [entry for block in blocks("yaml") for entry in YAML(typ="safe").load(block)]


@pytest.mark.parametrize(("name", "address"), ADDRESSES)
def test_every_address_of_the_page_is_one(name: str, address: str) -> None:
    driver(name).parse(address, {"states": {}})


@pytest.mark.parametrize("entry", SOURCES, ids=lambda e: e["id"])
def test_every_source_of_the_page_is_one(entry: dict[str, Any]) -> None:
    options = {key: value for key, value in entry.items() if key not in OWN}
    driver_config(SourceConfig(**{k: v for k, v in entry.items() if k in OWN}, options=options))


def test_the_page_shows_every_driver() -> None:
    assert {name for name, _ in ADDRESSES} == {entry["driver"] for entry in SOURCES} == {"modbus", "opcua", "mqtt"}


def test_the_page_names_every_type_and_counts_the_checks() -> None:
    assert " ".join(t for t in TYPES if t != "bit") in PAGE
    assert "runs ten checks" in PAGE
    assert len(CHECKS) == 10
