"""What is wrong with a description of a net, and what cannot be asked of one."""

from __future__ import annotations

from typing import ClassVar

from anlan.model.errors import InputError
from anlan.risk.written import Mistake


class NetMistake(Mistake):
    """A mistake in a Bayesian net, with file and line."""

    code: ClassVar[str] = "bayesian-net"


class NetQuestion(InputError):
    """A question that cannot be put to this net: an unknown node, findings that exclude each other, a net too entangled."""

    code: ClassVar[str] = "net-question"
