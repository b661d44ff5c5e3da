"""The settings page tells what is really in force, says unknown where nothing is known, and shows each part to who may see it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anlan import __version__
from anlan.model.errors import Unavailable
from anlan.node.facts import RunningNode
from anlan.node.layout import NodeFolder
from anlan.web.listening import Listening
from anlan.web.node_facts import EXTRA
from tests.web.conftest import Console, Node
from tests.web.test_stations import admin, station

pytestmark = pytest.mark.timeout(120)
__all__ = ["admin", "station"]


async def told(console: Console) -> dict[str, dict[str, Any]]:
    answer = await console.get("/api/v1/settings")
    assert answer.status_code == 200, answer.text
    return {section["id"]: {row["name"]: row for row in section["rows"]} for section in answer.json()["sections"]}


async def test_without_the_nodes_own_word_it_is_unknown(admin: Console) -> None:
    found = await told(admin)
    assert found["node"]["Data folder"]["look"] == "unknown"
    assert found["clock"]["Set by a time server"]["look"] == "unknown"
    assert found["node"]["Version of Anlan"]["value"] == __version__


async def test_what_is_in_force_is_read_from_the_running_node(
    node: Node, admin: Console, station: Console, consoles: Callable[..., Console], tmp_path: Path
) -> None:
    folder = NodeFolder(tmp_path / "data").prepare()
    (folder.run / "processes.json").write_text(
        f'{{"children": {{"app": {{"pid": {os.getpid()}, "restarts": 2, "hangs": 0}}, "core": {{"pid": null, "restarts": 0}}}}, "horn": "aplay -q"}}'
    )
    (folder.root / "alarms.db").write_bytes(b"x" * 2048)
    listening = Listening("10.1.2.3", 8701, origins=("http://console.plant",)).checked()
    node.context.extras[EXTRA] = RunningNode(folder, listening, [Path("/mnt/witness")], demo=False)
    found = await told(admin)
    assert (found["node"]["Data folder"]["value"], found["node"]["Data folder"]["set_by"]) == (
        str(folder.root),
        "anlan up --data",
    )
    assert found["node"]["Horn of the node"]["value"] == "aplay -q"
    assert found["access"]["Listens on"]["value"] == "10.1.2.3:8701"
    assert found["access"]["HTTPS is spoken by"]["look"] == "wrong", "passwords in clear beyond this machine"
    assert "2 restarts" in found["processes"]["app"]["value"]
    assert found["processes"]["core"]["look"] == "wrong"
    assert found["disk"]["alarms.db"]["value"] == "2.0 KiB"
    assert found["people"]["Paired stations"]["value"] == "1"
    operator = consoles("10.0.0.9")
    await operator.sign_in("gas")
    assert sorted(await told(operator)) == ["access", "clock", "disk", "kept", "node", "processes"], (
        "not people, not the audit record"
    )
    await operator.sign_in("branch")
    assert (await operator.get("/api/v1/settings")).status_code == 403, "the node is not of one branch"


async def test_a_core_that_is_away_is_told_on_the_page(node: Node, admin: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> dict[str, Any]:
        raise Unavailable("the core does not answer")

    monkeypatch.setattr(node.core, "status", away)
    found = await told(admin)
    assert found["processes"]["Core"]["look"] == "wrong"
