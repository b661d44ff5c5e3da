"""Both languages are complete, and no string gives a verdict that nobody has signed (DOMAIN.md 19)."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import anlan
from anlan.guard.roles import load_roles
from anlan.model.errors import AnlanError
from anlan.model.quality import Reason
from anlan.monitor import pages_blind, pages_overview
from anlan.sense import pages as sense_pages
from anlan.web import problem, shell, widgets
from anlan.web.client_words import REASONS, WORDS

SOURCE = Path(anlan.__file__).parent
STATIC = SOURCE / "web" / "static"
CALLS = {"translate", "say", "_"}
VERDICTS = ("安全", "正常", "合规", "达标", "符合")
NAMES_WITH_THEM = (
    # Names of things, of a trade and of what is demanded; none says that something is in order.
    "安全仪表", "安全测点", "安全系统", "安全员", "安全节点", "安全生产", "安全阀", "安全点", "安全气体", "安全措施", "安全距离",
    "安全联锁", "工业安全", "功能安全", "安全控制", "不安全", "安全侧", "安全策略", "安全功能", "安全完整性", "安全管理", "安全证书",
    "安全通道", "安全规则",
)  # fmt: skip


def error_names() -> set[str]:
    found: set[str] = set()
    waiting: list[type] = [AnlanError]
    while waiting:
        one = waiting.pop()
        found.add(one.__name__)
        waiting.extend(one.__subclasses__())
    return found


def literal_msgids(path: Path, calls: set[str]) -> Iterator[tuple[int, str]]:
    """First arguments that are plain strings, one of two strings (… if … else …) included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", getattr(node.func, "attr", "")) in calls:
            first = node.args[0]
            for part in [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]:
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value:
                    yield node.lineno, part.value


def chinese() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((SOURCE / "locale" / "zh").glob("*.po")):
        with path.open("rb") as file:
            found |= {
                str(message.id): str(message.string) for message in read_po(file, locale="zh") if message.id and message.string
            }
    return found


def tables() -> list[str]:
    """Msgids that stand in tables rather than in calls."""
    ways = ["Overview", "Places", "Blind spots", "Alarms", "Performance", "Trends", "Replay", "Sources", "Audit"]
    sums = [words for _, words in pages_overview.PARTS]
    blind = [*(words for words, _, _ in pages_blind.CAUSES.values()), *(words for _, words, _ in pages_blind.COUNTS)]
    return [
        *WORDS, *REASONS.values(), *widgets.BASES.values(), *(words for _, words in shell.HIDDEN), *ways, *sums, *blind, shell.IS_NOT,
        *(words for _, words in sense_pages.FACTS), *problem.TITLES.values(), *problem.EXPECTED.values(),
    ]  # fmt: skip


CONSOLE = [*(SOURCE / "web").glob("*.py"), *(SOURCE / "monitor").glob("pages*.py"), SOURCE / "sense" / "pages.py"]


def test_every_msgid_of_the_console_has_its_chinese() -> None:
    known = chinese()
    asked = [(f"{path.name}:{line}", text) for path in CONSOLE for line, text in literal_msgids(path, CALLS)]
    missing = [f"{where} {text!r}" for where, text in [*asked, *(("a table", text) for text in tables())] if text not in known]
    assert missing == []


def test_every_error_message_has_its_chinese() -> None:
    known, calls = chinese(), error_names() | CALLS
    paths = [path for path in sorted(SOURCE.rglob("*.py")) if "locale" not in path.parts]
    missing = [
        f"{path.relative_to(SOURCE)}:{line} {text!r}"
        for path in paths
        for line, text in literal_msgids(path, calls)
        if text not in known
    ]
    assert missing == []


def test_translations_keep_their_placeholders() -> None:
    wrong = [text for text, zh in chinese().items() if fields(text) != fields(zh)]
    assert wrong == []


def fields(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)[^}]*\}", text))


def test_scripts_say_only_words_that_the_page_sends() -> None:
    said = {text for path in STATIC.glob("*.js") for text in re.findall(r'\bt\(\s*"((?:[^"\\]|\\.)+)"', path.read_text("utf-8"))}
    assert said - set(WORDS) == set()


def test_the_words_sent_to_scripts_are_said_by_one() -> None:
    scripts = "\n".join(path.read_text("utf-8") for path in STATIC.glob("*.js"))
    assert [word for word in WORDS if f'"{word}"' not in scripts and f"{word}:" not in scripts] == []


def test_every_reason_of_bad_quality_has_words() -> None:
    assert set(Reason) - set(REASONS) == {Reason.NONE}


def verdicts(text: str) -> list[str]:
    """Forbidden words that remain once the names of things are taken away."""
    for name in sorted(NAMES_WITH_THEM, key=len, reverse=True):
        text = text.replace(name, "")
    return [word for word in VERDICTS if word in text]


def test_no_translation_is_a_verdict() -> None:
    assert {text: zh for text, zh in chinese().items() if verdicts(zh)} == {}


@pytest.mark.parametrize("text", ["安全", "装置正常", "检查合规", "排放达标", "符合要求", "现场安全,可以进入"])
def test_a_verdict_is_found(text: str) -> None:
    assert verdicts(text)


@pytest.mark.parametrize("text", ["安全仪表系统", "在限值内 212/216", "安全测点 AT-203 失去监视"])
def test_a_name_is_not_a_verdict(text: str) -> None:
    assert verdicts(text) == []


def test_no_label_in_our_data_is_a_verdict() -> None:
    roles = [role.name.zh for role in load_roles().roles.values()]
    with (SOURCE / "model" / "data" / "point_kinds.csv").open(encoding="utf-8") as file:
        kinds = [row["zh"] for row in csv.DictReader(line for line in file if not line.startswith("#"))]
    assert [text for text in [*roles, *kinds] if verdicts(text)] == []


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_scripts_hold_no_text_of_their_own(path: Path) -> None:
    code = re.sub(r"//.*|/\*.*?\*/", "", path.read_text("utf-8"), flags=re.MULTILINE)
    code = re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL)
    assert re.findall(r"[\u4e00-\u9fff]+", code) == []


def test_no_text_is_translated_in_two_ways() -> None:
    """All rooms share one catalogue: of two translations of one text the later file's would stand in both places."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted((SOURCE / "locale" / "zh").glob("*.po")):
        with file.open("rb") as text:
            for message in read_po(text):
                if message.id:
                    found.setdefault(str(message.id), {})[str(message.string)] = file.name
    assert {text: ways for text, ways in found.items() if len(ways) > 1} == {}
