"""The state of the event path of one database."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

LIMIT: Final = 10_000
"""The limit of every count, so that the query stays cheap with any backlog."""

_LOOK: Final = text("""
select status.*, extract(epoch from clock_timestamp() - probed)::float8 as probed_seconds, probe_seconds
from event_path_status(:most) as status, relay_cursor
""")


@dataclass(frozen=True)
class Status:
    """How far the events of a database have got. Times are in seconds, by the database's clock."""

    holder: str
    """The process that took the lease last, host/pid; empty before any did."""
    epoch: int
    """The count of relays that have taken the lease."""
    relays: int
    """The count of relays that are connected, active or standing by."""
    progress_seconds: float
    """Since the relay's cursor moved."""
    waiting: int
    """Committed events that RabbitMQ has not confirmed."""
    oldest_seconds: float | None
    """The age of the oldest of them; None without any."""
    parked: int
    """Events that can't be published, and that nobody has resolved."""
    dead: int
    """Dead letters that nobody has resolved."""
    probed_seconds: float | None
    """Since a probe last came back through RabbitMQ; None before any did."""
    probe_seconds: float | None
    """How long that probe took."""


def of(db: Connection) -> Status:
    """Return the state of a database's event path."""
    return Status(**db.execute(_LOOK, {"most": LIMIT}).mappings().one())
