"""Tables of the room, collected from its parts; migrations are in `migrations/`."""

from anlan.risk.studies.records import ResultRow, StudyRow

__all__ = ["ResultRow", "StudyRow"]
