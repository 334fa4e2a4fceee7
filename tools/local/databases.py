"""Create and migrate the databases of a run, with the settings and secrets that are in the environment."""

from collections.abc import Iterable
from contextlib import closing

from core.configuration import secret, setting
from migrations.__main__ import migrate
from migrations.databases import DATABASES
from migrations.roles import provision
from tools.local.servers import postgres_server


def prepare(databases: Iterable[str] = tuple(DATABASES)) -> None:
    """Bring every database into being and up to date; safe to repeat."""
    for database in databases:
        create(database)
        provision(database, postgres_server.SUPERUSER, secret("psql-superuser"))
        migrate(database, "upgrade", "head")


def create(database: str, *, template: str = "template1", anew: bool = False) -> None:
    """Create the database that the setting of `database` names, as a copy of `template`.

    One that exists is kept, or with `anew` dropped first, whoever is connected to it.
    """
    port, name = _address(database)
    with closing(postgres_server.connect(port, secret("psql-superuser"))) as connection:
        if anew:
            connection.run(f'drop database if exists "{name}" with (force)')
        if not connection.run("select 1 from pg_database where datname = :name", name=name):
            connection.run(f'create database "{name}" template "{template}"')


def drop(database: str) -> None:
    """Drop the database that the setting of `database` names, whoever is connected to it."""
    port, name = _address(database)
    with closing(postgres_server.connect(port, secret("psql-superuser"))) as connection:
        connection.run(f'drop database if exists "{name}" with (force)')


def _address(database: str) -> tuple[int, str]:
    address, _, name = setting(f"{database.upper()}_URL").partition("/")
    return int(address.rpartition(":")[2]), name
