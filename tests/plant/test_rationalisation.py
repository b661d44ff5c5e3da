"""Rationalisation as data: the matrix against a table written down by hand, and what a check says of classes, severities and priorities."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError
from works import COLUMNS, PLANT, line, texts, write

from anlan.model.words import Label
from anlan.monitor.class_demands import demand_against
from anlan.monitor.rationalisation import (
    AlarmClass,
    PriorityMatrix,
    Rationalised,
    Severity,
    default_matrix,
    distribution,
)
from anlan.plant.folder import load

MINUTE = 60
BY_HAND = {
    # severity: time to respond [s] → priority; None: no alarm
    "minor": {1: 2, 3 * MINUTE: 2, 181: 3, 10 * MINUTE: 3, 601: 3, 30 * MINUTE: 3, 1801: None, 86_400: None},
    "major": {1: 1, 3 * MINUTE: 1, 181: 2, 10 * MINUTE: 2, 601: 3, 30 * MINUTE: 3, 1801: None, 86_400: None},
    "severe": {1: 1, 3 * MINUTE: 1, 181: 2, 10 * MINUTE: 2, 601: 2, 30 * MINUTE: 2, 1801: None, 86_400: None},
}
CLASSES = """\
alarms:
  classes:
    - {id: critical, name: {zh: 安全关键, en: Safety-critical}, comment_required: true, shelvable: false, test_interval: 365, review_interval: 365, training: true}
    - {id: process, name: 工艺}
"""
WITH_CLASSES = PLANT.replace("alarms:\n", CLASSES)
HEADER = COLUMNS + ",alarm_class,severity,cause_zh,rationalised_by,rationalised_on"


def rationalised(
    alarm_class: str = "critical", severity: str = "major", cause: str = "", by: str = "Li", on: str = "2026-03-01", **cells: str
) -> str:
    return line(**cells) + f",{alarm_class},{severity},{cause},{by},{on}"


def only(folder: Path, *names: str) -> list[str]:
    return [text for text in texts(folder) if text.split()[0] in names]


@pytest.mark.parametrize("severity", BY_HAND)
def test_the_matrix_that_ships_is_the_one_written_down_by_hand(severity: str) -> None:
    matrix = default_matrix()
    assert {time: matrix.priority(severity, time) for time in BY_HAND[severity]} == BY_HAND[severity]
    assert [s.id for s in matrix.severities] == list(BY_HAND)
    assert all(s.name.zh and s.name.en and s.meaning.zh and s.meaning.en for s in matrix.severities)


def test_a_worse_consequence_or_less_time_is_never_a_lower_priority() -> None:
    matrix = default_matrix()
    times = [*matrix.within, matrix.within[-1] + 1]
    table = [[matrix.priority(s.id, t) or 5 for t in times] for s in matrix.severities]
    assert all(row == sorted(row) for row in table)
    assert all([row[i] for row in table] == sorted((row[i] for row in table), reverse=True) for i in range(len(times)))


def test_a_matrix_must_be_a_table() -> None:
    with pytest.raises(ValidationError, match="rising bounds"):
        PriorityMatrix(within=(600, 180), severities=(Severity(id="a", priorities=(1, 2, 3)),))
    with pytest.raises(ValidationError, match="3 were expected"):
        PriorityMatrix(within=(180, 600), severities=(Severity(id="a", priorities=(1, 2)),))
    with pytest.raises(ValidationError, match="twice"):
        PriorityMatrix(within=(180,), severities=(Severity(id="a", priorities=(1, 2)),) * 2)


def test_the_distribution_is_counted() -> None:
    assert distribution([1, 2, 2, 3, 3, 3, 3, 4]) == [((1,), 1, 0.125, 0.05), ((2,), 2, 0.25, 0.15), ((3, 4), 5, 0.625, 0.80)]
    assert [count for _, count, _, _ in distribution([])] == [0, 0, 0]


def test_the_next_review_follows_from_the_class() -> None:
    done = Rationalised(by="Li", on=date(2026, 3, 1))
    assert done.review_due(AlarmClass(id="a", name=Label(en="a"), review_interval=365)) == date(2027, 3, 1)
    assert done.review_due(AlarmClass(id="a", name=Label(en="a"))) is None
    assert done.review_due(None) is None


def test_what_the_folder_says_is_in_the_plant(tmp_path: Path) -> None:
    plant = load(write(tmp_path, rationalised(cause="调节阀卡"), plant=WITH_CLASSES, header=HEADER))
    (rule,) = [r for r in plant.rules if r.id == "LT-101.HH"]
    assert (rule.alarm_class, rule.severity, rule.cause.zh) == ("critical", "major", "调节阀卡")
    assert rule.rationalised == Rationalised(by="Li", on=date(2026, 3, 1))
    assert [c.id for c in plant.alarms.classes] == ["critical", "process"]
    assert plant.alarms.classes[0].shelvable is False


def test_a_class_or_severity_that_nobody_knows_is_a_mistake(tmp_path: Path) -> None:
    folder = write(tmp_path, rationalised("critcal", "majr"), plant=WITH_CLASSES, header=HEADER)
    assert only(folder, "unknown-class")[0] == (
        "unknown-class points.csv:2: LT-101.HH: the alarm class critcal is not in plant.yaml under alarms: classes — there is: critical"
    )
    assert only(folder, "unknown-severity")[0] == (
        "unknown-severity points.csv:2: LT-101.HH: the severity majr is not in the priority matrix — there is: major"
    )


def test_a_priority_that_differs_from_the_matrix_is_told_with_the_right_one(tmp_path: Path) -> None:
    folder = write(tmp_path, rationalised(priority="3", time_to_respond="300"), plant=WITH_CLASSES, header=HEADER)
    assert only(folder, "priority-matrix")[0] == (
        "priority-matrix points.csv:2: LT-101.HH: priority 3, but the matrix gives 2 for severity major and 300 s to respond "
        "(numbers not verified against the original text) — write 2, or correct severity or time"
    )
    assert only(write(tmp_path, rationalised(priority="2"), plant=WITH_CLASSES, header=HEADER), "priority-matrix") == []
    slow = write(tmp_path, rationalised(time_to_respond="7200"), plant=WITH_CLASSES, header=HEADER)
    assert "no alarm, but an event or a task" in only(slow, "too-slow")[0]


def test_the_plant_s_own_matrix_goes_before_the_one_that_ships(tmp_path: Path) -> None:
    own = "  priority_matrix: {within: [600], severities: [{id: major, priorities: [4, ~]}]}\n"
    folder = write(tmp_path, rationalised(), plant=WITH_CLASSES.replace("alarms:\n", "alarms:\n" + own), header=HEADER)
    assert only(folder, "priority-matrix")[0].endswith(
        "priority 2, but the matrix gives 4 for severity major and 300 s to respond — write 4, or correct severity or time"
    )


def test_a_class_that_demands_reviews_wants_a_name(tmp_path: Path) -> None:
    folder = write(tmp_path, rationalised(by="", on=""), plant=WITH_CLASSES, header=HEADER)
    assert "its class critical demands reviews" in only(folder, "not-rationalised")[0]
    assert (
        only(write(tmp_path, rationalised("process", by="", on=""), plant=WITH_CLASSES, header=HEADER), "not-rationalised") == []
    )
    assert "no alarm class" in only(write(tmp_path, rationalised(""), plant=WITH_CLASSES, header=HEADER), "no-class")[0]


def test_two_alarms_of_one_cause_and_one_action_are_told(tmp_path: Path) -> None:
    other = rationalised(cause="调节阀卡", id="LT-102", place="U100/V-102", address="hr:2 float32", HH="", L="", LL="", trip="")
    folder = write(
        tmp_path, rationalised(cause="调节阀卡", HH="", L="", LL="", trip=""), other, plant=WITH_CLASSES, header=HEADER
    )
    assert only(folder, "same-cause") == [
        "same-cause points.csv:3: LT-102.H and LT-101.H name the same cause and the same action: one of them is enough"
    ]
    different = rationalised(
        cause="调节阀卡",
        id="LT-102",
        place="U100/V-102",
        address="hr:2 float32",
        corrective_action_zh="开阀",
        HH="",
        L="",
        LL="",
        trip="",
    )
    assert (
        only(
            write(
                tmp_path,
                rationalised(cause="调节阀卡", HH="", L="", LL="", trip=""),
                different,
                plant=WITH_CLASSES,
                header=HEADER,
            ),
            "same-cause",
        )
        == []
    )


def test_what_a_class_demands_of_a_step() -> None:
    strict = AlarmClass(id="c", name=Label(en="c"), comment_required=True, shelvable=False)
    short = AlarmClass(id="s", name=Label(en="s"), max_shelving=3600)
    refused = [
        demand_against(strict, "acknowledge", " ", None),
        demand_against(strict, "shelve", "why", 60.0),
        demand_against(short, "shelve", "why", 7200.0),
    ]
    assert [one is not None for one in refused] == [True, True, True]
    allowed = [
        demand_against(strict, "acknowledge", "seen on site", None),
        demand_against(strict, "reset", "", None),
        demand_against(short, "shelve", "why", 3600.0),
        demand_against(short, "acknowledge", "", None),
        demand_against(None, "shelve", "", 1e9),
    ]
    assert allowed == [None] * 5
