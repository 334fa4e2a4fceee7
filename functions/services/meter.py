"""`python -m functions.services.meter`: what the databases know about the event path and instances, for Prometheus.

It asks when it is asked, at `/metrics` on `METER_PORT` (default 9464), and says which database it could not ask. One is
enough; it keeps nothing, so another may take its place at any time.
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from pg8000.exceptions import Error

from events import logs
from events.configuration import setting
from events.postgres import Session
from functions.runtime.metrics import CONTENT_TYPE, Sample, family

log = logging.getLogger(__name__)

DATABASES: Final = ("user_psql", "shared_psql")

UNDELIVERED: Final = """
select count(*), coalesce(extract(epoch from clock_timestamp() - min(created)), 0)::float8
from outbox, relay_cursor
where xid >= pg_snapshot_xmin(s1) and not pg_visible_in_snapshot(xid, s1)
  and not (pg_visible_in_snapshot(xid, s2) and seq <= last_seq)
"""
"""What the relay's cursor has not passed: by the database's clock, since those of machines differ."""

PARKED: Final = "select count(*) from parked_events"

DEAD: Final = "select queue, count(*) from dead_letters where resolution is null group by queue"

LEASE: Final = "select extract(epoch from now() - updated)::float8, epoch from relay_cursor"

INSTANCES: Final = "select status, count(*) from instances where status <> 'deleted' group by status"

OVERDUE: Final = """
select count(*) filter (where due_at < clock_timestamp() - interval '60 seconds'),
       count(*) filter (where deadline_at < clock_timestamp())
from instances where status <> 'deleted'
"""

FAMILIES: Final = {
    "botberi_database_up": "1 when the database answers.",
    "botberi_outbox_undelivered": "Committed events that RabbitMQ has not confirmed.",
    "botberi_outbox_oldest_seconds": "Age of the oldest of them.",
    "botberi_outbox_parked": "Events that can't be published.",
    "botberi_relay_cursor_seconds": "Time since the relay's cursor moved; it rests while nothing happens.",
    "botberi_relay_epoch": "Rises with every relay that takes over.",
    "botberi_dead_letters_open": "Dead letters that nobody has redriven or discarded.",
    "botberi_instances": "Instances by status.",
    "botberi_instances_overdue": "Instances that a worker should have looked at a minute ago.",
    "botberi_instances_past_deadline": "Instances in a transient status beyond its deadline.",
}
"""Every metric with its meaning; all are gauges."""


def samples() -> Iterator[Sample]:
    """Yield what each database says, and whether it said anything."""
    for database in DATABASES:
        try:
            found = list(_event_path(database))
            if database == "shared_psql":
                found += _instances()
        except (Error, OSError) as error:
            log.warning("%s can't be asked: %s", database, error)
            yield "botberi_database_up", {"database": database}, 0
        else:
            yield "botberi_database_up", {"database": database}, 1
            yield from found


def _event_path(database: str) -> Iterator[Sample]:
    session = Session(database, "relay", name="botberi-meter")
    try:
        where = {"database": database}
        [[count, age]] = session.run(UNDELIVERED)
        yield "botberi_outbox_undelivered", where, count
        yield "botberi_outbox_oldest_seconds", where, age
        [[parked]] = session.run(PARKED)
        yield "botberi_outbox_parked", where, parked
        [[idle, epoch]] = session.run(LEASE)
        yield "botberi_relay_cursor_seconds", where, idle
        yield "botberi_relay_epoch", where, epoch
        if database == "shared_psql":
            for queue, dead in session.run(DEAD):
                yield "botberi_dead_letters_open", {"queue": queue}, dead
    finally:
        session.close()


def _instances() -> list[Sample]:
    session = Session("shared_psql", "worker", name="botberi-meter")
    try:
        found: list[Sample] = [("botberi_instances", {"status": status}, n) for status, n in session.run(INSTANCES)]
        [[overdue, late]] = session.run(OVERDUE)
        return [*found, ("botberi_instances_overdue", {}, overdue), ("botberi_instances_past_deadline", {}, late)]
    finally:
        session.close()


def text() -> str:
    """Return every metric in Prometheus' text format."""
    found = list(samples())
    return "".join(
        family(name, "gauge", about, (sample for sample in found if sample[0] == name))
        for name, about in FAMILIES.items()
    )


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        answers: dict[str, Callable[[], str]] = {"/metrics": text, "/_/health": lambda: "ok\n"}
        answer = answers.get(self.path)
        body = (answer() if answer else "not found\n").encode()
        self.send_response(HTTPStatus.OK if answer else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - http.server's
        """Log nothing: a line for every scrape tells nobody anything."""


def main() -> None:
    """Answer scrapes until told to stop."""
    logs.configure("meter")
    server = ThreadingHTTPServer(("", int(setting("METER_PORT", "9464"))), _Handler)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


if __name__ == "__main__":
    main()
