"""`anlan print` with the node killed in the middle: the papers tell its last state, and that it is the last."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from anlan.cli import app
from anlan.model.errors import InputError, NotFound, StoreError, Unavailable
from anlan.monitor.journal import JournalReader
from anlan.node import last_state as last
from anlan.node.print_command import register
from anlan.web.paper.document import Stamps
from tests.node.test_up import Node, until
from tests.ports import free_ports

CHINESE = {"LC_ALL": "zh_CN.UTF-8"}


def run(*arguments: str) -> Any:
    if not any(command.name == "print" for command in app.registered_commands):
        register(app)
    return CliRunner().invoke(app, ["print", *arguments], env=CHINESE)


def text_of(path: Path) -> str:
    whole = "".join(page.extract_text() for page in PdfReader(BytesIO(path.read_bytes())).pages)
    return re.sub(r"[\s\u200b]", "", whole)


def hand_over(node: Node, operator: httpx.Client) -> None:
    """The shift at the panel, from its operator to the shift leader, at one station."""
    passwords = dict(re.findall(r"^ +(\w+) +([a-z0-9]{4}(?:-[a-z0-9]{4}){3})$", node.said(), re.MULTILINE))
    said = {"edition": 0, "remarks": "夜间巡检两次", "items": [{"text": "BP-07 待恢复"}]}
    draft = operator.patch("/handover", json=said).json()
    offered = operator.post("/handover/sign", json={"edition": draft["edition"], "password": passwords["zhucao"]}).json()
    taken = {"account": "banzhang", "password": passwords["banzhang"], "take_over": False}
    assert operator.post(f"/handovers/{offered['id']}/sign", json=taken).status_code == 200
    assert not offered["facts"]["unknown"], "every part of the facts is known to a whole node"
    assert [one["number"] for one in offered["facts"]["edits"]] == [1]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A demo node that ran until its first bypass alarm stood, printed while it ran, then lost all of its processes at once."""
    folder = tmp_path_factory.mktemp("node")
    base = free_ports()
    node = Node(folder, ["--port", str(base + 4), "--port-base", str(base), "--speed", "10"]).start()
    try:
        operator = node.sign_in("zhucao")
        until(lambda: any(row["id"] == "BP-07.IF" for row in operator.get("/alarms").json()["items"]))
        running = run("alarms", "--data", str(node.data), "-o", str(folder / "running.pdf"))
        assert running.exit_code == 0, running.output
        hand_over(node, operator)
        operator.close()
        for pid in (node.process.pid, *node.pids().values()):
            os.kill(pid, signal.SIGKILL)
        node.process.wait()
        yield node
    finally:
        node.process.poll() is None and node.process.kill()  # type: ignore[func-returns-value]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_papers_of_a_killed_node(killed: Node) -> None:
    data = killed.data
    before = JournalReader.open(data / "alarms.db")
    rows, steps = before.read(0, 1000), before.steps()
    before.close()
    assert "节点未运行" not in text_of(killed.folder / "running.pdf")

    refused = run("alarms", "--data", str(data), "-o", str(killed.folder / "x.pdf"))
    assert isinstance(refused.exception, Unavailable)
    assert "--last" in refused.exception.text("zh")
    assert not (killed.folder / "x.pdf").exists()

    done = run("--last", "--data", str(data), "-o", str(killed.folder / "papers"))
    assert done.exit_code == 0, done.output
    papers = {path.stem: text_of(path) for path in (killed.folder / "papers").glob("*.pdf")}
    assert set(papers) == {"anlan-journal", "anlan-bypasses", "anlan-alarms", "anlan-handover"}
    for said in ("夜间巡检两次", "BP-07待恢复", "交班刘芳(主操)签字", "接班吴斌(班长)签字"):
        assert said in papers["anlan-handover"].replace("（", "(").replace("）", ")")
    for name, text in papers.items():
        assert ("节点未运行。以下为其截至" in text) is (name != "anlan-handover"), "a signed record is true for good"
        assert "演示数据" in text
    with last.last_state(data, running=False) as context:
        stamps, rules = Stamps(context.plant.zone, context.clock.now()), context.plant.rules
        lines = [f"{row.n}{stamps.second(row.noticed_at)}{stamps.milli(row.happened_at)}{rules[row.alarm].priority}{rules[row.alarm].id}" for row in rows]  # fmt: skip
        with pytest.raises(StoreError, match="only read"), context.records.session():
            pass
    assert [line for line in lines if line.replace(" ", "") not in papers["anlan-journal"]] == []
    assert papers["anlan-journal"].count("校验恢复在有效期内") == len(steps)
    assert "BP-07.IF" in papers["anlan-alarms"]
    assert "BP-07SIF-07旁路SIF-07旁路·没有有效批准" in papers["anlan-bypasses"]
    assert "AT-203" in papers["anlan-bypasses"], "it says of itself that it is calibrating"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_handover_that_is_due_is_printed_to_be_signed_by_pen(killed: Node) -> None:
    target = killed.folder / "due.pdf"
    done = run("handover", "--last", "--draft", "panel", "--data", str(killed.data), "-o", str(target))
    assert done.exit_code == 0, done.output
    text = text_of(target)
    assert text.count("未签字") == 2, "room for two pens"
    for said in ("节点未运行。以下为其截至", "草稿:尚无人签字", "BP-07待恢复", "BP-07.IF", "没有有效批准"):
        assert said in text, said
    assert "交接班" in text
    refused = run("handover", "--last", "--draft", "nowhere", "--data", str(killed.data), "-o", str(target))
    assert isinstance(refused.exception, InputError)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_a_snapshot_and_with_the_log_whole_the_state_is_decided_anew(killed: Node) -> None:
    snapshots = killed.data / "snapshots"
    snapshots.rename(killed.data / "elsewhere")
    try:
        done = run("bypasses", "--last", "--data", str(killed.data), "-o", str(killed.folder / "anew.pdf"))
    finally:
        (killed.data / "elsewhere").rename(snapshots)
    assert done.exit_code == 0, done.output
    assert "BP-07SIF-07旁路SIF-07旁路·没有有效批准" in text_of(killed.folder / "anew.pdf")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_with_a_log_that_does_not_fit_values_are_the_recorded_ones_and_that_is_said(
    killed: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> int:
        raise StoreError("the snapshot belongs to another log")

    monkeypatch.setattr(last, "_stepped", nothing)
    done = run("bypasses", "--last", "--data", str(killed.data), "-o", str(killed.folder / "recorded.pdf"))
    assert done.exit_code == 0, done.output
    text = text_of(killed.folder / "recorded.pdf")
    assert "引擎快照不可用" in text
    assert "当时是否仍有效未知" in text


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_folder_of_an_older_release_that_was_not_started_since(killed: Node, tmp_path: Path) -> None:
    """It knows fewer points of the node itself, and no handovers: all else is printed, and what is not is said."""
    old = shutil.copytree(killed.data, tmp_path / "old", ignore=shutil.ignore_patterns("*.sock"))
    with apsw.Connection(str(old / "records.db")) as records:
        records.execute("DELETE FROM plant_numbers WHERE identifier LIKE 'node.%'")
        records.execute("DROP TABLE monitor_handover_addenda; DROP TABLE monitor_handovers")
    done = run("--last", "--data", str(old), "-o", str(tmp_path / "papers"))
    assert done.exit_code == 1
    assert "monitor_handovers" in done.output
    assert {path.stem for path in (tmp_path / "papers").glob("*.pdf")} == {"anlan-journal", "anlan-bypasses", "anlan-alarms"}
    assert "BP-07.IF" in text_of(tmp_path / "papers" / "anlan-alarms.pdf")


def test_what_is_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(run("novel", "--data", str(tmp_path)).exception, InputError)
    assert isinstance(run("alarms", "--last", "--data", str(tmp_path)).exception, NotFound)
    assert isinstance(run("alarms", "--data", str(tmp_path)).exception, Unavailable)
    monkeypatch.chdir(tmp_path)
    assert isinstance(run("alarms", "--last").exception, InputError)
