"""Studies: what a person keeps, its versions, and what it may ask of the plant."""

from __future__ import annotations

from pathlib import Path

import pytest

from anlan.model.clock import ManualClock
from anlan.model.errors import AnlanError, NotFound
from anlan.risk.studies import kinds
from anlan.risk.studies.drafts import Draft, Written, read_draft
from anlan.risk.studies.facts import Binding, Condition, read_binding
from anlan.risk.studies.store import StaleStudy, Studies
from anlan.risk.written import Mistake
from anlan.store.migrating import check_models_match_migrations
from anlan.store.records import Records

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
    check_models_match_migrations(records)
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


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TEXT.format(kind="guess", when="> 1"), "leak.yaml:2: guess is not known here"),
        ("study: leak\nkind: sketch\n", "leak.yaml:1: the header lacks name"),
        ("study: ../leak\nkind: sketch\nname: x\n", "leak.yaml:1: ../leak is no id"),
        ("study: leak\nkind: sketch\nname: x\nfile: tree.xml\n", "leak.yaml:4: the file tree.xml is not beside the study"),
        ("study: [\n", "leak.yaml:2: this is not YAML"),
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
