"""From a plant to what runs, and the commands around it."""

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner
from works import PLANT, line, write

from anlan.model.clock import ManualClock
from anlan.model.events.alarms import AlarmKind
from anlan.monitor.rationalisation import AlarmClass, PriorityMatrix, Severity
from anlan.plant.columns import column_names
from anlan.plant.commands import register
from anlan.plant.compile import all_points, all_rules, engine_config, running_sources
from anlan.plant.description import AlarmDefaults, AlarmSettings, DataSettings, PlaceEntry, Post, Site
from anlan.plant.folder import check, load
from anlan.plant.new import new_plant
from anlan.plant.node_points import node_ids
from anlan.plant.version import Numbers
from anlan.plant.versions import import_folder
from anlan.store.records import Records

SAFE = line(id="TS-1", kind="trip", unit="", address="di:0", place="U200", **dict.fromkeys(("HH", "H", "L", "LL", "trip", "dead_band", "range_low", "range_high"), ""), ST="1", post="panel")  # fmt: skip
APP = typer.Typer()
register(APP)


def numbered(folder: Path) -> Numbers:
    plant = load(folder)
    return Numbers(
        {s.id: n for n, s in enumerate(plant.sources, 1)},
        {p.id: n for n, p in enumerate(all_points(plant), 1)},
        {r.id: n for n, r in enumerate(all_rules(plant), 1)},
    )


def test_every_source_has_its_loss_of_view_and_safety_points_their_quality_alarms(tmp_path: Path) -> None:
    plant = load(write(tmp_path, line(), SAFE))
    automatic = {
        r.id: (r.kind, r.priority, r.post) for r in all_rules(plant) if r not in plant.rules and r.point not in node_ids()
    }
    assert automatic == {
        "plc.VIEW": (AlarmKind.LOSS_OF_VIEW, 1, "panel"),
        "TS-1.STALE": (AlarmKind.STALE, 2, ""),
        "TS-1.BAD": (AlarmKind.BAD_QUALITY, 2, ""),
    }


@pytest.mark.parametrize(("scope", "count"), [("all", 2), ("safety", 1), ("none", 0)])
def test_the_settings_say_which_points_alarm_when_stale(tmp_path: Path, scope: str, count: int) -> None:
    plant = load(write(tmp_path, line(), SAFE, plant=PLANT.replace("stale: safety", f"stale: {scope}")))
    assert sum(r.kind is AlarmKind.STALE for r in all_rules(plant)) == count


def test_a_point_that_reports_on_change_is_not_stale_unless_it_says_when(tmp_path: Path) -> None:
    from works import COLUMNS

    header = COLUMNS + ",reporting,stale_after"
    silent = load(write(tmp_path / "a", SAFE + ",on_change,", header=header))
    timed = load(write(tmp_path / "b", SAFE + ",变化,60", header=header))
    assert [sum(r.kind is AlarmKind.STALE for r in all_rules(p)) for p in (silent, timed)] == [0, 1]


def test_a_rule_that_the_plant_writes_itself_goes_first(tmp_path: Path) -> None:
    own = "rules: [{point: plc, kind: VIEW, priority: 1, post: panel, on_delay: 30, consequence: a, corrective_action: b, time_to_respond: 60}]"
    plant = load(write(tmp_path, plant=PLANT.replace("stale: safety", own)))
    assert [r.on_delay for r in all_rules(plant) if r.kind is AlarmKind.LOSS_OF_VIEW] == [30]


def test_the_engine_s_columns(tmp_path: Path) -> None:
    folder = write(tmp_path, line(), SAFE)
    config = engine_config(load(folder), numbered(folder), 7)
    own = len(node_ids())
    assert (config.version, config.points, config.alarms) == (7, 2 + own, 8 + own)
    assert config.source_numbers() == [0, 1]


def test_the_node_s_own_faults_are_alarms_of_every_plant(tmp_path: Path) -> None:
    plant = load(write(tmp_path))
    points = {p.id: p for p in all_points(plant) if p.source == "node"}
    rules = [r for r in all_rules(plant) if r.point in points]
    assert [r.id for r in rules] == [f"{i}.ST" for i in points]
    assert all(r.post == "panel" and r.states == (1,) and r.time_to_respond for r in rules)
    assert all(text.zh and text.en for r in rules for text in (r.consequence, r.corrective_action, points[r.point].name))
    texts = [text for r in rules for text in (r.consequence, r.corrective_action, points[r.point].name)]
    assert all(re.search("[一-鿿]", text.zh) and not re.search("[一-鿿]", text.en) for text in texts)
    assert all(p.place == "works" and set(p.states) == {0, 1} for p in points.values())


def test_the_ids_of_the_node_are_its_own(tmp_path: Path) -> None:
    taken = write(tmp_path, line(id="node.log", source="node"), plant=PLANT.replace("id: plc", "id: node"))
    assert [f.error.facts["id"] for f in check(taken).findings if f.name == "reserved-id"] == ["node", "node.log"]


def test_the_drivers_tags(tmp_path: Path) -> None:
    folder = write(tmp_path, line(), SAFE)
    (source,) = running_sources(load(folder), numbered(folder))
    assert (source.number, source.source.id, [(t.number, t.id, t.unit) for t in source.tags]) == (
        1,
        "plc",
        [(1, "LT-101", "%"), (2, "TS-1", "")],
    )


def run(*arguments: str, language: str = "en_US.UTF-8") -> tuple[int, str]:
    result = CliRunner(env={"LC_ALL": language}).invoke(APP, list(arguments), catch_exceptions=False)
    return result.exit_code, result.output


def test_new_then_check(tmp_path: Path) -> None:
    code, out = run("new", "plant", str(tmp_path / "my-works"))
    assert (code, out.splitlines()[-1]) == (0, f"Now change it, then: anlan check {tmp_path / 'my-works'}")
    code, out = run("check", str(tmp_path / "my-works"))
    assert (code, out.splitlines()[0]) == (0, "0 mistakes, 0 warnings")
    assert load(tmp_path / "my-works").site.id == "my-works"


def test_the_commented_examples_of_the_new_folder_hold_too(tmp_path: Path) -> None:
    (plant, _) = new_plant(tmp_path / "w")
    commented = re.compile(r"^( *)# (?=( *- \w+:| +\w+:|credit_code|anchor|rules))", re.MULTILINE)
    text = commented.sub(r"\1", plant.read_text("utf-8"))
    plant.write_text(text, "utf-8")
    findings = check(tmp_path / "w").findings
    assert [f.text() for f in findings if f.name != "idle-source" and f.fatal] == []
    assert {f.error.facts["id"] for f in findings if f.name == "idle-source"} == {"dcs", "tags"}


def test_new_refuses_a_folder_with_something_in_it(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(Exception, match="exists and is not empty; name a new folder"):
        run("new", "plant", str(tmp_path))


def test_check_exits_two_and_explains_in_both_languages(tmp_path: Path) -> None:
    write(tmp_path, line(HH="70", priority="3"))
    code, out = run("check", str(tmp_path))
    assert code == 2
    assert out.splitlines() == [
        "points.csv:2: LT-101: HH 70 is not above H 80 — limits must rise: LL < L < H < HH  [mistake: limit-order]",
        "1 mistake, 0 warnings",
    ]
    assert "1 处错误,0 处提醒" in run("check", str(tmp_path), language="zh_CN.UTF-8")[1]
    rows = json.loads(run("check", str(tmp_path), "--json")[1])
    assert [(r["name"], r["file"], r["line"], r["fatal"]) for r in rows] == [("limit-order", "points.csv", 2, True)]


def test_many_warnings_of_one_kind_are_counted_not_listed(tmp_path: Path) -> None:
    write(tmp_path, *[line(id=f"LT-{n}", address=f"hr:{2 * n} float32", consequence_zh="") for n in range(3)])
    short, long = run("check", str(tmp_path))[1], run("check", str(tmp_path), "--all")[1]
    assert (short.count("no-consequence]"), long.count("no-consequence]")) == (5, 12)
    assert "… and more of no-consequence; --all shows them" in short


def test_import_then_export(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("位号,名称,单位,高报\nLT-9,液位,%,80\n", "utf-8")
    code, out = run("import", str(tmp_path / "list.csv"), "--into", str(tmp_path / "w"), "--source", "plc")
    assert code == 0
    assert out.splitlines()[-2:] == ["still to be filled in: place, kind, address", f"1 point → {tmp_path / 'w' / 'points.csv'}"]
    records = Records.open(tmp_path / "data" / "records.db")
    records.migrate({"plant": "anlan.plant"})
    plant = import_folder(records, write(tmp_path / "works"), author="Li", reason="", clock=ManualClock()).plant
    records.close()
    code, _ = run("export", str(tmp_path / "out"), "--data", str(tmp_path / "data"))
    assert code == 0
    assert load(tmp_path / "out") == plant
    assert (tmp_path / "out" / ".anlan-base").read_text() == (tmp_path / "works" / ".anlan-base").read_text()


async def test_browsing_a_server_makes_a_point_list(tmp_path: Path) -> None:
    import asyncio

    from anlan.plant.browse import read_server
    from anlan.sense.opcua.simulator import OpcUaServer

    server = OpcUaServer()
    server.add("U100/TI-1", value=20.0, unit="°C", range=(0.0, 200.0))
    await server.start()
    try:
        imported = await asyncio.to_thread(
            read_server, server.url, ManualClock(), folder=tmp_path, place="U100", source="dcs", security="none"
        )
    finally:
        await server.stop()
    (row,) = imported.rows
    assert {k: row[k] for k in ("id", "place", "unit", "kind", "range_high", "source")} == {
        "id": "TI-1", "place": "U100", "unit": "Cel", "kind": "temperature", "range_high": "200", "source": "dcs",
    }  # fmt: skip
    assert imported.missing == []


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, typer; from anlan.plant.commands import register; register(typer.Typer()); print([m for m in ('numpy','pyarrow','pydantic','sqlalchemy') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.strip() == "[]"


DOCS = Path(str(files("anlan"))).parents[1] / "docs" / "plant-folder.md"
RATIONALISATION = DOCS.parent / "rationalisation.md"


def test_every_column_and_key_is_documented() -> None:
    text = DOCS.read_text("utf-8") + RATIONALISATION.read_text("utf-8")
    models = (Site, Post, PlaceEntry, AlarmSettings, AlarmDefaults, DataSettings, AlarmClass, PriorityMatrix, Severity)
    keys = {key for model in models for key in model.model_fields} | set(column_names())
    assert sorted(key for key in keys if f"`{key}`" not in text) == []


def test_every_finding_is_documented() -> None:
    text = DOCS.read_text("utf-8") + RATIONALISATION.read_text("utf-8")
    source = "".join(f.read_text("utf-8") for f in (Path(str(files("anlan.plant")))).glob("*.py"))
    names = set(re.findall(r'(?:mistake|warning|wrong|tell)\(\s*"([a-z\-]+)",', source)) | {
        "unknown-place",
        "unknown-kind",
        "unknown-unit",
        "region",
        "credit-code",
    }
    assert len(names) > 40
    assert sorted(name for name in names if f"`{name}`" not in text) == []


def test_the_example_of_the_docs_is_a_valid_folder(tmp_path: Path) -> None:
    yaml, points = (re.search(rf"```{kind}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL) for kind in ("yaml", "csv"))
    assert yaml
    assert points
    (tmp_path / "plant.yaml").write_text(yaml[1], "utf-8")
    (tmp_path / "points.csv").write_text(points[1], "utf-8")
    assert [f.text() for f in check(tmp_path).findings if f.name != "gas-limit-idlh"] == []


def test_rules_and_points_are_made_once_for_a_plant_and_anew_for_a_changed_one(tmp_path: Path) -> None:
    plant = load(write(tmp_path, line(), SAFE))
    assert all_rules(plant) is all_rules(plant)
    assert all_points(plant) is all_points(plant)
    bare = plant.model_copy(update={"rules": (), "points": plant.points[:1]})
    assert {r.id for r in all_rules(plant)} - {r.id for r in all_rules(bare)} >= {"LT-101.H", "TS-1.BAD"}
    assert "TS-1" not in {p.id for p in all_points(bare)}
    assert type(plant).from_json(plant.to_json()) == plant
