"""What is wrong in a file that describes a tree: file, line, what was found, what was expected."""

from __future__ import annotations

from typing import Any, ClassVar

from anlan.model.errors import ConfigError, InputError
from anlan.risk.trees.model import Place


class TreeMistake(ConfigError):
    """A mistake in a fault or event tree, with file and line."""

    code: ClassVar[str] = "fault-tree"

    def __init__(self, message: str, place: Place, *, mend: str = "", **facts: Any) -> None:
        super().__init__(message, file=place.file, line=place.line, mend=mend, **facts)


class TreeQuestion(InputError):
    """A question that cannot be put to this tree: an unknown top event, a limit that makes no sense."""

    code: ClassVar[str] = "tree-question"
