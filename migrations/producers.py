"""Which role may emit which type: written into each database with every migration, from the catalog."""

import json
from typing import Final

from sqlalchemy import Connection, text

from events.catalog.load import load
from events.event import EVERYBODY

OWN: Final = "own"

OUTSIDE: Final = "outside"
"""On behalf of another system, which has to be named as the source."""


def producers(database: str) -> dict[str, dict[str, str]]:
    """Return which roles emit a type in `database`, and how, for every type of the catalog."""
    found: dict[str, dict[str, str]] = {}
    for name, model in load().items():
        roles = [each.partition("/")[2] for each in model.produced_by if each.startswith(f"{database}/")]
        # What comes as a bare NOTIFY is from somebody who may connect, and nothing more is known of them.
        roles += ["relay"] if model.scope == EVERYBODY else []
        found[name] = {f"botberi_{role}": OWN if model.scope is None else OUTSIDE for role in roles}
    return found


def write(database: str, connection: Connection) -> None:
    """Replace the function `event_producers` by one made from the catalog; do nothing in a database without tables."""
    if connection.scalar(text("select to_regproc('event_producers')")) is None:
        return
    constant = json.dumps(producers(database), sort_keys=True).replace("'", "''")
    head = "create or replace function event_producers() returns jsonb language sql immutable as"
    connection.exec_driver_sql(f"{head} $$ select '{constant}'::jsonb $$")
