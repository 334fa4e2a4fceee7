"""The state of the event path of one database."""

from typing import Final

from pydantic import JsonValue
from sqlalchemy import Connection, text

LIMIT: Final = 10_000
"""The limit of every count, so that the query stays cheap with any backlog."""

_LOOK: Final = text("""
select status.*, extract(epoch from clock_timestamp() - probed)::float8 as probed_seconds, probe_seconds
from event_path_status(:most) as status, relay_cursor
""")


def of(db: Connection) -> dict[str, JsonValue]:
    """Return counts, lease holder and times, in seconds by the database's clock."""
    return dict(db.execute(_LOOK, {"most": LIMIT}).mappings().one())
