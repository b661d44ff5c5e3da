"""The whole node as a person meets it: start, see, acknowledge, kill, cut a source, stop. Real processes, protocols and stores."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from anlan.model.errors import InputError
from anlan.monitor.companions import approval_of, due_of
from anlan.node.supervisor import read_processes
from anlan.web.serve import listen
from tests.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PATIENCE = 90.0


def until(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first true answer; what is not reachable yet is not true yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := true():
                return found
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {true}")


@dataclass
class Node:
    folder: Path
    arguments: list[str]
    output: Path = field(init=False)
    clients: list[httpx.Client] = field(default_factory=list)

    def start(self) -> "Node":
        self.output = self.folder / "up.out"
        command = [sys.executable, "-m", "anlan", "up", "--data", str(self.data), *self.arguments]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "LANG": "C", "LC_ALL": "C"})
        self.address = until(lambda: re.search(r"Console: (http://\S+)", self.said()) or self.failed()).group(1)
        return self

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def said(self) -> str:
        return self.output.read_text("utf-8")

    def failed(self) -> None:
        assert self.process.poll() is None, self.said()

    def sign_in(self, account: str, post: str = "") -> httpx.Client:
        password = dict(re.findall(r"^ +(\w+) +([a-z0-9]{4}(?:-[a-z0-9]{4}){3})$", self.said(), re.MULTILINE))[account]
        client = httpx.Client(base_url=f"{self.address}/api/v1", timeout=30)
        self.clients.append(client)
        answer = client.post("/session", json={"account": account, "password": password, "post": post})
        assert answer.status_code == 200, answer.text
        client.headers.update({"X-CSRF-Token": answer.json()["csrf"], "Origin": self.address})
        return client

    def pids(self) -> dict[str, int]:
        return {name: child["pid"] for name, child in read_processes(self.data / "run")["children"].items()}

    def listens(self) -> set[str]:
        """Addresses, as /proc tells them (hexadecimal), on which any process of this node listens by TCP."""
        pids = [self.process.pid, *self.pids().values()]
        own = {str(file.readlink()) for pid in pids for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()}
        rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
        return {row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own}

    def kill(self, name: str) -> None:
        pid = self.pids()[name]
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.pids()[name] not in (None, pid))

    def stop(self) -> int:
        for client in self.clients:
            client.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def demo(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "anlan", "demo", "--data", str(self.data), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    base = free_ports()
    ports = ["--port-base", str(base), "--port", str(base + 4)]
    node = Node(tmp_path, ["--scenario", "chlorine-leak", "--speed", "40", *ports]).start()
    yield node
    node.process.poll() is None and node.stop()


def run_status(data: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "anlan", "status", "--data", str(data)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "LANG": "C", "LC_ALL": "C"})


def standing(client: httpx.Client) -> dict[str, Any]:
    return {alarm["id"]: alarm for alarm in client.get("/alarms").json()["items"]}


def bypass_qualities(client: httpx.Client) -> set[tuple[str, str]]:
    """Of the safety system's own bypass states; whether one is approved (BP-07.APPROVED) is the node's word and stays good."""
    values = client.get("/live").json()["items"]
    return {(v["quality"]["severity"], v["quality"]["reason"]) for v in values if re.fullmatch(r"BP-\d+", v["point"])}


def acknowledge(client: httpx.Client, alarm: dict[str, Any]) -> httpx.Response:
    body = {"episode": alarm["episode"], "priority": alarm["priority"]}
    return client.post(
        f"/alarms/{alarm['id']}/acknowledge", json=body, headers={"Idempotency-Key": f"{alarm['id']}-{alarm['episode']}"}
    )


def test_the_story_of_a_shift(node: Node) -> None:
    # Nobody has chosen an administrator's password yet, and nobody asked for more than loopback.
    assert node.listens() == {"0100007F"}
    operator, officer = node.sign_in("zhucao", "panel"), node.sign_in("anquan")

    values = until(
        lambda: len(known := [v for v in operator.get("/live").json()["items"] if v["value"] is not None]) >= 210 and known
    )
    # What the node tells of itself is true in a demo too; everything of the plant carries the mark.
    unmarked = {v["point"] for v in values if tuple(v["quality"]["flags"]) != ("demo",)}
    assert {
        point for point in unmarked if not point.startswith("node.") and not point.endswith((approval_of(""), due_of("")))
    } == set()

    for path in ("/api/v1/alarms", "/login", "/start"):
        other = operator.delete(f"{node.address}{path}")
        assert other.status_code == 405, other.text
        assert (other.headers.get("allow"), other.json()["code"]) == ("GET", "method"), path

    alarm = until(lambda: standing(operator).get("AT-201.HH"))
    refused = acknowledge(officer, alarm)
    assert refused.status_code == 403

    node.kill("core")
    again = until(lambda: operator.get("/status").json()["core"]["connected"] and standing(operator).get("AT-201.HH"))
    assert (again["episode"], again["happened_at"]) == (alarm["episode"], alarm["happened_at"])
    until(lambda: acknowledge(operator, again).status_code == 200)
    node.kill("core")
    until(lambda: operator.get("/status").json()["core"]["connected"])
    assert standing(operator)["AT-201.HH"]["state"] in {"ACKNOWLEDGED", "LATCHED_ACKNOWLEDGED"}

    node.kill("sense")
    node.kill("app")
    until(lambda: operator.get("/health").status_code == 200)
    assert standing(operator)["AT-201.HH"]["acknowledged_by"] is not None

    node.demo("--break", "sis")
    lost = until(lambda: standing(operator).get("sis.VIEW"))
    assert lost["priority"] == 1
    until(lambda: bypass_qualities(operator) == {("bad", "communication")})
    assert not [a for a in standing(operator) if a.endswith(("STALE", "BAD")) and standing(operator)[a]["source"] == "sis"]
    node.demo("--mend", "sis")
    until(lambda: standing(operator).get("sis.VIEW", {"state": "RETURNED_UNACKNOWLEDGED"})["state"] == "RETURNED_UNACKNOWLEDGED")

    pids = node.pids()
    assert node.stop() == 0
    assert "The node has stopped" in node.said()
    told = run_status(node.data)
    assert told.returncode == 1
    assert f"no node runs in {node.data}; `anlan up --data {node.data}` starts one" in told.stdout
    assert not [name for name, pid in pids.items() if Path(f"/proc/{pid}").exists()]


def test_processes_that_hang_are_told_and_started_again(node: Node) -> None:
    operator = node.sign_in("zhucao", "panel")
    until(lambda: {s["state"] for s in operator.get("/sources").json()["items"]} == {"up"})
    before = node.pids()
    os.kill(before["sense"], signal.SIGSTOP)
    until(lambda: {s["state"] for s in operator.get("/sources").json()["items"]} == {"unknown"}, 12)
    until(lambda: node.pids()["sense"] not in (None, before["sense"]), 30)
    until(lambda: {s["state"] for s in operator.get("/sources").json()["items"]} == {"up"})
    os.kill(before["app"], signal.SIGSTOP)
    until(lambda: node.pids()["app"] not in (None, before["app"]), 30)
    until(lambda: operator.get("/health").status_code == 200)
    told = run_status(node.data)
    assert told.returncode == 0
    assert len(re.findall(r"restarts 1, of these, it hung 1", told.stdout)) == 2


def test_a_port_that_is_taken_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "anlan", "up", "--data", str(tmp_path / "data"), "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "::2"])
def test_what_is_no_address_here_is_not_called_another_node(host: str) -> None:
    with pytest.raises(InputError, match=f"--host: {host} is no address of this machine"):
        listen(host)


def test_a_folder_with_mistakes_starts_nothing_and_names_each(tmp_path: Path) -> None:
    plant = tmp_path / "works"
    subprocess.run([sys.executable, "-m", "anlan", "new", "plant", str(plant)], check=True, capture_output=True)
    text = (plant / "plant.yaml").read_text("utf-8")
    (plant / "plant.yaml").write_text(text.replace("sources:", "sorces:"), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "anlan", "up", str(plant), "--data", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LANG": "C", "LC_ALL": "C"},
    )
    assert done.returncode == 2
    assert re.search(r"plant\.yaml:\d+: .*sorces", done.stderr)
    assert "sources" in done.stderr


def test_a_damaged_alarms_db_is_told_by_name_and_the_node_goes_on(tmp_path: Path) -> None:
    base = free_ports()
    node = Node(tmp_path, ["--scenario", "quiet", "--port-base", str(base), "--port", str(base + 4)]).start()
    assert node.stop() == 0
    path = node.data / "alarms.db"
    with path.open("r+b") as file:
        file.write(b"\xa5" * 4096)
    node.start()
    try:
        until(lambda: "! engine: alarms.db was damaged (file is not a database)" in node.said())
        (aside,) = [
            one
            for one in node.data.glob("alarms.db.damaged-*")
            if one.suffix != ".json" and not one.name.endswith(("-wal", "-shm"))
        ]
        assert aside.name in node.said()
        assert aside.name in run_status(node.data).stdout
        command = [sys.executable, "-m", "anlan", "alarms", "rebuild", "--data", str(node.data)]
        refused = subprocess.run(
            command, check=False, capture_output=True, text=True, env={**os.environ, "LANG": "C", "LC_ALL": "C"}
        )
        assert (refused.returncode, "runs in" in refused.stderr) == (1, True)
    finally:
        node.stop()
    subprocess.run(command, check=True, capture_output=True)
    assert not path.exists()


def test_a_copied_data_folder_is_shown_and_reads_nothing(tmp_path: Path) -> None:
    base = free_ports()
    ports = ["--port-base", str(base), "--port", str(base + 4)]
    node = Node(tmp_path, ["--scenario", "quiet", *ports]).start()
    passwords = node.said()
    assert node.stop() == 0
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(node.data, tmp_path / "elsewhere" / "data", ignore=shutil.ignore_patterns("*.sock"))
    copy = Node(tmp_path / "elsewhere", ["--scenario", "quiet", *ports]).start()
    try:
        assert "this data folder is a copy" in copy.said()
        assert set(copy.pids()) == {"app"}
        told = run_status(copy.data)
        assert (told.returncode, f"it comes from {node.data}" in told.stdout) == (1, True)
        copy.said = lambda: passwords  # type: ignore[method-assign]
        operator = copy.sign_in("zhucao", "panel")
        assert operator.get("/journal", params={"after": 0}).status_code == 200
        refused = operator.post("/alarms/silence", json={})
        assert (refused.status_code, refused.json()["code"]) == (409, "read-only")
    finally:
        assert copy.stop() == 0


def test_what_ends_core_at_its_start_is_told_on_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "data" / "alarms.db").mkdir(parents=True)
    base = free_ports()
    command = [
        sys.executable,
        "-m",
        "anlan",
        "up",
        "--data",
        str(tmp_path / "data"),
        "--port-base",
        str(base),
        "--port",
        str(base + 4),
    ]
    with (tmp_path / "up.out").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "LANG": "C", "LC_ALL": "C"})
    try:
        until(lambda: re.search(r'"said": "[^"]*alarms\.db[^"]*could not be opened', (tmp_path / "up.out").read_text("utf-8")))
        told = until(
            lambda: (found := run_status(tmp_path / "data")).returncode == 1 and "it ended with" in found.stdout and found
        )
        assert "could not be opened" in told.stdout
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_everything_in_one_process_reads_the_same_plant(tmp_path: Path) -> None:
    base = free_ports()
    node = Node(tmp_path, ["--single", "--scenario", "quiet", "--port-base", str(base), "--port", str(base + 4)]).start()
    try:
        operator = node.sign_in("zhucao", "panel")
        until(lambda: sum(v["value"] is not None for v in operator.get("/live").json()["items"]) >= 210)
    finally:
        code = node.stop()
    assert code == 0
