"""How the path of events from a database stands."""

from typing import Any, Final

from sqlalchemy import Connection, text

LIMIT: Final = 10_000
"""What is counted at most, so that looking stays cheap however much there is."""

_LOOK: Final = text("""
select status.*, extract(epoch from clock_timestamp() - probed)::float8 as probed_seconds, probe_seconds
from event_path_status(:most) as status, relay_cursor
""")


def of(db: Connection) -> dict[str, Any]:
    """Return what there is to see; times are in seconds, by the database's clock."""
    return dict(db.execute(_LOOK, {"most": LIMIT}).mappings().one())
