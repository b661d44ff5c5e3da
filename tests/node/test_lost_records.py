"""A real node whose records.db is overwritten: it starts all the same, a paired station answers, and the step is on record once they are back."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from anlan.model.clock import SystemClock
from anlan.model.errors import Corrupt, StoreError
from anlan.node.configuration import look_whether_whole
from anlan.node.layout import NodeFolder
from anlan.node.supervisor import read_processes
from anlan.node.up import UpOptions, prepare
from anlan.node.wiring import sources_in_force, wiring_in_force
from anlan.plant.last import keep_last, last_kept
from anlan.plant.new import new_plant
from anlan.plant.versions import version
from anlan.store.records import Records
from tests.node.test_live_edit import Node, until
from tests.ports import free_ports

RUBBISH = b"not a database " * 4096


def overwrite(folder: NodeFolder) -> None:
    for file in (folder.records, folder.records.with_name("records.db-wal")):
        file.write_bytes(RUBBISH)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path, free_ports())
    try:
        yield made.start()
    finally:
        if made.process.poll() is None:
            made.stop()
        made.device.kill()
        made.device.wait()


def prove(node: Node) -> subprocess.CompletedProcess[str]:
    """The alarm chain by the machine's own horn, from a shell."""
    command = [sys.executable, "-m", "anlan", "proof", "--data", str(node.data), "--run", "--horn", "true"]
    return subprocess.run(command, input="y\n", capture_output=True, text=True, check=False)


def is_identity(station: httpx.Client) -> object:
    return station.get("/emergency").json().get("identity")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_station_answers_after_a_start_with_damaged_records(live: Node, tmp_path: Path) -> None:
    folder, admin = NodeFolder(live.data), live.sign_in()
    for name in ("one", "revoked"):
        made = admin.post("/stations", json={"name": name, "post": "panel"}).json()
        station = httpx.Client(base_url=f"{live.address}/api/v1", timeout=30, headers={"Origin": live.address})
        live.clients.append(station)
        assert station.post("/station", json={"code": made["code"]}).status_code == 200
    one, revoked = live.clients[-2:]
    assert admin.post(f"/stations/{made['id']}/revoke", json={"reason": "replaced"}).status_code == 200
    alarm = until(lambda: next((row for row in one.get("/emergency").json()["items"] if row["id"] == "LT-1.H"), None))
    heard = prove(live)
    assert (heard.returncode, re.findall(r"(\w+) \d+ ms", heard.stdout)) == (0, ["log", "engine", "journal", "horn"]), (
        heard.stderr
    )
    assert admin.get("/proofs").json()["items"][0]["result"] == "heard"
    assert "node.proof.ST" not in [row["id"] for row in admin.get("/alarms").json()["items"]], "the exercise leaves nothing to do"
    assert {stat.S_IMODE(file.stat().st_mode) for file in (folder.kept_stations, folder.last_plant)} == {0o600}

    app = read_processes(folder.run)["children"]["app"]["pid"]
    os.kill(app, signal.SIGSTOP)
    copy = [shutil.copy(file, tmp_path / file.name) for file in folder.root.glob("records.db*")]
    overwrite(folder)
    os.kill(app, signal.SIGKILL)

    told = until(lambda: one.get("/emergency").json())
    assert (told["identity"], told["post_name"]["zh"]) == (False, "内操")
    assert any("records.db" in words for words in told["wrong"])
    assert "records.db" in httpx.get(f"{live.address}/login").text
    assert revoked.get("/emergency").status_code == 401
    alarm = until(lambda: next((row for row in one.get("/emergency").json()["items"] if row["id"] == "LT-1.H"), None))
    step = {"alarm": "LT-1.H", "episode": alarm["episode"], "priority": 2, "reason": "阀门已关"}
    assert until(lambda: one.get("/emergency").json()["connected"])
    answer = one.post("/emergency/acknowledge", json=step)
    assert answer.status_code == 200, answer.text
    assert folder.records.read_bytes() == RUBBISH, "nothing is written into what is damaged"

    for file in copy:
        Path(file).replace(folder.root / Path(file).name)
    until(lambda: is_identity(one) is True)
    back = live.sign_in()
    leaves = until(lambda: back.get("/audit?action=alarm.acknowledge").json()["items"])
    assert [(leaf["subject"], "阀门已关" in leaf["reason"]) for leaf in leaves] == [("LT-1.H", True)]


def prepared(tmp_path: Path) -> tuple[NodeFolder, UpOptions]:
    """A node that was prepared once; what the app would keep is kept."""
    new_plant(tmp_path / "works")
    options = UpOptions(plant=tmp_path / "works", data=tmp_path / "node")
    first = prepare(options, SystemClock())
    first.lock.release()
    records = Records.open(first.folder.records)
    keep_last(first.folder.last_plant, *version(records))
    records.close()
    return first.folder, options


def test_what_is_kept_stands_for_damaged_and_for_missing_records(tmp_path: Path) -> None:
    folder, options = prepared(tmp_path)
    look_whether_whole(folder)
    sources, wiring = sources_in_force(folder)[1], wiring_in_force(folder)
    engine = folder.engine_config.read_bytes()
    folder.engine_config.unlink()
    overwrite(folder)
    with pytest.raises(Corrupt):
        look_whether_whole(folder)
    assert wiring_in_force(folder) == wiring
    assert [one.config for one in sources_in_force(folder)[1]] == [one.config for one in sources]
    again = prepare(options, SystemClock())
    again.lock.release()
    assert (again.imported.version.number, again.passwords) == (1, {})
    assert folder.engine_config.read_bytes() == engine
    folder.records.unlink()
    with pytest.raises(StoreError, match="is gone"):
        look_whether_whole(folder)
    assert wiring_in_force(folder) == wiring
    assert not folder.records.exists(), "an empty one would give numbers anew"


def test_without_anything_kept_it_fails_as_it_did(tmp_path: Path) -> None:
    folder, options = prepared(tmp_path)
    whole = folder.last_plant.read_bytes()
    folder.last_plant.write_bytes(whole[:-1] + b"x")
    overwrite(folder)
    with pytest.raises(Corrupt, match="checksum"):
        prepare(options, SystemClock())
    folder.last_plant.unlink()
    with pytest.raises(StoreError, match="damaged"):
        prepare(options, SystemClock())
    folder.last_plant.write_bytes(whole)
    assert last_kept(folder.last_plant).version.number == 1


def test_what_fails_beside_whole_records_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, options = prepared(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise StoreError("the history in {folder} cannot be read", folder="x")

    monkeypatch.setattr("anlan.node.up.bring_into_force", full)
    with pytest.raises(StoreError, match="the history in x"):
        prepare(options, SystemClock())
