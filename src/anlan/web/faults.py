"""What is wrong with the node itself, as every console says it above the page.

In: `context.faults`, part → error, kept by whoever notices. Out: the texts in a reader's language.
"""

from __future__ import annotations

from anlan.model.errors import Unavailable
from anlan.model.languages import Language
from anlan.web.context import Context


def fault_texts(context: Context, language: Language) -> list[str]:
    """Each said once, however many parts report it."""
    return list(dict.fromkeys(fault.text(language) for fault in context.faults.values()))


def compare_versions(context: Context, running: int) -> None:
    """Keep the fault "configuration" in step with the version that the engine says it runs; 0 while it runs none yet.

    Alarms are decided by numbers: under another version the same number may be another point, so names here could be wrong.
    """
    shown = context.plant.version
    if not running or running == shown:
        context.faults.pop("configuration", None)
        return
    context.faults["configuration"] = Unavailable(
        "the engine runs configuration version {running}, this console shows version {shown}: names, limits and places here may be "
        "wrong; start the node again",
        running=running,
        shown=shown,
    )
