"""What is wrong with a description of a bow-tie."""

from __future__ import annotations

from typing import ClassVar

from anlan.risk.written import Mistake


class BowTieMistake(Mistake):
    """A mistake in a bow-tie, with file and line."""

    code: ClassVar[str] = "bow-tie"
