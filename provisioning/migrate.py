"""Roles and schema of both databases, up to date, as compose's service does it; safe to repeat."""

import logging

from core import logs
from core.configuration import secret, setting
from migrations.__main__ import migrate
from migrations.databases import DATABASES
from migrations.roles import provision

log = logging.getLogger(__name__)


def make_roles(database: str) -> list[str]:
    """Make a database's roles as the superuser, with the passwords that are in the secrets; return their names."""
    return provision(database, setting("PSQL_SUPERUSER", "postgres"), secret("psql-superuser"))


def main() -> None:
    """Make the roles as the superuser, then migrate as the migrator."""
    logs.configure("migrate")
    for database in DATABASES:
        log.info("%s has its roles: %s", database, ", ".join(make_roles(database)))
        migrate(database, "upgrade", "head")


if __name__ == "__main__":
    main()
