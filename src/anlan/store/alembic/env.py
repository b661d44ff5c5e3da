"""Run by Alembic: migrates over the connection that `anlan.store.migrating` opened, so that its transaction is the only one."""

from alembic import context

from anlan.store.migrating import belongs_to
from anlan.store.records import Base

rooms = context.config.attributes["rooms"]
wanted = belongs_to(rooms)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_name=wanted,
    include_object=lambda item, name, kind, reflected, other: kind != "table" or wanted(name, kind, {}),
    render_as_batch=True,  # SQLite changes a table by rebuilding it
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
