"""One tree of errors, drawn here; no library's own exception leaves the room that uses it.

AnlanError
├── InputError            what a person or a file gave us is wrong (CLI exit 2, HTTP 422)
│   ├── ConfigError       … in a plant folder; carries file and line
│   ├── UnitError         … units that do not exist or do not convert
│   └── CommandRefused    … a step that the state does not allow now (HTTP 409)
├── NotFound              HTTP 404
│   └── Hidden            it is there, but the asker may not see it: told alike, recorded as a refusal
├── Forbidden             HTTP 403
├── NotSignedIn           HTTP 401
├── StoreError            the disk or a database (HTTP 503)
│   ├── LogFull           the log accepts nothing more until readers catch up or space returns
│   └── Corrupt           bytes that do not match their checksum
├── DriverError           a device or its protocol
└── Unavailable           a part of the node that does not answer (HTTP 503)

A message is an English msgid with {placeholders}; `facts` fills them, `text(language)` translates. A good message says what
was wrong, where, what was found and what would be right.
"""

from __future__ import annotations

from typing import Any, ClassVar

from anlan.model.languages import translate


class AnlanError(Exception):
    """Base of all. `code` is stable and documented in docs/errors.md; `facts` are plain JSON values."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, **facts: Any) -> None:
        self.message = message
        self.facts = facts
        super().__init__(self.text("en"))

    def text(self, language: str = "en") -> str:
        """The message in `language` ("zh" or "en") with its facts filled in."""
        return translate(self.message, language).format(**self.facts)


class InputError(AnlanError):
    code = "input"
    status = 422


class ConfigError(InputError):
    """A mistake in a plant folder: `file` and `line` say where (line 0: the file as a whole), `mend` how to put it right."""

    code = "config"

    def __init__(self, message: str, *, file: str, line: int = 0, mend: str = "", **facts: Any) -> None:
        self.file, self.line, self.mend = file, line, mend
        super().__init__(message, **facts)

    def text(self, language: str = "en") -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        mend = f" — {translate(self.mend, language).format(**self.facts)}" if self.mend else ""
        return f"{where}: {translate(self.message, language).format(**self.facts)}{mend}"


class UnitError(InputError):
    code = "unit"


class CommandRefused(InputError):
    code = "command-refused"
    status = 409


class NotFound(AnlanError):
    code = "not-found"
    status = 404


class Hidden(NotFound):
    """Same code, status and words as NotFound, so that nothing is learned from the answer."""


class Forbidden(AnlanError):
    code = "forbidden"
    status = 403


class NotSignedIn(AnlanError):
    code = "not-signed-in"
    status = 401


class StoreError(AnlanError):
    code = "store"
    status = 503


class LogFull(StoreError):
    code = "log-full"


class Corrupt(StoreError):
    code = "corrupt"


class DriverError(AnlanError):
    code = "driver"
    status = 502


class Unavailable(AnlanError):
    code = "unavailable"
    status = 503
