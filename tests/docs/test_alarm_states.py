"""Who may do what, as docs/alarm-states.md says it, against the roles as they are."""

from __future__ import annotations

import re
from pathlib import Path

from anlan.guard.roles import load_roles

TEXT = (Path(__file__).parents[2] / "docs" / "alarm-states.md").read_text("utf-8")


def test_the_table_names_the_roles_that_have_each_right() -> None:
    told = {
        right: set(who.split(", "))
        for right, who in re.findall(r"^\| [^|]+ \| `(alarm\.\w+)` \| ([^|]+?) \|", TEXT, re.MULTILINE)
    }
    assert len(told) == 6
    roles = load_roles().roles.values()
    assert told == {right: {role.name.zh for role in roles if right in role.actions} for right in told}
