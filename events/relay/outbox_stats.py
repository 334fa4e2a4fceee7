"""Statistics of a database's outbox for monitoring: how many events wait, how old they are, who holds the lease."""

import threading
from typing import Final, NamedTuple

from core.postgres.session import Reconnecting, Row, Value

_QUERY: Final = """
select waiting, coalesce(greatest(oldest_seconds, 0), 0), parked, dead, status.epoch, status.holder, progress_seconds,
       extract(epoch from clock_timestamp() - probed)::float8, probe_seconds
from event_path_status(:most) as status, relay_cursor
"""

_EMIT: Final = """
select emit_event(
  type => :type, subject => :subject, data => '{}', id => :id, actor => 'relay', recipient => :recipient)
"""

_NOTE: Final = "update relay_cursor set probed = now(), probe_seconds = :seconds where epoch = :epoch"


COUNT_LIMIT: Final = 50_000
"""Events that are counted at most, so that a look stays cheap with a million waiting."""


class OutboxSnapshot(NamedTuple):
    """The state of an outbox and its relay at one moment."""

    waiting: int
    """Committed events that RabbitMQ has not confirmed; COUNT_LIMIT at most."""
    oldest: float
    """Age of the oldest of them in seconds, by the database's clock; those of machines differ."""
    parked: int
    dead: int
    """Dead letters that nobody has resolved; those of the database that has them."""
    epoch: int
    holder: str
    """Who took the lease last, `host/pid`; empty before anybody did."""
    moved: float
    """Seconds since the cursor moved; it rests while nothing happens."""
    probed: float | None
    """Seconds since a probe came back; None before any did."""
    round_trip: float | None
    """Seconds that it took."""


class OutboxStats:
    """A connection to the outbox for statistics and probes; for any thread."""

    def __init__(self, database: str) -> None:
        """Look at `database`, connecting when it is first asked."""
        self.database = database
        self._connection = Reconnecting(database, "relay", name="botberi-relay-stats")
        self._lock = threading.Lock()

    def read(self) -> OutboxSnapshot:
        """Return the statistics; raises what the connection raises."""
        return OutboxSnapshot(*self._run(_QUERY, most=COUNT_LIMIT)[0])

    def emit_probe(self, event_type: str, event_id: str, recipient: str) -> None:
        """Commit an event that goes to one queue, or raise."""
        self._run(_EMIT, type=event_type, subject=self.database, id=event_id, recipient=recipient)

    def note_probe(self, seconds: float, epoch: int) -> None:
        """Write how many seconds a probe took to the database."""
        self._run(_NOTE, seconds=seconds, epoch=epoch)

    def _run(self, sql: str, **values: Value) -> list[Row]:
        with self._lock:
            try:
                if not self._connection.is_open:
                    # Whoever asks waits no longer; Prometheus gives up after ten.
                    self._connection.open().run("set statement_timeout = '3s'")
                return self._connection.open().run(sql, **values)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        with self._lock:
            self._connection.close()
