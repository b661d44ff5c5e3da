"""The register over the API: computed, signed and live side by side; who signs, who must be a second person, and when it is due again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.kinds import kinds
from anlan.model.points import Point, Reporting
from anlan.model.words import Label
from anlan.risk.hazards.config import HazardSettings
from anlan.risk.hazards.inventory import TankNow
from anlan.web.context import PlantView
from tests.web.conftest import PASSWORD, Console, Node

RESIDENTS = {"people": 60, "counted_on": "2025-03-01", "source": {"zh": "村委会登记"}}
TANK = {"id": "V-201", "cas": "7782-50-5", "tonnes": 40, "live": {"mass": "WI-201"}}
UNIT = {
    "id": "MH-01", "name": {"zh": "液氯罐区"}, "kind": "storage", "places": ["hualan/U200"], "contents": [TANK],
    "persons": {"principal": "李明", "technical": "陈静", "operating": "王强"},
    "filing": {"number": "BA-1", "on": "2025-05-20", "authority": "应急管理局", "papers": {"assessment": "档案 3-12"}},
}  # fmt: skip
HERE = "/api/v1/risk/hazards"
STEP = {"occasion": "first", "basis": "评价报告 2025-17", "assessed_on": "2025-12-20", "password": PASSWORD}


def hazards(**unit: Any) -> HazardSettings:
    return HazardSettings.model_validate({"residents": RESIDENTS, "units": [UNIT | unit]})


def with_hazards(view: PlantView) -> PlantView:
    mass = Point(id="V-201.MASS", place="hualan/U200", name=Label(zh="存量"), kind="storage.quantity", unit="t", source="modbus", address="9",
                 reporting=Reporting(mode="on_change", period=3600), safety=kinds()["storage.quantity"].safety)  # fmt: skip
    return replace(view, hazards=hazards(), points={**view.points, 3: mass})


@pytest.fixture
def node(node_of: Callable[[Callable[[PlantView], PlantView]], Node]) -> Node:
    return node_of(with_hazards)


@pytest.fixture
async def officer(console: Console, node: Node, hashed: str) -> Console:
    with node.records.session() as session:
        add_person(
            session, NewPerson("principal", Label(zh="李明"), (Held("hazard_principal"),)), hashed, node.clock, must_change=False
        )
    await console.sign_in("safety")
    return console


async def one(console: Console) -> dict[str, Any]:
    told: dict[str, Any] = (await console.get(f"{HERE}/MH-01")).json()
    return told


async def signed(console: Console, **changed: Any) -> Any:
    looked = await one(console)
    return await console.post(f"{HERE}/MH-01/identifications", json=STEP | {"digest": looked["digest"]} | changed)


def change(node: Node, **unit: Any) -> None:
    node.context.plant = replace(node.context.plant, hazards=hazards(**unit), version=node.context.plant.version + 1)


async def test_what_is_signed_holds_until_it_is_signed_anew(officer: Console, node: Node) -> None:
    looked = await one(officer)
    assert (looked["legal"], looked["computed"]["level"], looked["computed"]["r_text"]) == (None, 2, "48") or looked["computed"][
        "r"
    ] == 48
    assert [fault["en"] for fault in looked["faults"]] == ["no identification has been signed"]
    old = (await signed(officer, assessed_on="2022-12-20")).json()
    assert [fault["en"] for fault in old["faults"]] == ["re-assessment is overdue since 2025-12-20"]
    told = (await signed(officer, occasion="three-years")).json()
    assert (told["legal"]["content"]["level"], told["legal"]["due"], told["differences"]) == (3, "2028-12-20", [])
    assert told["legal"]["unchanged"]

    change(node, contents=[TANK | {"tonnes": 60}])
    later = await one(officer)
    assert (later["legal"]["content"]["level"], later["computed"]["level"]) == (3, 2)
    assert [step["zh"] for step in later["differences"]] == [
        "S:签署 8,现算 12", "R:签署 48,现算 72", "级别:签署 3,现算 2", "q V-201:签署 40,现算 60",
    ]  # fmt: skip
    assert [fault["zh"] for fault in later["faults"]] == ["设计量已变,未重新辨识", "备案日期 2025-05-20 早于 2025-12-20 的辨识"]
    stale = await officer.post(f"{HERE}/MH-01/identifications", json=STEP | {"digest": looked["digest"]})
    assert (stale.status_code, stale.json()["code"]) == (409, "identification-moved")
    graver = (await signed(officer, occasion="quantity")).json()
    assert (graver["legal"]["number"], [step["state"] for step in graver["history"]]) == (3, ["in_force", "replaced", "replaced"])


async def test_people_who_were_counted_long_ago_are_told(officer: Console, node: Node) -> None:
    old = HazardSettings.model_validate({"residents": RESIDENTS | {"counted_on": "2020-03-01"}, "units": [UNIT]})
    node.context.plant = replace(node.context.plant, hazards=old)
    assert "the people around were counted on 2020-03-01, more than three years ago" in [
        fault["en"] for fault in (await one(officer))["faults"]
    ]


async def test_less_than_before_takes_a_second_person(officer: Console, consoles: Callable[..., Console], node: Node) -> None:
    await signed(officer)
    change(node, contents=[TANK | {"tonnes": 20}])
    waits = (await signed(officer, occasion="quantity")).json()
    assert (waits["legal"]["number"], waits["waiting"]["number"], waits["legal"]["content"]["s_text"]) == (1, 2, "8")
    assert (await signed(officer)).status_code == 409
    decision = {"decision": "approve", "comment": "已核对台账", "password": PASSWORD}
    own = await officer.post(f"{HERE}/MH-01/identifications/2/decision", json=decision)
    assert (own.status_code, own.json()["code"]) == (403, "second-person-needed")
    second = consoles("10.0.0.8")
    await second.sign_in("principal")
    wrong = await second.post(f"{HERE}/MH-01/identifications/2/decision", json=decision | {"password": "no-such-word"})
    assert wrong.status_code == 403
    told = await second.post(f"{HERE}/MH-01/identifications/2/decision", json=decision)
    assert told.status_code == 200, told.text
    assert (told.json()["legal"]["number"], told.json()["waiting"], told.json()["legal"]["content"]["s_text"]) == (2, None, "4")
    assert told.json()["legal"]["decision"]["by"]["zh"] == "李明"

    # A unit that is no longer in the folder goes on until its end is signed, by two again.
    node.context.plant = replace(node.context.plant, hazards=HazardSettings())
    gone = await one(officer)
    assert (gone["gone"], gone["legal"]["content"]["level"], gone["computed"]["r_text"]) == (True, 3, "0")
    assert (await signed(officer)).status_code == 422
    assert (await signed(officer, occasion="closed")).json()["waiting"]["number"] == 3
    withdrawn = await officer.post(f"{HERE}/MH-01/identifications/3/decision", json=decision | {"decision": "reject"})
    assert [step["state"] for step in withdrawn.json()["history"]] == ["rejected", "in_force", "replaced"]


async def test_what_is_not_known_is_not_signed(officer: Console, node: Node) -> None:
    change(node, contents=[TANK, {"id": "V-202", "substance": "中间体 X", "tonnes": 3}])
    refused = await signed(officer)
    assert (refused.status_code, refused.json()["code"]) == (422, "identification-incomplete")
    assert "V-202" in refused.json()["facts"]["missing"][0]
    change(node)
    for wrong in ({"occasion": "whim"}, {"occasion": "closed"}, {"assessed_on": "2031-01-01"}):
        assert (await signed(officer, **wrong)).status_code == 422
    assert (await signed(officer, password="no-such-word")).status_code == 403
    assert (await one(officer))["history"] == []


async def test_the_masses_are_told_as_they_are(officer: Console, node: Node) -> None:
    (unknown,) = (await officer.get(f"{HERE}/inventory")).json()["items"]
    assert (unknown["mass_t"], unknown["fill"], unknown["above_design"]) == (None, None, None)
    assert unknown["why_unknown"]["zh"]
    node.feed("V-201.MASS", 42.0)
    (known,) = (await officer.get(f"{HERE}/inventory")).json()["items"]
    assert (known["mass_t"], known["fill"], known["above_design"], known["cas"]) == (42.0, 1.05, True, "7782-50-5")


async def test_the_register_is_printed(officer: Console, node: Node) -> None:
    await signed(officer)
    node.feed("V-201.MASS", 42.0)
    await officer.sign_in("safety", language="zh")
    printed = await officer.get("/api/v1/print/risk/hazards")
    assert (printed.status_code, printed.content[:5]) == (200, b"%PDF-")
    told = "".join("".join(page.extract_text() for page in PdfReader(BytesIO(printed.content)).pages).split())
    for words in (
        "重大危险源",
        "GB18218-2018",
        "评价报告2025-17",
        "42.00超设计最大量",
        "S=Σq/Q=40/5=8",
        "备案材料清单",
        "档案3-12",
    ):
        assert words in told


async def test_who_may_not_is_refused_and_the_database_keeps_what_is_signed(
    officer: Console, consoles: Callable[..., Console], node: Node
) -> None:
    digest = (await one(officer))["digest"]
    await signed(officer)
    other = consoles("10.0.0.8")
    await other.sign_in("gas")
    refused = await other.post(f"{HERE}/MH-01/identifications", json=STEP | {"digest": digest})
    assert refused.status_code == 403
    branch = consoles("10.0.0.9")
    await branch.sign_in("branch")
    assert (await branch.get(f"{HERE}/MH-01")).status_code == 404
    for change_ in ("UPDATE risk_hazard_identifications SET digest = ''", "DELETE FROM risk_hazard_identifications"):
        with pytest.raises(IntegrityError, match="not changed"), node.records.session() as session:
            session.execute(text(change_))
    actions = [leaf["action"] for leaf in (await officer.get("/api/v1/audit")).json()["items"]]
    assert "hazard.sign" in actions


@pytest.mark.parametrize(
    ("mass", "beyond", "above"),
    [(41.0, False, True), (41.0, True, True), (39.0, False, False), (39.0, True, None), (None, False, None)],
)
def test_where_a_table_has_ended_nobody_says_that_there_is_less(mass: float | None, beyond: bool, above: bool | None) -> None:
    """What stands above the last row of a strapping table counts as that row: a lower bound."""
    unit = HazardSettings.model_validate({"units": [UNIT]}).units[0]
    tank = TankNow(unit, unit.contents[0], "V-201.MASS", mass, 0, Label(), 0.0, beyond=beyond)
    assert (tank.above_design, tank.as_json()["above_design"]) == (above, above)
