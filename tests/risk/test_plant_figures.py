"""A study with this plant's own failure data: held against the closed forms of the update, of a rate over time and of a sum of causes."""

from __future__ import annotations

import random
from math import exp
from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner

from anlan.model.clock import DAY, HOUR
from anlan.risk import failure_data
from anlan.risk.failures.folder import FailureMistake
from anlan.risk.failures.history import Happening, _once
from anlan.risk.studies.command import register

app = typer.Typer()
register(app)
HOURS = 175_320
"""From 2000 to 2020, 20 years with 5 leap days."""
FAILED = """\
sort,item,equipment,mode,point,at,passed,note
in-service,XV-1,shutdown-valve,,,2000-01-01,,
test,XV-1,shutdown-valve,undetected,,2020-01-01,no,
"""
TREE = """\
study: valve
kind: fault-tree
name: {zh: 阀}
gates: {open: {or: [xv-1, power]}}
events: {xv-1: {rate: {failure-data: shutdown-valve undetected}}, power: 0.001}
"""
TIE = """\
study: tie
kind: bow-tie
name: {zh: 蝶}
top-event: {zh: 泄漏}
tree: valve
threats: {flow: {frequency: 0.1, barriers: [valve]}}
barriers: {valve: {kind: active, gate: open}}
consequences: {fire: {severity: 3}}
"""
LAYERS = """\
study: layers
kind: lopa
name: {zh: 层}
target: {per-year: 1.0e-5, source: assumed}
causes: {pump: {name: {zh: 泵}, sort: equipment, per-year: {failure-data: pressure-transmitter undetected}}}
layers: {relief: {name: {zh: 阀}, sort: relief, pfd: 0.01, source: assumed, uses: {final: PSV-1}}}
"""
PLAIN = "study: plain\nkind: fault-tree\nname: {zh: 无}\ngates: {g: {or: [a]}}\nevents: {a: 0.1}\n"


def folder(path: Path, failures: str | None = FAILED, **studies: str) -> Path:
    (path / "studies").mkdir(exist_ok=True)
    for name, text in studies.items():
        (path / "studies" / f"{name}.yaml").write_text(text, encoding="utf-8")
    if failures is not None:
        (path / "failures.csv").write_text(failures, encoding="utf-8")
    return path


def told(path: Path) -> dict[str, dict[str, object]]:
    done = CliRunner().invoke(app, [str(path), "--json"])
    assert done.exit_code == 0, done.stderr
    return {row["study"]: row["plant_figures"] for row in map(orjson.loads, done.stdout.splitlines())}


def test_a_tree_and_the_bow_tie_that_rests_on_it_with_the_plants_own_rate(tmp_path: Path) -> None:
    found = told(folder(tmp_path, valve=TREE, tie=TIE))
    law = failure_data("shutdown-valve", "undetected").law
    updated = (law.a + 1) / (law.b + HOURS)

    def top(rate: float) -> float:
        return 1 - (1 - 0.001) * exp(-rate * 8760)

    tree, tie = found["valve"], found["tie"]
    assert [(one["failures"], one["exposure"], one["taken"]) for one in tree["items"]] == [(1, HOURS, "joined")]
    assert tree["baseline"] == pytest.approx(top(law.mean), rel=1e-12)
    assert tree["of_plant"] == pytest.approx(top(updated), rel=1e-12)
    assert tree["factor"] == pytest.approx(top(updated) / top(law.mean), rel=1e-12)
    assert (tie["baseline"], tie["of_plant"]) == pytest.approx((0.1 * top(law.mean), 0.1 * top(updated)), rel=1e-12)


def test_layers_of_protection_with_the_plants_own_rate(tmp_path: Path) -> None:
    years = FAILED.replace("shutdown-valve", "pressure-transmitter").replace(",no,", ",yes,")
    found = told(folder(tmp_path, years, layers=LAYERS))["layers"]
    law = failure_data("pressure-transmitter", "undetected").law
    assert found["baseline"] == pytest.approx(0.01 * 8760 * law.mean, rel=1e-12)
    assert found["of_plant"] == pytest.approx(0.01 * 8760 * law.a / (law.b + HOURS), rel=1e-12), "no failure makes it better"


def test_why_there_is_nothing_to_compare(tmp_path: Path) -> None:
    found = told(folder(tmp_path, None, valve=TREE, plain=PLAIN))
    assert {name: (one["of_plant"], one["why"]["en"]) for name, one in found.items()} == {
        "valve": (None, "this plant has counted nothing yet that changes one of them"),
        "plain": (None, "no figure of this study is from the library of failure data"),
    }
    assert [one["taken"] for one in found["valve"]["items"]] == ["prior"]


def test_the_command_says_it_in_words_and_a_wrong_line_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    said = CliRunner().invoke(app, [str(folder(tmp_path, valve=TREE))]).stdout
    assert (
        "with this plant's own figures the baseline is 0.03063 instead of 0.01919, ×1.6; the study keeps the published ones"
        in said
    )
    wrong = CliRunner().invoke(app, [str(folder(tmp_path, FAILED.replace(",no,", ",perhaps,")))])
    assert isinstance(wrong.exception, FailureMistake)
    assert "failures.csv:3" in wrong.exception.text("en")


def test_where_the_plant_does_worse_than_a_live_event_was_written_for_it_is_told_and_not_refused(tmp_path: Path) -> None:
    live = TREE + 'live: {xv-1: {point: XS-1, when: "!= 0", then: 0.02}}\n'
    found = told(folder(tmp_path, valve=live))["valve"]
    law = failure_data("shutdown-valve", "undetected").law
    assert found["of_plant"] == pytest.approx(1 - (1 - 0.001) * exp(-(law.a + 1) / (law.b + HOURS) * 8760), rel=1e-12)
    assert found["of_plant"] > 0.02


def test_the_same_test_told_twice_is_found_as_by_looking_at_all() -> None:
    """Against the plain way: each against all that were kept."""
    chance = random.Random(11)
    for _ in range(300):
        happenings = [
            Happening("test", chance.choice("AB"), "", "c", "m", chance.randrange(0, 100) * HOUR, chance.random() < 0.7, None, chance.choice(["person", "stroke"]))
            for _ in range(chance.randrange(1, 25))
        ]  # fmt: skip
        plain: list[Happening] = []
        for one in sorted(happenings, key=lambda happening: (happening.at, happening.by != "person")):
            twins = [
                n
                for n, other in enumerate(plain)
                if other.item == one.item and (other.by == "person") != (one.by == "person") and abs(one.at - other.at) <= DAY
            ]
            if not twins:
                plain.append(one)
            elif plain[twins[0]].passed is not False and one.passed is False:
                plain[twins[0]] = one
        assert _once(happenings) == plain
