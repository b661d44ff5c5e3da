"""The failures and tests of a plant folder (`anlan.risk.failures`): checked with the plant, brought into the records once."""

from __future__ import annotations

from pathlib import Path

from anlan.model.clock import Clock
from anlan.plant.findings import Findings, Where
from anlan.store.records import Records

FILE = "failures.csv"


def check_failures(folder: Path, findings: Findings) -> None:
    if not (folder / FILE).is_file():
        return
    from anlan.risk.failures.folder import FailureMistake, read_file

    for found in read_file(folder):
        if isinstance(found, FailureMistake):
            findings.wrong("failures", found, Where(found.file, found.line))


def export_failures(records: Records, folder: Path, clock: Clock) -> list[Path]:
    """What people entered and did not withdraw."""
    from anlan.risk.failures.folder import export

    made = export(records, folder, clock)
    return [] if made is None else [made]


def bring_in_failures(records: Records, folder: Path, clock: Clock) -> None:
    """Raises ConfigError."""
    if (folder / FILE).is_file():
        from anlan.risk.failures.folder import bring_in

        bring_in(records, folder, clock)
