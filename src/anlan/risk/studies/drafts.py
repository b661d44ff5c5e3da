"""A study as a person wrote it: a YAML text with a header, and the files it names.

study: chlorine-release          # its id, the file's name
kind: fault-tree
name: {zh: 氯气泄漏, en: Chlorine release}
place: works/U200                # path of a place of the plant; absent: the whole
file: tree.xml                   # of a kind that reads another form, too
…                                # the kind's own
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

import orjson
from ruamel.yaml.nodes import Node

from anlan.model.words import Label
from anlan.risk.written import Mistake, Nodes, Place

if TYPE_CHECKING:
    from anlan.risk.failures.rates import Rates

HEADER = ("study", "kind", "name", "place", "file")
IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FILE = re.compile(r"[^\s./\\:\x00-\x1f][^/\\:\x00-\x1f]{0,199}")
MOST_BYTES = 1 << 22
"""Of a study with its files."""
MOST_TEXT = 1 << 18
"""Of its YAML, which takes seconds to read at this size; XML takes a hundredth of that."""


@dataclass(frozen=True, slots=True)
class Written:
    """`file`: what mistakes name. `attached`: name → text of the files beside it."""

    text: str
    file: str = "study.yaml"
    attached: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def digest(self) -> str:
        """SHA-256 of text and attached files, hex."""
        return sha256(orjson.dumps([self.text, dict(self.attached)], option=orjson.OPT_SORT_KEYS)).hexdigest()


Library = Callable[[str], "Written | None"]
"""The text of another study in force, by id; None where there is none. For kinds that rest on another study."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The header read; `body` the kind's own entries in the order in which they were written."""

    id: str
    kind: str
    name: Label
    place: str
    file: str
    nodes: Nodes
    body: Mapping[str, Node]
    attached: Mapping[str, str]
    place_at: Place
    """Where the place is written."""
    library: Library | None = None


def is_file_beside(name: str) -> bool:
    """Whether a study may have a file of this name: in its own folder, not hidden, and no study itself."""
    return FILE.fullmatch(name) is not None and not name.lower().endswith(".yaml")


def read_draft(written: Written, library: Library | None = None, rates: Rates | None = None) -> Draft:
    """`rates`: in place of the published failure data. Raises Mistake for a header that is not one."""
    from anlan.risk.studies.kinds import HOMES

    nodes = Nodes(written.file, rates)
    if len(written.text) + sum(map(len, written.attached.values())) > MOST_BYTES:
        raise Mistake("a study holds at most {most} characters", Place(written.file), most=MOST_BYTES)
    if len(written.text) > MOST_TEXT:
        raise Mistake(
            "the text of a study holds at most {most} characters", Place(written.file), most=MOST_TEXT,
            mend="a larger tree is written as Open-PSA XML and named by `file`",
        )  # fmt: skip
    root = nodes.root(written.text.encode())
    if root is None:
        raise Mistake("this file is empty", Place(written.file))
    entries = dict(nodes.entries(root))
    for needed in ("study", "kind", "name"):
        if needed not in entries:
            raise Mistake("the header lacks {name}", nodes.place(root), name=needed, mend="study, kind and name were expected")
    identifier, kind = nodes.text(entries["study"]), nodes.text(entries["kind"])
    if not IDENTIFIER.fullmatch(identifier):
        expected = "a … z, 0 … 9, - _ ."
        raise Mistake(
            "{found} is no id: {expected} were expected", nodes.place(entries["study"]), found=identifier, expected=expected
        )
    if kind not in HOMES:
        raise nodes.unknown(kind, entries["kind"], ", ".join(HOMES))
    file = nodes.text(entries["file"]) if "file" in entries else ""
    if file and not is_file_beside(file):
        raise Mistake("{found} is no name of a file beside the study", nodes.place(entries["file"]), found=file)
    if file and file not in written.attached:
        raise Mistake("the file {name} is not beside the study", nodes.place(entries["file"]), name=file)
    for name in written.attached:
        if name != file:
            raise Mistake("{found} is beside the study, but `file` does not name it", nodes.place(root), found=name)
    return Draft(
        id=identifier,
        kind=kind,
        name=nodes.label(entries["name"]),
        place=nodes.text(entries["place"]) if "place" in entries else "",
        file=file,
        nodes=nodes,
        body={name: node for name, node in entries.items() if name not in HEADER},
        attached=written.attached,
        place_at=nodes.place(entries.get("place", root)),
        library=library,
    )
