"""One session of the relay: from connecting until something is lost, or the relay is told to stop."""

import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from core import failpoints
from core.configuration import setting
from core.logs import said
from core.postgres.errors import Error
from core.wakeup import Wakeup
from events.broker import bus
from events.relay import probe
from events.relay.blocked_subjects import BlockedSubjects, blocking_types
from events.relay.metrics import RelayMetrics
from events.relay.notify_ingest import NotifyIngest
from events.relay.outbox_reader import PAGE, OutboxReader
from events.relay.outbox_records import Cursor, OutboxRecord, Page, Unpublishable, rejection
from events.relay.outbox_stats import OutboxStats
from events.relay.pace import Pace
from events.relay.probe import Probe, is_probe
from events.relay.publisher import Publisher, State
from events.relay.sleep import Sleep
from events.relay.window import Window

log = logging.getLogger(__name__)

SAVE_EVERY: Final = 500
"""Events after which the cursor is saved; sooner when there is nothing else to do."""

SAVE_SECONDS: Final = 0.5
"""Seconds after which it is saved in any case."""

NEXT_OF_SUBJECT: Final = 0.002
"""Seconds until the rest of a page is looked at again, whose subjects are on their way and may pause."""

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

    def __init__(
        self,
        outbox_stats: OutboxStats,
        metrics: RelayMetrics,
        catalog: frozenset[str],
        wakeup: Wakeup,
        stopping: Callable[[], bool],
    ) -> None:
        """Relay while `stopping` returns False; `catalog` has the types that may be published."""
        self.outbox_stats = outbox_stats
        self.database = outbox_stats.database
        self.metrics = metrics
        self.catalog = catalog
        self.wakeup = wakeup
        self.stopping = stopping
        self.probe: Probe | None = None
        self.window = Window()
        self.exchange_lost = False
        """Before `run`: whether the session before lost the exchange; afterwards, whether this one did."""
        self.pace = Pace()
        self.outstanding: deque[Page] = deque()
        self.delivered = 0
        self._settled: Cursor | None = None
        self._unsaved = 0
        self._saved_at = float("-inf")
        self._read_at = float("-inf")
        self._rotated_at = float("-inf")

    def run(self) -> None:
        """Relay until told to stop; raise when anything is lost."""
        with ExitStack() as stack:
            stack.callback(self._note_end)
            _check_port()
            self.reader = OutboxReader(self.database, blocking_types())
            stack.callback(self.reader.close)
            self.sleep = Sleep(self.database, self.wakeup, self.reader.session, self.metrics)
            stack.callback(self.sleep.close)
            self.publisher = Publisher(
                *(self.database, self.wakeup.poke, self.metrics, self._probe_returned), exchange_lost=self.exchange_lost
            )
            self.exchange_lost = False
            stack.callback(self.publisher.close)
            self.publisher.start()
            if self._has_lease():
                self.cursor = self.reader.claim()
                self.blocked = BlockedSubjects(self.reader)
                log.info("relaying %s from %s, epoch %s", self.database, self.cursor, self.reader.epoch)
                notify_ingest = NotifyIngest(self.database, self.metrics)
                stack.callback(notify_ingest.close)
                notify_ingest.start()
                if probe.interval():
                    self.probe = Probe(self.outbox_stats, self.metrics, self.reader.epoch)
                    stack.callback(self.probe.close)
                    self.probe.start()
                # Before those above, whose threads may be waiting for a database that is cut off.
                stack.callback(self.publisher.close)
                self.metrics.state = "active"
                self._relay()

    def _note_end(self) -> None:
        self.metrics.state, self.metrics.blocked = "connecting", False
        # Sent, and the cursor doesn't know of it: whoever relays next sends it again.
        self.metrics.resent += self._unsaved + sum(len(page.records) for page in self.outstanding if page.sent_at)

    def _probe_returned(self, event_id: str) -> None:
        if self.probe is not None:
            self.probe.returned(event_id)

    def _has_lease(self) -> bool:
        """Wait for the lease; False when told to stop."""
        told = False
        while not self.stopping():
            self.metrics.beat()
            if self.publisher.state is State.FAILED:
                raise BusLostError(self.publisher.failure)
            if self.publisher.state is State.PUBLISHING:
                return True
            if self.publisher.state is State.STANDBY and not told:
                log.info("standing by: another relay of %s is active", self.database)
                self.metrics.state = "standby"
                told = True
            self.wakeup.wait(0.5)
        return False

    def _relay(self) -> None:
        self.sleep.busy()
        deadline = float("inf")
        ahead: Page | None = None
        while True:
            self.metrics.beat()
            self._settle()
            self._check()
            if self.stopping():
                deadline = min(deadline, time.monotonic() + DRAIN)
                if not self.outstanding or time.monotonic() > deadline:
                    self._save()
                    return
                self.wakeup.wait(0.1)
            elif ahead is None and (pause := self._read_at - time.monotonic()) > 0:
                self.wakeup.wait(pause)
            elif ahead is None:
                # Read while the last pages are still on their way.
                ahead = self._next()
            elif sum(len(page.records) for page in self.outstanding) + self._unsaved < self.window.size:
                self.outstanding.append(ahead)
                self.publisher.send(ahead)
                ahead = None
            elif self.outstanding:
                self.wakeup.wait(0.5)
            else:
                self._save()

    def _next(self) -> Page | None:
        """Return the next page to publish; wait as long as is right when there is none."""
        if self.blocked.is_due():
            if self.outstanding:
                # Whatever may have to wait must be parked before others of its subject leave.
                self.wakeup.wait(0.1)
                return None
            if released := self.blocked.released():
                return self._page(released, [], from_parked=True)
        page = self._read()
        if page is None:
            self._idle()
        return page

    def _read(self) -> Page | None:
        """Read the next page, and save the cursor with the same statement; None when there is none."""
        limit = min(PAGE, self.window.size)
        if self._settled is not None:
            failpoints.reach("relay.save")
        found = self.reader.read(self.cursor, limit, self._settled)
        if found is None:
            return None
        s1, (records, self.cursor) = self.cursor.s1, found
        # After the relay's own event it would poll a hundred times for nothing.
        self.sleep.busy(lingers=not all(map(is_probe, records)))
        if records and self._settled is not None:
            self._note_saved()
        pause = self.pace.pause(len(records))
        if len(records) < limit:
            self._read_at = time.monotonic() + pause
        self.metrics.pages += 1
        taken, behind = self._part(records) if self.reader.blocking else (records, [])
        if len(taken) < len(records):
            self.cursor = Cursor(s1, self.cursor.s2, taken[-1].seq if taken else records[0].seq - 1)
            self._read_at = time.monotonic() + NEXT_OF_SUBJECT
        return self._page(taken, behind)

    def _page(self, records: list[OutboxRecord], behind: list[Unpublishable], *, from_parked: bool = False) -> Page:
        refused = [each for record in records if (each := rejection(record, self.catalog)) and not is_probe(record)]
        unpublishable = {each.record.seq: each for each in refused + behind}
        fit = [record for record in records if record.seq not in unpublishable]
        in_order = [unpublishable[seq] for seq in sorted(unpublishable)]
        return Page(fit, self.cursor, in_order, from_parked=from_parked)

    def _part(self, records: list[OutboxRecord]) -> tuple[list[OutboxRecord], list[Unpublishable]]:
        """Return the records that may leave before others of their subjects are settled, and which of them wait."""
        outstanding = {
            record.subject
            for page in self.outstanding
            for record in (*page.records, *(refused.record for refused in page.unpublishable))
            if record.subject
        }
        return self.blocked.part(records, outstanding)

    def _idle(self) -> None:
        if not self.outstanding:
            self._save()
        self._rotate()
        self.sleep.idle()

    def _settle(self) -> None:
        """Park what can't be published, and take note of every page that is finished, in their order."""
        while self.outstanding and self.outstanding[0].finished:
            page = self.outstanding.popleft()
            for refused in page.unpublishable:
                failpoints.reach("relay.park")
                self.reader.park(refused, again=page.from_parked)
                self.blocked.held_back(refused)
                self.metrics.parked[refused.reason] += 1
                log.error(
                    "parked %s (%s): %s, %s", refused.record.id, refused.record.type, refused.reason, refused.detail
                )
            if page.from_parked:
                self.blocked.left(page)
            self.delivered += len(page.records)
            self._unsaved += len(page.records)
            self._settled = page.after
            self.window.confirmed()
        if self._unsaved >= SAVE_EVERY or time.monotonic() - self._saved_at > SAVE_SECONDS:
            self._save()

    def _save(self) -> None:
        """Move the cursor behind everything that is settled."""
        self._saved_at = time.monotonic()
        if self._settled is not None:
            failpoints.reach("relay.save")
            self.reader.save(self._settled)
            self._note_saved()

    def _note_saved(self) -> None:
        failpoints.reach("relay.saved")
        self.metrics.saves += 1
        self._saved_at = time.monotonic()
        self._settled, self._unsaved = None, 0

    def _check(self) -> None:
        if self.publisher.state is not State.PUBLISHING:
            if self.publisher.refused:
                self.window.refused()
            self.exchange_lost = self.publisher.exchange_lost
            # What is confirmed need not be sent again.
            self._save()
            raise BusLostError(self.publisher.failure)
        if self.sleep.awake_lock.failed:
            message = "the connection that holds the awake lock was lost"
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


def _check_port() -> None:
    """Raise BusLostError while nobody listens at RabbitMQ's port: Postgres need not be troubled for every attempt."""
    try:
        bus.check_port()
    except OSError as error:
        message = f"event_bus can't be reached: {said(error)}"
        raise BusLostError(message) from error
