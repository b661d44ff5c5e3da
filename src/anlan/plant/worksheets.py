"""The worksheets of a plant folder (`anlan.risk.worksheets`): checked with the plant, brought into the records at the first start that finds them."""

from __future__ import annotations

from pathlib import Path

from anlan.model.clock import Clock
from anlan.model.errors import ConfigError
from anlan.plant.findings import Findings, Where
from anlan.store.records import Records

FOLDER = "worksheets"


def check_worksheets(folder: Path, findings: Findings) -> None:
    """Each file with its first mistake."""
    if not (folder / FOLDER).is_dir():
        return
    from anlan.risk.worksheets.folder import read_folder

    for _, found, _ in read_folder(folder):
        if isinstance(found, ConfigError):
            findings.wrong("worksheet", found, Where(found.file, found.line), mend=found.mend)


def export_worksheets(records: Records, folder: Path, clock: Clock, *, replace: bool) -> list[Path]:
    """The newest version of each."""
    from anlan.risk.worksheets.folder import export

    return export(records, folder, clock, replace=replace)


def bring_in_worksheets(records: Records, folder: Path, clock: Clock, reason: str) -> None:
    """Raises ConfigError."""
    if (folder / FOLDER).is_dir():
        from anlan.risk.worksheets.folder import bring_in

        bring_in(records, folder, clock, reason)
