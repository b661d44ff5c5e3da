"""What is wrong in a file that describes a tree: file, line, what was found, what was expected."""

from __future__ import annotations

from typing import ClassVar

from anlan.model.errors import InputError
from anlan.risk.written import Mistake


class TreeMistake(Mistake):
    """A mistake in a fault or event tree, with file and line."""

    code: ClassVar[str] = "fault-tree"


class TreeQuestion(InputError):
    """A question that cannot be put to this tree: an unknown top event, a limit that makes no sense."""

    code: ClassVar[str] = "tree-question"
