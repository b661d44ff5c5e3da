"""Markup is escaped unless it is markup already: whatever a plant writes into a name cannot become an element."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from anlan.web.markup import Markup, el, join, script_json


class Reader(HTMLParser):
    """The standard library's own reading of what we wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


# NUL and lone carriage returns are not characters that HTML can carry.
texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00\r"), max_size=40)


@given(texts, texts)
def test_any_text_stays_text(words: str, title: str) -> None:
    found = read(el("p", words, title=title))
    assert found.tags == ["p"]
    assert found.text == words
    assert found.attributes == [("title", title)]


def test_markup_is_not_escaped_twice() -> None:
    assert el("p", el("b", "1 < 2"), None, False, ["a", Markup("<br>")]) == "<p><b>1 &lt; 2</b>a<br></p>"


def test_attributes_that_are_not_there_leave_nothing() -> None:
    assert (
        el("input", cls="field", required=True, disabled=False, value=None, aria_label="x")
        == '<input class="field" required aria-label="x">'
    )


def test_join_flattens() -> None:
    assert join(["a", ("b", None)], "&") == "ab&amp;"


@given(
    st.recursive(
        texts | st.integers(-(2**50), 2**50) | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
        max_leaves=8,
    )
)
def test_json_for_scripts_cannot_close_its_element(value: object) -> None:
    block = script_json("config", {"value": value})
    body = block.removeprefix('<script type="application/json" id="config">').removesuffix("</script>")
    assert "<" not in body
    assert json.loads(body) == {"value": value}
