"""Versions of studies are refused any change by the database itself, as worksheets, identifications and failures are."""

from alembic import op

revision = "risk_0005"
down_revision = "risk_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION risk_study_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'a version of a study is not changed'; END $$"
        )
        op.execute(
            "CREATE TRIGGER risk_studies_only_add BEFORE UPDATE OR DELETE ON risk_studies "
            "FOR EACH ROW EXECUTE FUNCTION risk_study_refuse()"
        )
        return
    for step in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER risk_studies_no_{step.lower()} BEFORE {step} ON risk_studies "
            "BEGIN SELECT RAISE(ABORT, 'a version of a study is not changed'); END"
        )
