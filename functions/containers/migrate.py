"""`python -m functions.containers.migrate`: roles and schema of both databases, up to date; safe to repeat."""

from events import logs
from events.configuration import secret, setting
from migrations.__main__ import migrate
from migrations.databases import DATABASES
from migrations.roles import provision


def main() -> None:
    """Provision the roles as the superuser, then migrate as the migrator."""
    logs.configure("migrate")
    for database in DATABASES:
        provision(database, setting("PSQL_SUPERUSER", "postgres"), secret("psql-superuser"))
        migrate(database, "upgrade", "head")


if __name__ == "__main__":
    main()
