"""The audit record: every leaf chained to the one before, and every manipulation named."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import anlan
from anlan.guard import audit
from anlan.guard.audit import Step
from anlan.guard.verifying import Difference, verify
from anlan.model.clock import ManualClock
from anlan.model.tables import read_table
from anlan.store.migrating import check_models_match_migrations
from anlan.store.records import Records


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Tables without rows, made once: migrating takes a second."""
    path = tmp_path_factory.mktemp("blank") / "records.db"
    records = Records.open(path)
    records.migrate({"guard": "anlan.guard"})
    records.close()
    return path.read_bytes()


@pytest.fixture
def records(tmp_path: Path, blank: bytes) -> Iterator[Records]:
    (tmp_path / "records.db").write_bytes(blank)
    opened = Records.open(tmp_path / "records.db")
    opened.rooms = {"guard": "anlan.guard"}
    yield opened
    opened.close()


def add(records: Records, count: int) -> None:
    clock = ManualClock()
    with records.session() as session:
        for n in range(count):
            audit.append(
                session,
                Step(at=clock.advance(1), who="node", action="test", subject=f"subject {n}", after={"n": n}, reason="因为"),
            )


def add_and_fail(records: Records) -> None:
    with records.session() as session:
        audit.append(session, Step(at=1, who="node", action="test", subject=""))
        raise LookupError


def verified(records: Records) -> Difference | None:
    with records.reading() as session:
        return verify(session).difference


def test_models_and_migrations_agree(records: Records) -> None:
    check_models_match_migrations(records)


def test_an_untouched_record_has_no_difference(records: Records) -> None:
    assert verified(records) is None
    add(records, 25)
    assert verified(records) is None


def test_the_database_itself_refuses_a_change_and_a_deletion(records: Records) -> None:
    add(records, 3)
    for statement in ("UPDATE guard_audit SET who = 'x' WHERE n = 2", "DELETE FROM guard_audit WHERE n = 3"):
        with pytest.raises(sa.exc.IntegrityError, match="only added to"), records.session() as session:
            session.execute(sa.text(statement))


COLUMNS = ["at", "who", "post", "from_where", "action", "subject", "before", "after", "reason", "leaf"]


def edit(session: Any, n: int, column: str) -> None:
    value = b"x" * 32 if column == "leaf" else '{"n": -1}' if column in {"before", "after"} else 7 if column == "at" else "other"
    session.execute(sa.text(f'UPDATE guard_audit SET "{column}" = :value WHERE n = :n'), {"value": value, "n": n})


def cut(session: Any, n: int, column: str) -> None:
    session.execute(sa.text("DELETE FROM guard_audit WHERE n = :n"), {"n": n})


def swap(session: Any, n: int, column: str) -> None:
    for before, after in ((n, -1), (n + 1, n), (-1, n + 1)):
        session.execute(sa.text("UPDATE guard_audit SET n = :after WHERE n = :before"), {"before": before, "after": after})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 18), column=st.sampled_from(COLUMNS), damage=st.sampled_from([edit, cut, swap]))
def test_every_manipulation_is_found_where_it_is(
    tmp_path_factory: pytest.TempPathFactory, blank: bytes, n: int, column: str, damage: Callable[..., None]
) -> None:
    path = tmp_path_factory.mktemp("audit") / "records.db"
    path.write_bytes(blank)
    records = Records.open(path)
    add(records, 20)
    with records.session() as session:
        for trigger in ("update", "delete"):
            session.execute(sa.text(f"DROP TRIGGER guard_audit_no_{trigger}"))
        damage(session, n, column)
    found = verified(records)
    records.close()
    assert found is not None
    assert found.n == n
    assert str(n) in found.text()


def test_a_rolled_back_change_leaves_no_leaf(records: Records) -> None:
    add(records, 1)

    with pytest.raises(LookupError):
        add_and_fail(records)
    add(records, 1)
    assert verified(records) is None


def test_the_hash_is_of_what_the_database_gives_back(records: Records) -> None:
    facts = {"nan": float("nan"), "tuple": (1, 2), "huge": 1e308, "text": "氯\u2028气", "nested": {"b": 1, "a": [None, True]}}
    with records.session() as session:
        audit.append(session, Step(at=1, who="node", action="test", subject="", before=facts, after=facts))
    assert verified(records) is None


def test_every_step_that_the_program_records_has_its_words() -> None:
    """As far as its action is written where the step is made."""
    words = {row["id"] for row in read_table("audit_actions.csv", "anlan.guard")}
    assert recorded() - words == set()


def recorded() -> set[str]:
    found: set[str] = set()
    for path in Path(anlan.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("Step.of"):
                given = [*call.args[2:3], *(one.value for one in call.keywords if one.arg == "action")]
                found |= {one.value for one in given if isinstance(one, ast.Constant)}
    assert len(found) > 30, "steps are made otherwise now: the test looks for them in vain"
    return found
