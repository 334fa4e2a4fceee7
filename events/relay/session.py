"""One session of the relay: from connecting until something is lost, or the relay is told to stop."""

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from pg8000.exceptions import Error

from events import failpoints
from events.configuration import setting
from events.relay.letters import Cursor, Page, refusal
from events.relay.outbox_reader import OutboxReader
from events.relay.publisher import Publisher, State
from events.relay.sleep import Sleep
from events.relay.wakeup import Wakeup

log = logging.getLogger(__name__)

IN_FLIGHT: Final = 1000
"""Events that may be unconfirmed: the back-pressure."""

CONFIRM_TIMEOUT: Final = 15
"""Seconds without a confirm, unless the broker has said that it blocks, after which the connection is given up."""

DRAIN: Final = 4
"""Seconds that confirms are waited for after SIGTERM."""

ROTATION: Final = 600
"""Seconds between two looks at the outbox's partitions."""


class BusLostError(Exception):
    """RabbitMQ is gone, refuses, or doesn't confirm."""


class RelaySession:
    """Connections to the database and the broker that live and die together."""

    def __init__(self, database: str, catalog: frozenset[str], wakeup: Wakeup, stopping: Callable[[], bool]) -> None:
        """Take what tells whether to stop, and the types that may be published."""
        self.database = database
        self.catalog = catalog
        self.wakeup = wakeup
        self.stopping = stopping
        self.outstanding: deque[Page] = deque()
        self.delivered = 0
        self._rotated_at = float("-inf")

    def run(self) -> None:
        """Relay until told to stop; raise when anything is lost."""
        with ExitStack() as stack:
            self.reader = OutboxReader(self.database)
            stack.callback(self.reader.close)
            self.sleep = Sleep(self.database, self.wakeup, self.reader.session)
            stack.callback(self.sleep.close)
            self.publisher = Publisher(self.database, self.wakeup.poke)
            stack.callback(self.publisher.close)
            self.publisher.start()
            if self._has_lease():
                self._relay()

    def _has_lease(self) -> bool:
        """Wait for the lease; False when told to stop."""
        told = False
        while not self.stopping():
            if self.publisher.state is State.FAILED:
                raise BusLostError(self.publisher.failure)
            if self.publisher.state is State.PUBLISHING:
                return True
            if self.publisher.state is State.STANDBY and not told:
                log.info("standing by: another relay of %s is active", self.database)
                told = True
            self.wakeup.wait(0.5)
        return False

    def _relay(self) -> None:
        self.cursor = self.reader.claim()
        log.info("relaying %s from %s, epoch %s", self.database, self.cursor, self.reader.epoch)
        self.sleep.busy()
        deadline = float("inf")
        while True:
            self._settle()
            self._check()
            if self.stopping():
                deadline = min(deadline, time.monotonic() + DRAIN)
                if not self.outstanding or time.monotonic() > deadline:
                    return
                self.wakeup.wait(0.1)
            elif sum(len(page.letters) for page in self.outstanding) >= IN_FLIGHT:
                self.wakeup.wait(0.5)
            elif self._read():
                self.sleep.busy()
            else:
                self._rotate()
                self.sleep.idle()

    def _read(self) -> bool:
        """Read the next page and hand it to the publisher; False when there is none."""
        if self.cursor.s1 == self.cursor.s2:
            window = self.reader.open_window(self.cursor)
            if window is None:
                return False
            self.cursor = window
        letters, self.cursor = self.reader.read(self.cursor)
        refused = [found for letter in letters if (found := refusal(letter, self.catalog))]
        unfit = {each.letter.seq for each in refused}
        page = Page([letter for letter in letters if letter.seq not in unfit], self.cursor, refused)
        self.outstanding.append(page)
        self.publisher.send(page)
        return True

    def _settle(self) -> None:
        """Park what can't be published and move the cursor behind every page that is finished, in their order."""
        cursor: Cursor | None = None
        while self.outstanding and self.outstanding[0].finished:
            page = self.outstanding.popleft()
            for refused in page.unpublishable:
                failpoints.reach("relay.park")
                self.reader.park(refused)
                log.error(
                    "parked %s (%s): %s, %s", refused.letter.id, refused.letter.type, refused.reason, refused.detail
                )
            self.delivered += len(page.letters)
            cursor = page.after
        if cursor is not None:
            failpoints.reach("relay.save")
            self.reader.save(cursor)
            failpoints.reach("relay.saved")

    def _check(self) -> None:
        if self.publisher.state is not State.PUBLISHING:
            raise BusLostError(self.publisher.failure)
        if self.sleep.gate.failed:
            message = "the connection that holds the gate was lost"
            raise ConnectionError(message)
        if self.outstanding and not self.publisher.blocked:
            since = max(self.outstanding[0].sent_at or time.monotonic(), self.publisher.unblocked_at)
            if time.monotonic() - since > CONFIRM_TIMEOUT:
                message = f"event_bus has confirmed nothing for {CONFIRM_TIMEOUT} s"
                raise BusLostError(message)

    def _rotate(self) -> None:
        if time.monotonic() - self._rotated_at < ROTATION:
            return
        self._rotated_at = time.monotonic()
        keep = f"{float(setting('OUTBOX_RETENTION_DAYS', '7'))} days"
        try:
            [[dropped]] = self.reader.session.run("select rotate_outbox(cast(:keep as interval))", keep=keep)
        except Error as error:
            # Somebody holds a lock on a partition: the next look will do.
            log.warning("the outbox's partitions stay as they are for now: %s", error)
            return
        if dropped:
            log.info("dropped %s partitions of the outbox, delivered and older than %s", dropped, keep)
