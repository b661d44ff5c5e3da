"""The published trees beside this checkout: probabilities to 1e-9, counts exactly."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anlan.risk import read_tree, solve
from anlan.risk.trees.orders import depth_first
from anlan.risk.trees.solving import BOUNDED, EXACT, Limits, cut_sets_of
from anlan.risk.trees.truncated import _family as family_to
from anlan.risk.trees.validation import TOLERANCE, cases

DATA = Path(os.environ.get("ANLAN_SHARED_DATA", Path(__file__).parents[3] / "shared/data")) / "aralia"
HARD = {"cea9601", "das9701", "edfpa14b", "edfpa14o", "edfpa14r", "edf9203", "edfpa15o", "jbd9601"}
UNKNOWN = {"nus9601"}

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="shared/data/aralia is not beside this checkout")


def reference() -> dict[str, dict[str, str]]:
    file = DATA / "aralia_reference.csv"
    if not file.exists():
        return {}
    with file.open(encoding="utf-8", newline="") as opened:
        return {row["name"]: row for row in csv.DictReader(opened)}


ROWS = reference()
EASY = sorted(set(ROWS) - HARD - UNKNOWN)


def compare(name: str) -> None:
    row, solution = ROWS[name], solve(read_tree(DATA / "xml" / f"{name}.xml"))
    assert solution.method == EXACT
    assert solution.probability == pytest.approx(float(row["p_exact_reference"]), rel=TOLERANCE, abs=0)
    assert solution.rare_event == pytest.approx(float(row["p_rare_event"]), rel=TOLERANCE, abs=0)
    assert solution.mcs == int(row["mcs_reference"])
    assert ";".join(f"{k}:{n}" for k, n in (solution.mcs_by_order or {}).items()) == row["mcs_by_order"]


@pytest.mark.parametrize("name", EASY)
def test_a_published_tree(name: str) -> None:
    compare(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HARD & set(ROWS)))
def test_a_hard_published_tree(name: str) -> None:
    compare(name)


@pytest.mark.slow
def test_a_tree_that_nobody_has_solved_ends_with_a_bound() -> None:
    """Its cut sets up to order 3 were found by another program: ten, 1e-5 in sum. To order 2 there are none; a gate-by-gate bound stands already."""
    solution = solve(read_tree(DATA / "xml" / "nus9601.xml"), limits=Limits(most_nodes=1 << 16, order=2))
    assert (solution.method, solution.probability, solution.mcs, solution.mcs_by_order) == (BOUNDED, None, None, {})
    assert solution.bound is not None
    assert solution.bound.lower == 0
    assert 1e-5 < solution.bound.upper < 1e-4
    circuit = solution.circuit
    family, _ = family_to(circuit, circuit.roots[0], depth_first(circuit, None), 3, 0, 1 << 20)
    sets = cut_sets_of(circuit, family, solution.p, False)
    assert sets is not None
    assert sets.by_order() == {3: 10}
    assert sets.rare_event() == pytest.approx(1e-5, rel=1e-9)


def test_the_commands_run_what_they_find(tmp_path: Path) -> None:
    """One figure that is right, one that is wrong, one model with its events in another file."""
    (tmp_path / "aralia" / "xml").mkdir(parents=True)
    extra = tmp_path / "aralia" / "openpsa_extra"
    extra.mkdir()
    shutil.copy(DATA / "xml" / "chinese.xml", tmp_path / "aralia" / "xml")
    for name in ("scram_chinese.xml", "scram_chinese-basic-events.xml", "scram_gas_leak_reactive.xml"):
        shutil.copy(DATA / "openpsa_extra" / name, extra)
    rows = [ROWS["chinese"], ROWS["chinese"] | {"mcs_reference": "393"}]
    with (tmp_path / "aralia" / "aralia_reference.csv").open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    lines = (DATA / "openpsa_extra" / "expected.csv").read_text("utf-8").splitlines()
    wanted = [lines[0], *(line for line in lines if line.startswith(("scram_chinese", "scram_gas_leak_reactive")))]
    (extra / "expected.csv").write_text("\n".join(wanted), "utf-8")
    ran = run("validate", str(tmp_path), "--json")
    *told, summary = (json.loads(line) for line in ran.stdout.splitlines())
    assert {case["case"] for case in told if case["within"] is not True} == {"aralia/chinese mcs"}
    assert set(told[0]) == {"case", "model", "ours", "reference", "ratio", "within", "seconds"}
    assert summary["summary"]["outside"] == 1
    assert ran.returncode == 1
    tree = json.loads(run("tree", str(DATA / "xml" / "chinese.xml"), "--json").stdout)
    assert tree["mcs_by_order"] == {"2": 12, "4": 24, "5": 188, "6": 168}
    assert {"probability", "mcs", "method", "bound", "seconds"} < set(tree)
    wrong = run("tree", str(extra / "scram_chinese.xml"))
    assert wrong.returncode == 2
    assert f"{extra / 'scram_chinese.xml'}:" in wrong.stderr


def test_a_reference_that_its_file_cannot_have_is_told_as_that(tmp_path: Path) -> None:
    """ISL: the top gates lead nowhere, so that five events are left for 217 sets. A reference that could be met and is not stays outside."""
    shutil.copy(DATA / "openpsa_extra" / "pwr_ISL-RHR-CL.xml", tmp_path)
    shutil.copy(DATA / "openpsa_extra" / "pwr_EQK-BIN7.xml", tmp_path)
    head = "model,analysis,quantity,value,tolerance,source"
    kind = "event tree,MCS;probability;sequences"
    rows = [f"pwr_ISL-RHR-CL,{kind},217;3.063E-11;2,,README", f"pwr_EQK-BIN7,{kind},1;9.623E-09;1,,README"]
    (tmp_path / "openpsa_extra").mkdir()
    for file in tmp_path.glob("*.xml"):
        file.rename(tmp_path / "openpsa_extra" / file.name)
    (tmp_path / "openpsa_extra" / "expected.csv").write_text("\n".join([head, *rows]), "utf-8")
    isl, eqk = cases(tmp_path)
    assert (isl.within, isl.unusable) == (None, True)
    assert "reach 5 of 276 events" in isl.note
    assert "FT166.G759" in isl.note
    assert (eqk.within, eqk.unusable, eqk.ours[0]) == (False, False, 2)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "anlan", "risk", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
