"""XML as a tree of elements that remember their line. Entities and document types are refused: a description of a tree has no need of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from anlan.risk.trees.mistakes import TreeMistake
from anlan.risk.written import Place

DEEPEST = 200
LARGEST = 256 * 1024 * 1024


@dataclass(slots=True)
class Element:
    tag: str
    place: Place
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def get(self, attribute: str) -> str:
        """The attribute's value. Raises TreeMistake where it is missing or empty."""
        value = self.attributes.get(attribute, "").strip()
        if not value:
            raise TreeMistake("<{tag}> has no {attribute}", self.place, tag=self.tag, attribute=attribute)
        return value

    def of(self, *tags: str) -> Iterator[Element]:
        return (child for child in self.children if child.tag in tags)

    def label(self) -> str:
        return next((" ".join(child.text.split()) for child in self.of("label")), "")


def read_bytes(path: Path) -> bytes:
    """Raises TreeMistake when there is no such file, or it is larger than LARGEST bytes."""
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise TreeMistake(
                "the file has {found} bytes; at most {most} were expected", Place(str(path)), found=size, most=LARGEST
            )
        return path.read_bytes()
    except OSError as failure:
        raise TreeMistake(
            "the file cannot be read: {problem}", Place(str(path)), problem=failure.strerror or str(failure)
        ) from failure


def parse_xml(body: bytes, file: str) -> Element:
    """The root element. Raises TreeMistake for what is not XML, has a document type or is nested deeper than DEEPEST."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    outside = Element("", Place(file))
    open_: list[Element] = [outside]

    def here() -> Place:
        return Place(file, parser.CurrentLineNumber)

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(open_) > DEEPEST:
            raise TreeMistake("elements are nested deeper than {most}", here(), most=DEEPEST)
        element = Element(tag, here(), attributes)
        open_[-1].children.append(element)
        open_.append(element)

    def end(_tag: str) -> None:
        open_.pop()

    def text(data: str) -> None:
        open_[-1].text += data

    def refuse(*_: object) -> None:
        raise TreeMistake("a document type or entity is declared; neither is read here", here(), mend="take the <!DOCTYPE …> out")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError as failure:
        raise TreeMistake(
            "this is not XML: {problem}", Place(file, failure.lineno), problem=expat.ErrorString(failure.code)
        ) from failure
    except (LookupError, ValueError) as failure:  # an encoding that Python does not know
        raise TreeMistake("this is not XML: {problem}", Place(file, 1), problem=str(failure)) from failure
    return outside.children[0]
