"""Migrate a database: `botberi migrate`, or `python -m migrations upgrade|downgrade|check DATABASE [REVISION]`."""

import argparse
import re
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from migrations import producers
from migrations.databases import DATABASES, connect

LOCK_KEY = 7_166_423_301
"""Of the advisory lock that makes it one migrator at a time; any number that nothing else uses."""


PARTITION: Final = re.compile(r"outbox_(default|p\d+)|run_events_(default|\d+)")
"""Tables that no metadata has: rotate_outbox makes and drops them."""


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
    return kind != "table" or PARTITION.fullmatch(name or "") is None


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
                producers.write(database, connection)
            case "downgrade":
                command.downgrade(config, revision)
            case _:
                command.check(config)
        connection.commit()


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
