"""Studies: what a person keeps, its versions, and what it may ask of the plant."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from anlan.model.clock import ManualClock
from anlan.model.errors import AnlanError, NotFound
from anlan.plant.folder import check as check_plant
from anlan.risk.studies import kinds, store
from anlan.risk.studies.checking import Names
from anlan.risk.studies.command import register
from anlan.risk.studies.drafts import MOST_BYTES, MOST_TEXT, Draft, Written, read_draft
from anlan.risk.studies.facts import Binding, Condition, read_binding
from anlan.risk.studies.folder import export_folder, import_studies, read_folder
from anlan.risk.studies.store import Result, StaleStudy, Studies
from anlan.risk.written import Mistake
from anlan.sense.demo.wiring import PLANT as DEMO
from anlan.store.records import Records

app = typer.Typer()
register(app)
TEXT = """\
study: leak
kind: {kind}
name: {{zh: 泄漏, en: Leak}}
place: works/U200
live:
  valve: {{point: PI-101, when: "{when}"}}
"""


@pytest.fixture(autouse=True)
def some_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.HOMES, "sketch", "nowhere:Sketch")


def draft(kind: str = "sketch", when: str = "> 1.2") -> tuple[Draft, Written]:
    written = Written(TEXT.format(kind=kind, when=when), "studies/leak.yaml")
    return read_draft(written), written


@pytest.fixture
def studies(tmp_path: Path) -> Studies:
    records = Records.open(tmp_path / "records.db")
    records.migrate({"risk": "anlan.risk"})
    return Studies(records, ManualClock(1_790_000_000_000_000))


def test_versions_never_change_and_name_their_base(studies: Studies) -> None:
    first = studies.put(*draft(), author="li", reason="first", base=None)
    assert studies.put(*draft(), author="li", reason="again", base=1).number == 1, "the same text makes no version"
    second = studies.put(*draft(when="> 2"), author="wang", reason="limit", base=first.number)
    with pytest.raises(StaleStudy, match="version 1 of leak, but version 2 by wang"):
        studies.put(*draft(when="> 3"), author="li", reason="mine", base=first.number)
    assert [(one.number, one.base, one.author) for one in studies.versions("leak")] == [(2, 1, "wang"), (1, None, "li")]
    assert studies.get("leak", 1).written.text == first.written.text
    assert studies.get("leak").id == second.id
    studies.put(*draft(when="> 2"), author="li", reason="over", base=2, removed=True)
    assert studies.current() == {}
    with pytest.raises(NotFound):
        studies.get("leak")
    assert studies.put(*draft(), author="li", reason="back", base=None).number == 4
    for step in ("UPDATE risk_studies SET text = ''", "DELETE FROM risk_studies"):
        with pytest.raises((sa.exc.DBAPIError, AnlanError), match="not changed"), studies._records.session() as session:
            session.execute(sa.text(step))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TEXT.format(kind="guess", when="> 1"), "leak.yaml:2: guess is not known here"),
        ("study: leak\nkind: sketch\n", "leak.yaml:1: the header lacks name"),
        ("study: ../leak\nkind: sketch\nname: x\n", "leak.yaml:1: ../leak is no id"),
        ("study: leak\nkind: sketch\nname: x\nfile: tree.xml\n", "leak.yaml:4: the file tree.xml is not beside the study"),
        ("study: leak\nkind: &a sketch\nname: *a\n", "leak.yaml:2: an alias (*) stands for this"),
        ("study: [\n", "leak.yaml:2: a bracket [ or { is still open"),
    ],
)
def test_a_header_that_is_none_is_named_by_its_line(text: str, found: str) -> None:
    with pytest.raises(Mistake) as caught:
        read_draft(Written(text, "leak.yaml"))
    assert found in str(caught.value)


def bound(when: str) -> Binding:
    made, _ = draft(when=when)
    (_, node), *_ = made.nodes.entries(made.body["live"])
    return read_binding(made.nodes, node)[0].binding


def test_conditions_on_points() -> None:
    assert bound(">= 1.5") == Binding("point", "PI-101", Condition(">=", 1.5))
    assert bound("bad") == Binding("point", "PI-101", Condition("bad"))
    with pytest.raises(AnlanError, match=r"leak\.yaml:6: above 3 is no condition"):
        bound("above 3")
    with pytest.raises(AnlanError, match="> nan is no condition"):
        bound("> nan")  # it would never hold: known to be false, whatever the plant does


@pytest.mark.parametrize(
    ("file", "beside", "found"),
    [
        ("", "../../plant.yaml", "../../plant.yaml is beside the study, but `file` does not name it"),
        ("", "/etc/cron.d/leak", "/etc/cron.d/leak is beside the study, but"),
        ("../tree.xml", "../tree.xml", "leak.yaml:7: ../tree.xml is no name of a file beside the study"),
        ("other.yaml", "other.yaml", "other.yaml is no name of a file beside the study"),
        (".anlan-base", ".anlan-base", ".anlan-base is no name of a file beside the study"),
    ],
)
def test_a_study_brings_no_file_but_the_one_it_names(file: str, beside: str, found: str) -> None:
    """`anlan export` writes them."""
    text = TEXT.format(kind="sketch", when="> 1") + (f"file: {file}\n" if file else "")
    with pytest.raises(Mistake) as caught:
        read_draft(Written(text, "leak.yaml", {beside: ""}))
    assert found in str(caught.value)


TREE = 'study: {id}\nkind: fault-tree\nname: 泄漏\nplace: works\ngates: {{top: {{and: [a, b]}}}}\nevents: {{a: {a}, b: 0.5}}\nlive: {{a: {{point: {point}, when: "> 1"}}}}\n'


def folder(at: Path, a: str = "0.1", point: str = "PI-101", id: str = "leak") -> Path:
    (at / "studies").mkdir(parents=True, exist_ok=True)
    (at / "studies" / "leak.yaml").write_text(TREE.format(id=id, a=a, point=point), "utf-8")
    return at


def brought_in(studies: Studies, at: Path) -> list[int]:
    found = read_folder(at, NAMES)
    assert found.mistakes == ()
    return [one.number for one in import_studies(studies, at, found.studies.values(), author="li", reason="up")]


NAMES = Names({"PI-101"}, set(), {}, {"works"})


def test_a_folder_becomes_versions_and_versions_a_folder(studies: Studies, tmp_path: Path) -> None:
    here = folder(tmp_path / "here")
    assert brought_in(studies, here) == [1]
    assert brought_in(studies, here) == []
    assert brought_in(studies, folder(here, "0.2")) == [2]
    there = tmp_path / "there"
    export_folder(studies.current().values(), there)
    assert (there / "studies" / "leak.yaml").read_text("utf-8") == TREE.format(id="leak", a="0.2", point="PI-101")
    written = Written(TREE.format(id="leak", a="0.3", point="PI-101"), "studies/leak.yaml")
    studies.put(read_draft(written), written, author="wang", reason="console", base=2)
    assert brought_in(studies, here) == [], "changed at the console alone: the node starts, and keeps that"
    with pytest.raises(StaleStudy, match=r"rests on version 2, but version 3 by wang") as stopped:
        brought_in(studies, folder(here, "0.4"))
    assert "-events: {a: 0.3, b: 0.5}" in str(stopped.value)
    assert "+events: {a: 0.4, b: 0.5}" in str(stopped.value)
    with pytest.raises(AnlanError, match="already holds leak"):
        export_folder(studies.current().values(), here)
    export_folder(studies.current().values(), here, replace=True)
    assert brought_in(studies, folder(here, "0.4")) == [4]
    shipped = read_folder(folder(here, "0.5")).studies.values()
    new = import_studies(studies, here, shipped, author="anlan", reason="demo plant", origin="demo", note=False)
    assert [one.number for one in new] == [5], "a demo's studies come with the program and do not stop its start"
    assert import_studies(studies, here, shipped, author="anlan", reason="demo plant", origin="demo", note=False) == []


def test_two_studies_with_one_name_for_different_files_are_not_exported_as_one(studies: Studies, tmp_path: Path) -> None:
    for name, tree in (("leak", "<a/>"), ("spill", "<b/>")):
        written = Written(f"study: {name}\nkind: sketch\nname: x\nfile: tree.xml\n", f"studies/{name}.yaml", {"tree.xml": tree})
        studies.put(read_draft(written), written, author="li", reason="first", base=None)
    with pytest.raises(AnlanError, match=r"leak and spill hold different files tree\.xml"):
        export_folder(studies.current().values(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("made", "found"),
    [
        ({"a": "1.3"}, "studies/leak.yaml:6: the probability of a is 1.3"),
        ({"point": "PI-999"}, "studies/leak.yaml:7: the plant has no point PI-999 > 1"),
        ({"id": "spill"}, "studies/leak.yaml:1: the file holds study spill"),
        ({"id": "leak\nfile: ../../etc/passwd"}, "studies/leak.yaml:2: ../../etc/passwd is no name of a file"),
    ],
)
def test_mistakes_in_a_folder_are_named(tmp_path: Path, made: dict[str, str], found: str) -> None:
    (mistake,) = read_folder(folder(tmp_path, **made), NAMES).mistakes
    assert str(mistake).startswith(found)


def test_the_command_computes_a_folder_without_a_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    told = CliRunner().invoke(app, [str(folder(tmp_path)), "--if", "point PI-101 > 1"])
    assert told.exit_code == 0
    assert told.stdout.split() == ["leak", "fault-tree", "0.05", "→", "0.5", "×10"]
    wrong = CliRunner().invoke(app, [str(folder(tmp_path, "1.3")), "--unknown", "alarm X"])
    assert wrong.exit_code == 2
    assert "studies/leak.yaml:6: the probability of a is 1.3" in wrong.stderr
    assert "no study asks for alarm X" in wrong.stderr
    for given in (str(tmp_path / "nowhere"), str(folder(tmp_path)) + " --only spill"):
        nothing = CliRunner().invoke(app, given.split())
        assert nothing.exit_code != 0, "what is not there is never told as nothing at all"
        assert isinstance(nothing.exception, AnlanError)


def test_of_what_each_study_said_the_newest_is_kept(studies: Studies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT_RESULTS", 3)
    for at, study in enumerate(["leak", "leak", "fire", "leak", "leak", "leak"]):
        studies.keep(Result(study, 1, at, float(at), 1.0, 0.0, []))
    assert [one.at for one in studies.results("leak", 0, 100)] == [3, 4, 5]
    assert [one.at for one in studies.results("leak", 0, 100, 2)] == [4, 5], "the newest, in order"
    assert [one.at for one in studies.results("leak", 5, 100)] == [4, 5], "and what still held at the start"
    assert [one.at for one in studies.results("fire", 0, 100)] == [2], "another study loses nothing by it"


def test_a_text_that_is_too_long_is_refused_before_it_is_read() -> None:
    long = Written(TEXT.format(kind="sketch", when="> 1") + "#" * MOST_TEXT, "studies/leak.yaml")
    with pytest.raises(Mistake, match=f"holds at most {MOST_TEXT} characters"):
        read_draft(long)
    with pytest.raises(Mistake, match=f"holds at most {MOST_BYTES} characters"):
        read_draft(Written(TEXT, "studies/leak.yaml", {"tree.xml": "x" * MOST_BYTES}))


def test_the_demo_plants_studies_hold() -> None:
    checked = check_plant(DEMO)
    assert [one.text() for one in checked.findings if one.name == "study"] == []
    assert set(read_folder(DEMO).studies) >= {"chlorine-release", "chlorine-consequences"}
