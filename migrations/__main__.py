"""Migrate a database: `botberi migrate`, or `python -m migrations upgrade|downgrade|check DATABASE [REVISION]`."""

import argparse
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from migrations.databases import DATABASES, connect
from migrations.event_tables import EVENT_TABLES
from migrations.knowing import written

LOCK_KEY = 7_166_423_301
"""Of the advisory lock that makes it one migrator at a time; any number that nothing else uses."""


def configuration(database: str, connection: Connection) -> Config:
    """Return Alembic's configuration for one of the histories, on a connection."""
    config = Config()
    folder = Path(__file__).parent
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(folder / database / "versions"))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = DATABASES[database].metadata
    config.attributes["include_name"] = _include_name
    return config


def _include_name(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and (name in EVENT_TABLES or (name or "").startswith("outbox_")))


def migrate(database: str, action: str, revision: str) -> None:
    """Run `upgrade`, `downgrade` or `check` on a database, alone, with time limits on locks and statements."""
    with connect(database, "migrator").connect() as connection:
        # Held by the session: a second migrator waits here, then finds nothing left to do.
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": LOCK_KEY})
        connection.execute(text("set lock_timeout = '5s'"))
        connection.execute(text("set statement_timeout = '5min'"))
        connection.commit()
        config = configuration(database, connection)
        match action:
            case "upgrade":
                command.upgrade(config, revision)
                name_speakers(database, connection)
            case "downgrade":
                command.downgrade(config, revision)
            case _:
                command.check(config)
        connection.commit()


def name_speakers(database: str, connection: Connection) -> None:
    """Write down which role may say which type, as the catalog has it now."""
    if connection.scalar(text("select to_regproc('event_speakers')")) is not None:
        connection.exec_driver_sql(written(database))


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="migrations", description=__doc__)
    parser.add_argument("action", choices=["upgrade", "downgrade", "check"])
    parser.add_argument("database", choices=sorted(DATABASES))
    parser.add_argument("revision", nargs="?", default="head")
    arguments = parser.parse_args()
    migrate(arguments.database, arguments.action, arguments.revision)


if __name__ == "__main__":
    main()
