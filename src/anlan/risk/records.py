"""Tables of the room, collected from its parts; migrations are in `migrations/`."""

from anlan.risk.studies.records import ResultRow, StudyRow
from anlan.risk.worksheets.records import SheetSignature, SheetVersion

__all__ = ["ResultRow", "SheetSignature", "SheetVersion", "StudyRow"]
