"""`python -m events.relay DATABASE`: publish the events of a database, for ever.

Any number may run: one is active, the others stand by. It starts without its broker or its database, waits for them,
and goes on when they are back.
"""

import argparse
import logging
import signal
import sys
from types import FrameType
from typing import Final

from core import logs
from core.jitter import jittered
from core.monitoring import serve
from core.postgres.errors import Error
from core.postgres.session import Session
from core.wakeup import Wakeup
from events import envelope
from events.catalog.load import load
from events.relay.exposition import monitored
from events.relay.metrics import RelayMetrics
from events.relay.outbox_reader import RestoredDatabaseError, SupersededError
from events.relay.outbox_stats import OutboxStats
from events.relay.session import BusLostError, RelaySession
from events.relay.window import Window

log = logging.getLogger(__name__)

MAX_PAUSE: Final = 0.2
"""Seconds between two attempts to connect, at most."""

RESTORED_PAUSE: Final = 10
"""Seconds between two looks at a database that was restored."""


class Relay:
    """Session after session, until told to stop."""

    def __init__(self, database: str) -> None:
        """Relay the events of `database`."""
        self.database = database
        self.outbox_stats = OutboxStats(database)
        self.metrics = RelayMetrics()
        self.catalog = frozenset(load())
        self.wakeup = Wakeup()
        self.window = Window()
        self.stopped = False

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Finish what is in flight and return."""
        self.stopped = True
        self.wakeup.poke()

    def run(self) -> None:
        """Relay until told to stop."""
        serve(monitored(self.outbox_stats, self.metrics))
        pause, exchange_lost = 0.05, False
        while not self.stopped:
            self.metrics.beat()
            self.metrics.sessions += 1
            session = RelaySession(self.outbox_stats, self.metrics, self.catalog, self.wakeup, lambda: self.stopped)
            session.window, session.exchange_lost = self.window, exchange_lost
            wait = pause = min(pause * 2, MAX_PAUSE)
            try:
                session.run()
            except RestoredDatabaseError as error:
                log.error("%s", error)  # noqa: TRY400 - the sentence says it all
                wait = RESTORED_PAUSE
            except (BusLostError, SupersededError, Error, OSError) as error:
                log.warning("%s: %s; trying again", self.database, error)
            except Exception:
                log.exception("a bug, or an outage in an unknown form; trying again")
            exchange_lost = session.exchange_lost
            if session.delivered:
                pause = 0.05
            if not self.stopped:
                self.wakeup.wait(jittered(wait))
        log.info("stopped")


def main() -> None:
    """Relay, or rebase a cursor after a restore."""
    parser = argparse.ArgumentParser(prog="relay", description=__doc__)
    parser.add_argument("database", choices=["user_psql", "shared_psql"])
    parser.add_argument(
        "--rebase",
        type=int,
        metavar="SEQ",
        help="after a restore: take everything behind this number of the outbox as undelivered, and exit",
    )
    arguments = parser.parse_args()
    logs.configure("relay", terse=True)
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    if arguments.rebase is not None:
        session = Session(arguments.database, "migrator", name="botberi-rebase")
        [[waiting]] = session.run("select rebase_relay(:seq)", seq=arguments.rebase)
        log.info("rebased %s: %s events are to be delivered", arguments.database, waiting)
        return
    try:
        envelope.api()
    except ValueError as error:
        sys.exit(str(error))
    relay = Relay(arguments.database)
    signal.signal(signal.SIGTERM, relay.stop)
    signal.signal(signal.SIGINT, relay.stop)
    relay.run()


if __name__ == "__main__":
    main()
