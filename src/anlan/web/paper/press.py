"""Sets a document and returns it as PDF. Run as `python -m anlan.web.paper.press`: a job on stdin, the PDF on stdout.

Typesetting is a process of its own with low priority: a thousand pages take seconds of a processor that alarms may need, and a fault of the typesetter
ends the child and not the console.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import orjson

from anlan.model.errors import InputError
from anlan.model.languages import translate
from anlan.web.paper.document import Document, Printing
from anlan.web.paper.font import FAMILY, CannotPrint, drawable, font_folder

MOST_ROWS = 10_000
"""Of one document: some 300 pages, 20 s to set."""
SECONDS = 120.0
NICE = 10
WORDS = ("page {n}/{of}", "printed", "content hash", "signed", "not signed", "Demo data", "made by simulators, not by a plant")
"""Said by the sheet itself."""


def press(document: Document, printing: Printing) -> bytes:
    """The PDF. Blocking. Raises CannotPrint (no font, the typesetter failed), InputError for a document of too many rows."""
    if document.rows > MOST_ROWS:
        raise InputError(
            "{rows} rows are too many to print at once; at most {most}: choose a shorter period",
            rows=document.rows,
            most=MOST_ROWS,
        )
    folder = font_folder()
    job = orjson.dumps({"fonts": str(folder), "sheet": sheet_of(document, printing)})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "anlan.web.paper.press"], input=job, capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotPrint("the document could not be set: {why}", why=str(error)) from error
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF"):
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"exit {done.returncode}"]
        raise CannotPrint("the document could not be set: {why}", why=last[0])
    return done.stdout


def sheet_of(document: Document, printing: Printing) -> dict[str, Any]:
    """What the template reads: every text as the font can draw it, the QR as a picture."""
    import segno

    from anlan.web.shell import IS_NOT

    digest = document.digest
    code = segno.make_qr(f"anlan:{document.kind}:sha256:{digest}", error="m")
    told: dict[str, Any] = _drawable(asdict(document) | {"printing": asdict(printing)})
    words = {word: drawable(translate(word, document.language)) for word in WORDS}
    return told | {
        "digest": digest,
        "qr": code.svg_inline(border=0),
        "words": words,
        "is_not": drawable(translate(IS_NOT, document.language)),
        "font": FAMILY,
    }


def _drawable(value: Any) -> Any:
    match value:
        case str():
            return drawable(value)
        case dict():
            return {name: _drawable(one) for name, one in value.items()}
        case list() | tuple():
            return [_drawable(one) for one in value]
        case _:
            return value


def main() -> None:
    import typst

    os.nice(NICE)
    job = orjson.loads(sys.stdin.buffer.read())
    template = (files("anlan.web.paper") / "sheet.typ").read_bytes()
    given = {"sheet": orjson.dumps(job["sheet"]).decode()}
    # The font comes with the program: what else the machine has is not looked at, and nothing is fetched.
    pdf = typst.compile(template, format="pdf", font_paths=[job["fonts"]], ignore_system_fonts=True, sys_inputs=given)
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()
