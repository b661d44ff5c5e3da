"""The words of the settings page, for `client_words`."""

from __future__ import annotations

SETTINGS_WORDS: tuple[str, ...] = (
    "For me, at this browser", "This browser does not sound", "This browser sounds", "My account: password, second factor, sessions, tokens",
    "Wall: choose its views", "People, posts, rules for passwords and sessions", "Language", "Sound of alarms", "Try the sound", "More",
    "set by {what}", "Rules in force", "Choose other rules",
)  # fmt: skip
