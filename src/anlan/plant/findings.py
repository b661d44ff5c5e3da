"""What a check finds: mistakes that stop the start, and warnings that don't. All at once, each with file and line.

A finding is a `ConfigError` (message, facts, file, line, how to mend it; both languages) under a stable name such as `unknown-key`;
docs/plant-folder.md lists the names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from anlan.model.errors import ConfigError, InputError

SHOWN_MISTAKES = 20
"""An error's text lists this many."""


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file; line 0 is the file as a whole."""

    file: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """`fatal` findings are mistakes: the folder is not accepted while one stands."""

    name: str
    fatal: bool
    error: ConfigError

    def text(self, language: str = "en") -> str:
        return self.error.text(language)


class PlantMistakes(InputError):
    """A plant folder that is not accepted; `findings` has every mistake and warning."""

    code = "plant-mistakes"
    one: ClassVar[str] = "{count} mistake in the plant folder; `anlan check` explains it:"
    several: ClassVar[str] = "{count} mistakes in the plant folder; `anlan check` explains them:"

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        count = sum(f.fatal for f in self.findings)
        super().__init__(self.one if count == 1 else self.several, count=count)

    def text(self, language: str = "en") -> str:
        mistakes = [f.text(language) for f in self.findings if f.fatal]
        more = [f"… {len(mistakes) - SHOWN_MISTAKES}"] * (len(mistakes) > SHOWN_MISTAKES)
        return "\n  ".join([super().text(language), *mistakes[:SHOWN_MISTAKES], *more])


@dataclass(slots=True)
class Findings:
    """Collects findings in the order in which they are met."""

    items: list[Finding] = field(default_factory=list)

    def mistake(self, name: str, message: str, where: Where, *, mend: str = "", **facts: Any) -> None:
        self._add(name, True, message, where, mend, facts)

    def warning(self, name: str, message: str, where: Where, *, mend: str = "", **facts: Any) -> None:
        self._add(name, False, message, where, mend, facts)

    def wrong(self, name: str, cause: InputError, where: Where, *, mend: str = "") -> None:
        """A mistake whose text another module has: an unknown unit, a credit code, a driver's address."""
        self._add(name, True, cause.message, where, mend, cause.facts)

    @property
    def fatal(self) -> bool:
        return any(f.fatal for f in self.items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(sorted(self.items, key=lambda f: (f.error.file, f.error.line)))

    def _add(self, name: str, fatal: bool, message: str, where: Where, mend: str, facts: dict[str, Any]) -> None:
        error = ConfigError(message, file=where.file, line=where.line, mend=mend, **facts)
        self.items.append(Finding(name, fatal, error))
