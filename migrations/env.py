"""The one Alembic environment for both databases; `migrations.__main__` says which, and on which connection."""

from alembic import context

configuration = context.config.attributes

context.configure(
    connection=configuration["connection"],
    target_metadata=configuration["metadata"],
    compare_server_default=True,
    include_name=configuration["include_name"],
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
