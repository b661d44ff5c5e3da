"""Templates: which topics they match, and what a message comes to."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub
from pydantic import ValidationError

from anlan.model.quality import GOOD, Reason, Severity, quality
from anlan.sense.mqtt.template import NO_VALUE, UNKNOWN_QUALITY, Mapped, Row, Template, TopicConfig, matching

T = 1_700_000_000_000_000


def template(**config: Any) -> Template:
    return Template(TopicConfig.model_validate({"filter": "plant/{area}/{tag}", "point": "{tag}"} | config))


def mapped(payload: Any, **config: Any) -> Mapped:
    return template(**config).map({"area": "a", "tag": "T-1"}, orjson.dumps(payload), 0)


LEVELS = st.lists(st.sampled_from(["plant", "a", "+", "#", "$SYS", ""]), min_size=1, max_size=4).map("/".join)


@given(LEVELS.filter(lambda f: "#" not in f[:-1]), LEVELS.filter(lambda t: not set(t) & set("+#")))
def test_filters_match_as_paho_says(filter: str, topic: str) -> None:
    caught = template(filter=filter or "x", point="p").captures(topic)
    assert (caught is not None) == topic_matches_sub(filter or "x", topic)


def test_captures_name_levels() -> None:
    assert template(filter="plant/{area}/+/{tag}/#", point="p").captures("plant/a/gas/T-1/x/y") == {"area": "a", "tag": "T-1"}
    assert template().captures("plant/a") is None


@pytest.mark.parametrize(
    ("payload", "config", "row"),
    [
        ({"value": 1.5}, {}, Row("T-1", None, 1.5, GOOD)),
        ({"value": True}, {}, Row("T-1", None, 1.0, GOOD)),
        ({"v": {"x": [7]}}, {"value": "$.v.x[0]"}, Row("T-1", None, 7.0, GOOD)),
        (3, {"value": "$"}, Row("T-1", None, 3.0, GOOD)),
        ({"value": 2, "ts": 1_700_000_000}, {"time": "$.ts"}, Row("T-1", T, 2.0, GOOD)),
        ({"value": "Open"}, {"values": {"open": 1}}, Row("T-1", None, 1.0, GOOD)),
        ({"value": "ajar"}, {"values": {"open": 1}}, Row("T-1", None, "ajar", GOOD)),
        (
            {"value": 2, "q": 0},
            {"quality": "$.q", "qualities": {"0": "bad.sensor_failure"}},
            Row("T-1", None, 2.0, quality(Severity.BAD, Reason.SENSOR_FAILURE)),
        ),
        ({"value": 2, "q": "?"}, {"quality": "$.q", "qualities": {"ok": "good"}}, Row("T-1", None, 2.0, UNKNOWN_QUALITY)),
        (
            {"value": 2, "flag": "C"},
            {"quality": "$.flag", "qualities": "hj212"},
            Row("T-1", None, 2.0, quality(Severity.BAD, Reason.CALIBRATION)),
        ),
        ({"id": 9, "value": 2}, {"point": "{area}.{$.id}"}, Row("a.9", None, 2.0, GOOD)),
    ],
)
def test_one_value(payload: Any, config: dict[str, Any], row: Row) -> None:
    assert mapped(payload, **config) == Mapped([row], [])


def test_null_is_a_bad_value_not_a_reject() -> None:
    (row,) = mapped({"value": None}).rows
    assert math.isnan(row.value)  # type: ignore[arg-type]
    assert row.quality == NO_VALUE


def test_several_fields_and_many_items() -> None:
    payload = {"samples": [{"ts": 1_700_000_000, "ppm": 1, "t": 20}, {"ts": 1_700_000_001, "ppm": 2}]}
    found = mapped(payload, items="$.samples[*]", point="{tag}.{field}", fields={"ppm": "$.ppm", "t": "$.t"}, time="$.ts")
    assert [(r.key, r.time, r.value) for r in found.rows] == [
        ("T-1.ppm", T, 1.0),
        ("T-1.t", T, 20.0),
        ("T-1.ppm", T + 1_000_000, 2.0),
    ]
    assert found.rejects == []


@pytest.mark.parametrize(
    ("payload", "config", "said"),
    [
        ({"v": 1}, {}, "nothing at $.value"),
        ({"value": 1}, {"time": "$.ts"}, "nothing at $.ts"),
        ({"value": 1, "ts": "soon"}, {"time": "$.ts"}, "'soon' is not an ISO 8601 time"),
        ({"value": [1]}, {}, "T-1: '[1]' is not a value"),
        ({"value": 1}, {"items": "$.list[*]"}, "nothing at $.list"),
    ],
)
def test_what_does_not_fit_is_rejected_with_its_reason(payload: Any, config: dict[str, Any], said: str) -> None:
    assert mapped(payload, **config) == Mapped([], [said])


def test_a_bad_item_leaves_the_good_ones() -> None:
    found = mapped([{"value": 1}, {"value": {}}, {"value": 3}], items="$[*]")
    assert [r.value for r in found.rows] == [1.0, 3.0]
    assert len(found.rejects) == 1


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"filter": "plant/a+/x"}, "'a+' is not a level"),
        ({"filter": "plant/#/x"}, "'#' is not a level"),
        ({"filter": "plant/{Tag}"}, "'{Tag}' is not a level"),
        ({"filter": "a/{x}/{x}", "point": "{x}"}, "may occur once"),
        ({"point": "{room}"}, "{room} is not captured by the filter; known are area, field, tag"),
        ({"value": "v"}, "must start with $"),
        ({"qualities": {"x": "fine"}}, "'fine' is not a quality"),
        ({"qualities": "opc"}, "write hj212"),
        ({"zone": "Asia/Shanghigh"}, "no time zone 'Asia/Shanghigh'"),
        ({"qos": 2}, "less than or equal to 1"),
        ({"vaule": "$.v"}, "vaule"),
    ],
)
def test_a_wrong_template_says_what_is_wrong(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        template(**config)
    assert said in str(refused.value)


@given(
    st.binary(max_size=300)
    | st.text().map(str.encode)
    | st.recursive(st.none() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)).map(orjson.dumps)
)
@pytest.mark.slow
def test_any_payload_is_survived(payload: bytes) -> None:
    whole = template(items="$[*]", fields={"a": "$.a", "b": "$[0]"}, point="{tag}.{field}.{$.id}", time="$.t", quality="$.q")
    found = whole.map({"area": "a", "tag": "t"}, payload, 0)
    assert all(isinstance(row.value, float | str) for row in found.rows)


def test_a_deeply_nested_payload_is_survived() -> None:
    found = template(value="$").map({"area": "a", "tag": "t"}, b"[" * 100_000 + b"]" * 100_000, 0)
    assert len(found.rejects) == 1


def test_every_matching_template_is_used() -> None:
    both = [template(), template(filter="plant/#", point="all")]
    assert [t.config.point for t, _ in matching(both, "plant/a/T-1")] == ["{tag}", "all"]
