"""The shift that works at the demo plant, for `guard.first.ensure_people`; the people are invented."""

from __future__ import annotations

from anlan.guard.people import Held, NewPerson
from anlan.model.words import Label

PANEL, SHIFT = "panel", "shift"
"""Posts of the demo plant folder."""


def people() -> list[NewPerson]:
    """主操, 班长 (who may also sit at the panel) and 安全员."""
    return [
        NewPerson("zhucao", Label(zh="刘芳（主操）", en="Liu Fang, panel operator"), (Held("inside_operator", PANEL),)),
        NewPerson(
            "banzhang",
            Label(zh="吴斌（班长）", en="Wu Bin, shift leader"),
            (Held("shift_leader", SHIFT), Held("inside_operator", PANEL)),
        ),
        NewPerson("anquan", Label(zh="陈静（安全员）", en="Chen Jing, safety officer"), (Held("safety_officer"),)),
    ]
