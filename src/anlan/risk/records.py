"""Tables of the room, collected from its parts; migrations are in `migrations/`."""

from anlan.risk.failures.records import FailureEvent
from anlan.risk.hazards.records import IdentificationDecision, SignedIdentification
from anlan.risk.studies.records import ResultRow, StudyRow
from anlan.risk.worksheets.records import SheetSignature, SheetVersion

__all__ = [
    "FailureEvent",
    "IdentificationDecision",
    "ResultRow",
    "SheetSignature",
    "SheetVersion",
    "SignedIdentification",
    "StudyRow",
]
