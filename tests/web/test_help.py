"""The help beside fields: what scripts and pages ask for is there, what is there is asked for, and the mark works without a script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anlan.web import theme
from anlan.web.help_texts import HELP, help_mark, help_texts

SOURCE = Path(theme.__file__).parents[1]


def asked() -> set[str]:
    scripts = "\n".join(path.read_text("utf-8") for path in theme.STATIC.glob("*.js"))
    of_field = re.search(r"const OF_FIELD = \{(.*?)\};", scripts, re.DOTALL)
    assert of_field is not None
    found = set(re.findall(r'\bhelp\("(\w+)"\)|\babout: "(\w+)"[ ,}]', scripts)) | {
        (name, "") for name in re.findall(r': "(\w+)"', of_field[1])
    }
    columns = {(name, "") for name in re.findall(r'\["\w+", "[^"]+", "\d+em", "(\w+)"\]', scripts)}
    labelled = {(name, "") for name in re.findall(r'labelled\("[^"]+", "(\w+)"', scripts)}
    pages = {
        (name, "") for path in SOURCE.rglob("pages*.py") for name in re.findall(r'help_mark\("(\w+)"', path.read_text("utf-8"))
    }
    return {name for pair in found | columns | labelled | pages for name in pair if name}


def test_every_help_is_asked_for_and_every_one_asked_for_is_there() -> None:
    assert asked() == set(HELP)


@pytest.mark.parametrize("field", sorted(HELP))
def test_a_help_is_short_and_in_both_languages(field: str) -> None:
    zh, en = help_texts("zh")[field], help_texts("en")[field]
    assert zh != en
    assert len(zh) <= 120
    assert len(en) <= 330


def test_the_mark_opens_by_keyboard_without_a_script() -> None:
    text = str(help_mark("dead_band", "zh"))
    assert text.startswith('<details class="help"><summary aria-label="帮助">?</summary><p>')
    with pytest.raises(KeyError):
        help_mark("nothing", "zh")
