"""The one Alembic environment for both databases; `migrations.__main__` says which, and on which connection."""

from alembic import context
from sqlalchemy.dialects.postgresql.base import ischema_names

from events.tables import Snapshot, TransactionId

configuration = context.config.attributes

# SQLAlchemy doesn't know these types, and would warn where it finds them in a database.
ischema_names |= {"xid8": TransactionId, "pg_snapshot": Snapshot}

context.configure(
    connection=configuration["connection"],
    target_metadata=configuration["metadata"],
    compare_server_default=True,
    include_name=configuration["include_name"],
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
