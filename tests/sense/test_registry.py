"""Drivers are found by entry point; their options and addresses are checked with messages that help."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

from anlan.model.errors import DriverError, InputError, NotFound
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.sense import registry
from anlan.sense.config import SourceConfig
from anlan.sense.modbus.address import Address


def source(driver: str = "modbus", **options: object) -> SourceConfig:
    return SourceConfig(id="tanks", driver=driver, options=options)


def test_our_drivers_are_found() -> None:
    assert [f.name for f in registry.drivers()] == ["modbus", "mqtt", "opcua"]
    assert [f.fault for f in registry.drivers()] == ["", "", ""]
    assert all(f.doc for f in registry.drivers())


def test_an_unknown_driver_names_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"'profibus'.*modbus, mqtt, opcua"):
        registry.driver("profibus")


def test_a_driver_that_cannot_be_loaded_is_listed_with_its_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("broken", "anlan.nowhere:Driver", registry.GROUP)
    monkeypatch.setattr(registry, "entries", lambda: {"broken": broken})
    (found,) = registry.drivers()
    assert "ModuleNotFoundError" in found.fault


@dataclass(eq=False)
class Entry:
    """An entry point of another package, counting how often it is loaded."""

    loaded: object
    times: int = 0

    def load(self) -> object:
        self.times += 1
        return self.loaded


def test_a_driver_of_another_api_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entries", lambda: {"old": Entry(SimpleNamespace(API=0))})
    with pytest.raises(DriverError, match="API 0, this is API 1"):
        registry.driver("old")


def test_a_driver_is_loaded_once_however_many_points_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry(SimpleNamespace(API=1))
    monkeypatch.setattr(registry, "entries", lambda: {"one": entry})
    assert registry.driver("one") is registry.driver("one")
    assert entry.times == 1


def test_options_are_checked_by_the_driver() -> None:
    config = registry.driver_config(source(host="10.0.0.1", port=1502))
    assert (config.host, config.port, config.unit) == ("10.0.0.1", 1502, 1)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "source tanks: host: Field required"),
        ({"host": "a", "prot": 1}, "prot: Extra inputs are not permitted, found 1; known are framing, heartbeat, host"),
        ({"host": "a", "port": 0}, "port: Input should be greater than or equal to 1, found 0"),
    ],
)
def test_a_wrong_option_says_which_what_and_what_is_right(options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as refused:
        registry.driver_config(source(**options))
    assert said in str(refused.value)


def test_drivers_that_keep_files_get_the_nodes_folder(tmp_path: Path) -> None:
    secure = registry.driver_config(source("opcua", url="opc.tcp://plc:4840"), tmp_path)
    assert secure.folder == tmp_path  # type: ignore[attr-defined]
    assert registry.driver_config(source(host="a"), tmp_path).model_dump().get("folder") is None


def test_a_tag_carries_what_the_driver_needs() -> None:
    point = Point(
        id="XV-1",
        place="u",
        name=Label(en="valve"),
        kind="valve.open",
        source="tanks",
        address="di:7",
        states={0: Label(en="shut"), 1: Label(en="open")},
    )
    tag = registry.tag_of(9, point, "modbus")
    assert (tag.number, tag.id, tag.address, tag.period, tag.states) == (9, "XV-1", Address("di", 7, "bit"), 1.0, (0, 1))


def test_labels_serve_both_languages_in_any_case() -> None:
    assert registry.labels({0: Label(zh="关", en="Closed"), 1: {"zh": "开", "en": "Open"}}) == {
        "关": 0,
        "closed": 0,
        "开": 1,
        "open": 1,
    }
