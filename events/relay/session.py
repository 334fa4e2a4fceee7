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
from events.broker import bus
from events.relay import probe
from events.relay.figures import Figures
from events.relay.foreign import Foreign
from events.relay.letters import Cursor, Letter, Page, Unpublishable, refusal
from events.relay.outbox_reader import PAGE, OutboxReader
from events.relay.outlook import Outlook
from events.relay.pace import Pace
from events.relay.paused import Paused, pausing_types
from events.relay.probe import Probe, is_probe
from events.relay.publisher import Publisher, State
from events.relay.sleep import Sleep
from events.relay.wakeup import Wakeup
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
        self, outlook: Outlook, figures: Figures, catalog: frozenset[str], wakeup: Wakeup, stopping: Callable[[], bool]
    ) -> None:
        """Take what tells whether to stop, and the types that may be published."""
        self.outlook = outlook
        self.database = outlook.database
        self.figures = figures
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
            _knock()
            self.reader = OutboxReader(self.database, pausing_types())
            stack.callback(self.reader.close)
            self.sleep = Sleep(self.database, self.wakeup, self.reader.session, self.figures)
            stack.callback(self.sleep.close)
            self.publisher = Publisher(
                *(self.database, self.wakeup.poke, self.figures, self._probe_returned), exchange_lost=self.exchange_lost
            )
            self.exchange_lost = False
            stack.callback(self.publisher.close)
            self.publisher.start()
            if self._has_lease():
                self.cursor = self.reader.claim()
                self.paused = Paused(self.reader)
                log.info("relaying %s from %s, epoch %s", self.database, self.cursor, self.reader.epoch)
                foreign = Foreign(self.database, self.figures)
                stack.callback(foreign.close)
                foreign.start()
                if probe.interval():
                    self.probe = Probe(self.outlook, self.figures, self.reader.epoch)
                    stack.callback(self.probe.close)
                    self.probe.start()
                # Before those above, whose threads may be waiting for a database that is cut off.
                stack.callback(self.publisher.close)
                self.figures.state = "active"
                self._relay()

    def _note_end(self) -> None:
        self.figures.state, self.figures.blocked = "connecting", False
        # Sent, and the cursor doesn't know of it: whoever relays next sends it again.
        self.figures.resent += self._unsaved + sum(len(page.letters) for page in self.outstanding if page.sent_at)

    def _probe_returned(self, event_id: str) -> None:
        if self.probe is not None:
            self.probe.returned(event_id)

    def _has_lease(self) -> bool:
        """Wait for the lease; False when told to stop."""
        told = False
        while not self.stopping():
            self.figures.turn()
            if self.publisher.state is State.FAILED:
                raise BusLostError(self.publisher.failure)
            if self.publisher.state is State.PUBLISHING:
                return True
            if self.publisher.state is State.STANDBY and not told:
                log.info("standing by: another relay of %s is active", self.database)
                self.figures.state = "standby"
                told = True
            self.wakeup.wait(0.5)
        return False

    def _relay(self) -> None:
        self.sleep.busy()
        deadline = float("inf")
        ahead: Page | None = None
        while True:
            self.figures.turn()
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
            elif sum(len(page.letters) for page in self.outstanding) + self._unsaved < self.window.size:
                self.outstanding.append(ahead)
                self.publisher.send(ahead)
                ahead = None
            elif self.outstanding:
                self.wakeup.wait(0.5)
            else:
                self._save()

    def _next(self) -> Page | None:
        """Return the next page to publish; wait as long as is right when there is none."""
        if self.paused.is_due():
            if self.outstanding:
                # Whatever may have to wait must be parked before others of its subject leave.
                self.wakeup.wait(0.1)
                return None
            if released := self.paused.released():
                return self._page(released, [], from_parked=True)
        page = self._read()
        if page is None:
            self._idle()
        return page

    def _read(self) -> Page | None:
        """Read the next page, and save the cursor with the same statement; None when there is none."""
        most = min(PAGE, self.window.size)
        if self._settled is not None:
            failpoints.reach("relay.save")
        found = self.reader.read(self.cursor, most, self._settled)
        if found is None:
            return None
        self.sleep.busy()
        s1, (letters, self.cursor) = self.cursor.s1, found
        if letters and self._settled is not None:
            self._note_saved()
        pause = self.pace.pause(len(letters))
        if len(letters) < most:
            self._read_at = time.monotonic() + pause
        self.figures.pages += 1
        taken, behind = self._part(letters) if self.reader.pausing else (letters, [])
        if len(taken) < len(letters):
            self.cursor = Cursor(s1, self.cursor.s2, taken[-1].seq if taken else letters[0].seq - 1)
            self._read_at = time.monotonic() + NEXT_OF_SUBJECT
        return self._page(taken, behind)

    def _page(self, letters: list[Letter], behind: list[Unpublishable], *, from_parked: bool = False) -> Page:
        refused = [each for letter in letters if (each := refusal(letter, self.catalog)) and not is_probe(letter)]
        unpublishable = {each.letter.seq: each for each in refused + behind}
        fit = [letter for letter in letters if letter.seq not in unpublishable]
        in_order = [unpublishable[seq] for seq in sorted(unpublishable)]
        return Page(fit, self.cursor, in_order, from_parked=from_parked)

    def _part(self, letters: list[Letter]) -> tuple[list[Letter], list[Unpublishable]]:
        """Return the letters that may leave before others of their subjects are settled, and which of them wait."""
        outstanding = {
            letter.subject
            for page in self.outstanding
            for letter in (*page.letters, *(refused.letter for refused in page.unpublishable))
            if letter.subject
        }
        return self.paused.part(letters, outstanding)

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
                self.paused.held_back(refused)
                self.figures.parked[refused.reason] += 1
                log.error(
                    "parked %s (%s): %s, %s", refused.letter.id, refused.letter.type, refused.reason, refused.detail
                )
            if page.from_parked:
                self.paused.left(page)
            self.delivered += len(page.letters)
            self._unsaved += len(page.letters)
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
        self.figures.saves += 1
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


def _knock() -> None:
    """Raise BusLostError while nobody listens at RabbitMQ's port: Postgres need not be troubled for every attempt."""
    try:
        bus.knock()
    except OSError as error:
        message = f"event_bus can't be reached: {said(error)}"
        raise BusLostError(message) from error
