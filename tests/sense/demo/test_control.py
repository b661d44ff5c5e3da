"""A running demo plant told what to do, as a process, over its socket and by the command line."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner

from anlan.model.clock import ManualClock
from anlan.model.errors import InputError, Unavailable
from anlan.sense.demo import wiring
from anlan.sense.demo.commands import register
from anlan.sense.demo.control import Control, ask
from anlan.sense.demo.demo_plant import DemoPlant, Play
from tests.sense.demo.playing import eventually, on_free_ports


class Silent:
    """A device without a socket, so that control is tested alone; on a taken port it fails as a real one does."""

    port = 1

    def __init__(self) -> None:
        self.up, self.published, self.starts, self.taken = False, 0, 0, False

    async def start(self) -> None:
        if self.taken:
            raise OSError(98, "Address already in use")
        self.starts += 1
        await asyncio.sleep(0.01)
        self.up = True

    async def stop(self) -> None:
        self.up = False

    async def publish(self, values: object, marks: object) -> None:
        self.published += 1


@pytest.fixture
async def demo(folder: Path) -> AsyncIterator[DemoPlant]:
    plant = DemoPlant(folder / "run", ManualClock(), Play("quiet"), on_free_ports())
    plant.devices = {name: Silent() for name in plant.devices}
    control = Control(plant, folder / "run")
    await plant.start()
    await control.start()
    yield plant
    await control.stop()
    await plant.stop()


async def test_the_state_says_what_plays_and_where(demo: DemoPlant, folder: Path) -> None:
    state = await ask(folder / "run", do="state")
    assert (state["scenario"], state["speed"], state["live"]) == ("quiet", 20.0, False)
    assert [s["broken"] for s in state["sources"].values()] == [False] * 4


async def test_a_source_is_cut_and_mended_over_the_socket(demo: DemoPlant, folder: Path) -> None:
    cut = await ask(folder / "run", do="break", source="tanks")
    was = {name: d.up for name, d in demo.devices.items()}  # type: ignore[attr-defined]
    mended = await ask(folder / "run", do="mend", source="tanks")
    assert [name for name, up in was.items() if not up] == ["tanks"]
    assert (cut["sources"]["tanks"]["broken"], mended["sources"]["tanks"]["broken"]) == (True, False)


async def test_clock_and_control_do_not_start_a_source_twice(demo: DemoPlant) -> None:
    await demo.cut("dcs")
    await asyncio.gather(demo.mend("dcs"), demo.tick(), demo.mend("dcs"), demo.tick())
    assert demo.devices["dcs"].starts == 2  # type: ignore[attr-defined]  # at the beginning and when mended


async def test_a_source_whose_port_was_taken_meanwhile_comes_back_when_it_is_free(demo: DemoPlant) -> None:
    device = demo.devices["sis"]
    await demo.cut("sis")
    device.taken = True  # type: ignore[attr-defined]
    await demo.mend("sis")
    while_taken = demo.state()["sources"]["sis"]["broken"]
    device.taken = False  # type: ignore[attr-defined]
    await demo.tick()
    assert (while_taken, demo.state()["sources"]["sis"]["broken"]) == (True, False)


async def test_another_scenario_begins_from_its_start(demo: DemoPlant, folder: Path) -> None:
    demo.clock.advance(60_000_000)  # type: ignore[attr-defined]
    state = await ask(folder / "run", do="play", scenario="lpg-leak", speed=5)
    assert (state["scenario"], state["speed"], state["plant_seconds"]) == ("lpg-leak", 5.0, 0.0)
    assert orjson.loads((folder / "run/demo.json").read_bytes())["scenario"] == "lpg-leak"


async def test_plant_minutes_are_wall_minutes_times_the_speed(demo: DemoPlant) -> None:
    demo.clock.advance(60_000_000)  # type: ignore[attr-defined]
    await demo.tick()
    assert demo.seconds == 20 * 60.0
    assert demo._world is not None
    assert demo._world.seconds == 20 * 60.0


async def test_a_scenario_cuts_and_mends_by_itself(demo: DemoPlant) -> None:
    await demo.change(Play("loss-of-view"))
    seen = []
    for _ in range(3):
        demo.clock.advance(61_000_000)  # type: ignore[attr-defined]
        await demo.tick()
        seen.append(demo.devices["tanks"].up)  # type: ignore[attr-defined]
    assert seen == [False, True, True]


@pytest.mark.parametrize(
    ("request_", "kind", "says"),
    [
        ({"do": "break", "source": "nosuch"}, InputError, "'nosuch'; it has: dcs, tanks, sis, field"),
        ({"do": "play", "scenario": "nosuch"}, InputError, "there are: default, quiet"),
        ({"do": "play", "speed": 0.01}, InputError, r"0.01 lies outside 0.1 … 600"),
        ({"do": "play", "speed": "fast"}, InputError, "a speed must be a number"),
        ({"do": "explode"}, InputError, "nothing the demo plant can do"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_nothing_changes(
    demo: DemoPlant, folder: Path, request_: dict[str, object], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        await ask(folder / "run", **request_)
    assert (await ask(folder / "run", do="state"))["scenario"] == "quiet"


@pytest.mark.parametrize("line", [b"\n", b"[1, 2]\n", b"\xff\xfe\n", b"{"])
async def test_garbage_on_the_socket_is_answered_and_survived(demo: DemoPlant, folder: Path, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(folder / "run/demo.sock"))
    writer.write(line)
    writer.write_eof()
    answer = orjson.loads(await reader.readline())
    writer.close()
    assert answer["wrong"] == "input"


async def test_nobody_answers_where_no_demo_runs(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"no demo plant answers at .*demo\.sock"):
        await ask(tmp_path, do="state")


def test_a_speed_out_of_reach_is_refused() -> None:
    with pytest.raises(InputError, match="a speed of 1000"):
        Play(speed=1_000)


# --- ports -------------------------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_named_with_its_holder() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        source = wiring.Source("tanks", "modbus", "127.0.0.1", port, {}, ())
        with pytest.raises(Unavailable, match=rf"tanks cannot listen on 127\.0\.0\.1:{port}.*\(.*, pid \d+\).*--port-base"):
            wiring.refuse_taken([source])


def test_a_port_base_moves_every_endpoint_alike() -> None:
    assert [s.port for s in wiring.read(port_base=30_000)] == [30_000, 30_001, 30_002, 30_003]
    assert wiring.read(port_base=30_000)[0].options["url"] == "opc.tcp://127.0.0.1:30000/anlan"


def test_a_demo_beyond_loopback_is_refused(tmp_path: Path) -> None:
    text = (wiring.PLANT / "plant.yaml").read_text(encoding="utf-8").replace("host: 127.0.0.1", "host: 0.0.0.0")
    (tmp_path / "plant.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "points.csv").write_bytes((wiring.PLANT / "points.csv").read_bytes())
    with pytest.raises(InputError, match=r"source tanks is at 0\.0\.0\.0; a demo plant listens on loopback only"):
        wiring.read(tmp_path)


# --- the process ---------------------------------------------------------------------------------------------------------------


def free_base() -> int:
    """Four free ports in a row."""
    for base in range(20_000, 26_000, 4):
        try:
            wiring.refuse_taken(wiring.read(port_base=base))
        except Unavailable:
            continue
        return base
    raise AssertionError("no four free ports in a row")


@pytest.mark.slow
async def test_the_process_runs_answers_and_ends_on_a_signal(folder: Path) -> None:
    run = folder / "run"
    arguments = ["--run", str(run), "--scenario", "quiet", "--port-base", str(free_base())]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "anlan.sense.demo", *arguments, stderr=asyncio.subprocess.PIPE
    )
    await eventually(lambda: (run / "demo.sock").exists() or process.returncode is not None)
    state = await ask(run, do="state")
    process.send_signal(signal.SIGTERM)
    _, complaints = await asyncio.wait_for(process.communicate(), 20)
    assert state["scenario"] == "quiet"
    assert process.returncode == 0, complaints.decode()
    assert not (run / "demo.sock").exists()


@pytest.mark.slow
async def test_the_process_ends_with_whoever_started_it(folder: Path) -> None:
    """The starter starts the demo and is gone at once; nobody is left to stop it."""
    run = folder / "run"
    command = f"{sys.executable} -m anlan.sense.demo --run {run} --scenario quiet --port-base {free_base()} & sleep 60"
    starter = await asyncio.create_subprocess_exec("/bin/sh", "-c", command, stderr=asyncio.subprocess.DEVNULL)
    await eventually((run / "demo.sock").exists)
    starter.kill()
    await starter.wait()
    await eventually(lambda: not (run / "demo.sock").exists())


# --- the command line ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    register(made)
    made.command()(lambda: None)  # with one command alone typer would take its name away
    return made


def test_the_list_names_every_scenario(app: typer.Typer) -> None:
    told = CliRunner().invoke(app, ["demo", "--list"], env={"LANG": "C.UTF-8", "COLUMNS": "200"})
    assert told.exit_code == 0
    assert [
        name for name in ("default", "quiet", "chlorine-leak", "tep-idv-6", "bypass-overdue") if name not in told.output
    ] == []


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--break", "nosuch"], "the demo plant has no source 'nosuch'; it has: dcs, tanks, sis, field"),
        (["--mend", "nosuch"], "the demo plant has no source 'nosuch'; it has: dcs, tanks, sis, field"),
        (["--scenario", "nosuch"], "there is no scenario 'nosuch'; there are: default, quiet"),
    ],
)
def test_a_misspelt_name_is_wrong_input_also_while_no_demo_runs(
    app: typer.Typer, tmp_path: Path, asked: list[str], says: str
) -> None:
    told = CliRunner().invoke(app, ["demo", *asked, "--data", str(tmp_path)])
    assert isinstance(told.exception, InputError)
    assert says in str(told.exception)
    assert told.stdout == ""


@pytest.mark.parametrize("asked", [[], ["--scenario", "quiet"]])
async def test_other_ports_than_those_of_a_running_demo_are_refused(
    demo: DemoPlant, app: typer.Typer, folder: Path, asked: list[str]
) -> None:
    first = min(source["port"] for source in demo.state()["sources"].values())
    told = await asyncio.to_thread(CliRunner().invoke, app, ["demo", *asked, "--data", str(folder), "--port-base", "30000"])
    assert isinstance(told.exception, InputError)
    assert f"its devices listen from port {first} on" in str(told.exception)
    same = await asyncio.to_thread(CliRunner().invoke, app, ["demo", *asked, "--data", str(folder), "--port-base", str(first)])
    assert same.exit_code == 0


def test_breaking_a_source_of_no_demo_is_an_error(app: typer.Typer, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["demo", "--break", "tanks", "--data", str(tmp_path)])
    assert isinstance(told.exception, Unavailable)


def test_the_list_is_told_in_chinese(app: typer.Typer) -> None:
    told = CliRunner().invoke(app, ["demo", "--list"], env={"LANG": "zh_CN.UTF-8", "COLUMNS": "200"})
    assert "主线：反应超压，随后氯气泄漏" in told.output
    assert "TEP 扰动 IDV(6)：A 进料中断" in told.output
