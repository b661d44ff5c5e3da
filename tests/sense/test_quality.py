"""quality.yaml is honest: all rules are answered, and each `done` names a proof that exists and is run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import anlan.sense
from anlan.sense import registry
from anlan.sense._template.driver import TemplateDriver
from anlan.sense.contract import CHECKS
from anlan.sense.quality import RULES, Statement, read
from faults._devices import DEVICES
from tests.contract.test_drivers import harness_of

ROOM = Path(anlan.sense.__file__).parent
TESTS = Path(__file__).parent
DRIVERS = sorted(p.parent.name for p in ROOM.glob("*/driver.py"))


def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def proofs_of(driver: str) -> set[str]:
    """Every proof that a driver could name."""
    kind = registry.driver(driver) if driver in registry.entries() else TemplateDriver
    exempt = harness_of(kind).exempt
    contract = {f"contract::{check.__name__}" for check in CHECKS if check.__name__ not in exempt}
    own = {f"{path.name}::{name}" for path in (TESTS / driver).glob("test_*.py") for name in functions_in(path)}
    faults = {"faults"} & ({"faults"} if driver in DEVICES else set())
    return contract | own | faults | {"read_only"}


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_done_names_a_proof_that_exists(driver: str) -> None:
    stated = read(ROOM / driver / "quality.yaml")
    assert {s.proof for s in stated.values() if s.status == "done"} - proofs_of(driver) == set()


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_rule_is_answered(driver: str) -> None:
    assert list(read(ROOM / driver / "quality.yaml")) == list(RULES)


def test_a_rule_left_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "quality.yaml").write_text("discovery: {status: done, proof: x}\nfast: {status: done, proof: x}\n")
    with pytest.raises(ValueError, match=r"missing \['bad-address-named'.*unknown \['fast'\]"):
        read(tmp_path / "quality.yaml")


@pytest.mark.parametrize(
    "statement", [{"status": "done"}, {"status": "exempt"}, {"status": "todo"}, {"status": "perhaps", "why": "x"}]
)
def test_a_statement_without_its_ground_is_refused(statement: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"needs a|Input should be"):
        Statement.model_validate(statement)
