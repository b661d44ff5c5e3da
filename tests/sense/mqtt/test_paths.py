"""The small JSON path."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.model.errors import InputError
from anlan.sense.mqtt.paths import Missing, each, find, parse, shown

DOCUMENT = {"a": {"b c": [10, {"x": 1}]}, "list": [{"v": 1}, {"v": 2}], "空": True}


@pytest.mark.parametrize(
    ("path", "value"),
    [("$", DOCUMENT), ("$.a['b c'][0]", 10), ("$.a['b c'][1].x", 1), ("$.list[1].v", 2), ("$.空", True)],
)
def test_what_lies_at_a_path(path: str, value: Any) -> None:
    assert find(DOCUMENT, parse(path)) == value


@pytest.mark.parametrize(
    ("path", "said"), [("$.q", "$.q"), ("$.a['b c'][7]", "$.a.b c[7]"), ("$.list.v", "$.list.v"), ("$.空.x", "$.空.x")]
)
def test_nothing_there_says_where_it_ends(path: str, said: str) -> None:
    with pytest.raises(Missing) as missing:
        find(DOCUMENT, parse(path))
    assert str(missing.value) == f"nothing at {said}"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("a.b", "must start with $"),
        ("$..a", "'..a' at character 2"),
        ("$.a[x]", "'[x]' at character 4"),
        ("$.a ", "' ' at character 4"),
        ("$.a[-1]", "'[-1]' at character 4"),
    ],
)
def test_a_wrong_path_points_at_the_character(path: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(path)
    assert said in str(refused.value)


def test_each_item_of_a_list() -> None:
    assert list(each(DOCUMENT, parse("$.list[*]"))) == [{"v": 1}, {"v": 2}]
    assert list(each([[1], [2, 3]], parse("$[*][*]"))) == [1, 2, 3]
    assert list(each(DOCUMENT, parse("$.a"))) == [DOCUMENT["a"]]


def test_each_of_no_list_is_missing() -> None:
    with pytest.raises(Missing, match=r"no list at \$\.a"):
        list(each(DOCUMENT, parse("$.a[*]")))


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c))


@given(JSON)
def test_every_leaf_is_found_by_its_own_path(document: Any) -> None:
    for steps, leaf in leaves(document, ()):
        assert find(document, steps) == leaf
        assert shown(steps).startswith("$")


def leaves(document: Any, steps: tuple[Any, ...]) -> Any:
    """(path, value) of every value in the document, by plain recursion."""
    yield steps, document
    inside = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for step, value in inside:
        yield from leaves(value, (*steps, step))
