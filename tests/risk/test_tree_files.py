"""A bad tree is named by file and line, in both forms; a good one means the same in both."""

from __future__ import annotations

from pathlib import Path

import pytest

from anlan.risk import read_tree, solve
from anlan.risk.trees.mistakes import TreeMistake


def xml(gates: str, data: str = "") -> str:
    return f"<opsa-mef>\n<define-fault-tree name='t'>\n{gates}\n</define-fault-tree>\n<model-data>\n{data}\n</model-data>\n</opsa-mef>"


A = "<define-basic-event name='a'><float value='0.1'/></define-basic-event>"
TOP = "<define-gate name='top'><or><event name='a'/></or></define-gate>"

BAD = [
    (xml("<define-gate name='g'><or><gate name='h'/></or></define-gate>\n<define-gate name='h'><gate name='g'/></define-gate>"), 3, "depends on itself: g → h → g"),
    (xml("<define-gate name='g'>\n<or>\n<basic-event name='missing'/></or></define-gate>"), 5, "missing is used but nowhere defined"),
    (xml(TOP, A.replace("0.1", "1.3")), 6, "the probability of a is 1.3; a number from 0 to 1"),
    (xml(TOP, A.replace("0.1", "-0.1")), 6, "the probability of a is -0.1"),
    (xml(TOP, A.replace("0.1", "x")), 6, "a number was expected; 'x'"),
    (xml(TOP, A.replace("0.1", "nan")), 6, "a number was expected"),
    (xml(TOP, A + "\n" + A), 7, "a is defined twice; first at"),
    (xml(TOP + "\n" + TOP, A), 4, "top is defined twice"),
    (xml("<define-gate name='g'><atleast min='4'><event name='a'/><event name='a'/></atleast></define-gate>", A), 3, "k of k-of-n is 4; a number from 1 to 2"),
    (xml("<define-gate name='g'><not><event name='a'/><event name='a'/></not></define-gate>", A), 3, "<not> has 2 arguments"),
    (xml("<define-gate name='g'/>", A), 3, "<define-gate> is empty"),
    (xml("<define-gate name='g'><gate name='a'/></define-gate>", A), 3, "is used as <gate> but is defined by <define-basic-event>"),
    (xml("<define-gate name='g'><maybe><event name='a'/></maybe></define-gate>", A), 3, "<maybe> is not a logical operation"),
    (xml(TOP, "<define-basic-event name='a'><parameter name='rate'/></define-basic-event>"), 6, "parameter rate is used but nowhere defined"),
    (xml(TOP, "<define-basic-event name='a'><exponential><float value='1'/></exponential></define-basic-event>"), 6, "<exponential> has 1 arguments"),
    ("<!DOCTYPE x [<!ENTITY a 'b'>]>\n<opsa-mef/>", 1, "a document type or entity is declared"),
    ("<opsa-mef>\n<define-gate>", 2, "this is not XML"),
    ("<html/>", 1, "the outermost element is <html>"),
    ("<opsa-mef>" + "<and>" * 300 + "</and>" * 300 + "</opsa-mef>", 1, "nested deeper than 200"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), BAD, ids=[message[:30] for _, _, message in BAD])
def test_a_mistake_in_xml_has_its_line(text: str, line: int, message: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.xml"
    file.write_text(text, "utf-8")
    with pytest.raises(TreeMistake) as found:
        read_tree(file)
    assert str(found.value).startswith(f"{file}:{line}: ")
    assert message in str(found.value)
    assert found.value.text("zh") != found.value.text("en")


BAD_YAML = [
    ("gates:\n  g: {or: [h]}\n  h: {or: [g]}\n", 2, "depends on itself"),
    ("gates:\n  g:\n    or:\n    - missing\n", 4, "missing is used but nowhere defined"),
    ("gates: {g: {or: [a]}}\nevents:\n  a: 1.3\n", 3, "the probability of a is 1.3"),
    ("gates: {g: {or: [a]}}\nevents:\n  a: 0.1\n  a: 0.2\n", 4, "a is given twice"),
    ("gates: {g: {or: [a]}}\nbasics: {}\n", 2, "basics is no part of a tree"),
    ("gates: {g: {or: [a}}\n", 1, "the bracket [ of this line"),
    ("gates: {g: {or: a}}\n", 1, "a list [ … ] was expected"),
    ("gates: {g: {or: [a]}}\nevents:\n  a: {test-interval: 3}\n", 3, "rate and any of"),
]


@pytest.mark.parametrize(("text", "line", "message"), BAD_YAML, ids=[message[:30] for _, _, message in BAD_YAML])
def test_a_mistake_in_yaml_has_its_line(text: str, line: int, message: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(TreeMistake) as found:
        read_tree(file)
    assert str(found.value).startswith(f"{file}:{line}: ")
    assert message in str(found.value)
    assert found.value.text("zh") != found.value.text("en")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TreeMistake, match=r"none\.xml: the file cannot be read"):
        read_tree(tmp_path / "none.xml")


def test_both_forms_mean_the_same(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(
        "fault-tree: t\ngates:\n  top: {or: [{and: [a, {not: h}]}, {atleast: 2, of: [a, b, c]}]}\n"
        "events:\n  a: 0.1\n  b: {label: a pump, is: rate}\n  c: {rate: 1e-5, test-interval: 720}\nhouses: {h: false}\n"
        "parameters: {rate: {mul: [2, 0.1]}}\n",
        "utf-8",
    )
    (tmp_path / "t.xml").write_text(
        xml(
            "<define-gate name='top'><or><and><event name='A'/><not><house-event name='h'/></not></and>"
            "<atleast min='2'><event name='a'/><event name='b'/><event name='c'/></atleast></or></define-gate>",
            A + "<define-basic-event name='b'><float value='0.2'/></define-basic-event>"
            "<define-basic-event name='c'><periodic-test><float value='1e-5'/><float value='720'/><float value='720'/>"
            "<system-mission-time/></periodic-test></define-basic-event>"
            "<define-house-event name='h'><constant value='false'/></define-house-event>",
        ),
        "utf-8",
    )
    first, second = solve(read_tree(tmp_path / "t.yaml")), solve(read_tree(tmp_path / "t.xml"))
    assert first.probability == pytest.approx(second.probability, rel=1e-14)
    assert first.mcs_by_order == second.mcs_by_order


def test_names_within_components_are_found_from_the_inside_out(tmp_path: Path) -> None:
    (tmp_path / "t.xml").write_text(
        xml(
            "<define-gate name='top'><and><gate name='pump.root'/><basic-event name='a'/></and></define-gate>"
            "<define-component name='pump' role='private'><define-gate name='root'><basic-event name='a'/></define-gate>"
            "<define-basic-event name='a'><float value='0.5'/></define-basic-event></define-component>",
            A,
        ),
        "utf-8",
    )
    tree = read_tree(tmp_path / "t.xml")
    assert (tree.top, tree.tops) == ("top", ("top",))
    assert set(tree.events) == {"a", "t.pump.a"}
    assert solve(tree).probability == pytest.approx(0.05)


def test_the_example_of_the_manual_gives_its_figures(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "fault-trees.md").read_text("utf-8")
    (tmp_path / "cooling.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0], "utf-8")
    solution = solve(read_tree(tmp_path / "cooling.yaml"))
    assert f"probability          {solution.probability:.6g}\n" in page
    assert f"minimal cut sets     {solution.mcs}\n" in page
    assert solution.sets is not None
    assert " · ".join(next(solution.sets.likeliest()).events) in page
