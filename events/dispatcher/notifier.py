"""The reverse direction: events that are addressed to Postgres become a NOTIFY on a channel there, each once.

They are taken in by the batch: one statement, one commit and one acknowledgement for up to five hundred. A batch that
fails is halved until the event that is to blame is alone. While Postgres takes in one batch, the next is looked at.
"""

import logging
import queue
import threading
import time
from typing import Final, NamedTuple

from pydantic import ValidationError

from core import failpoints
from core.logs import said
from core.postgres.errors import DatabaseError, sqlstate
from core.postgres.session import Reconnecting
from events.broker import bus
from events.broker.connection import Properties
from events.catalog.load import load
from events.dispatcher.consumer import ConsumedQueue, Consumer
from events.dispatcher.dead_letters import DeadLetters
from events.dispatcher.delivery import CallResult, Verdict, received
from events.dispatcher.validation import ValidatedEvent, Validator
from events.wire import NotAnEventError

log = logging.getLogger(__name__)

DATABASE: Final = "shared_psql"
"""The other database has accounts, sessions and keys, and nothing else."""

BATCH: Final = 500
"""Events that are taken in at a time, at most."""

BATCH_TIMEOUT: Final = 0.02
"""Seconds that a batch waits for more."""

PAUSE: Final = 1.0
"""Seconds between two attempts while the database can't be reached."""

_DATA_ERRORS: Final = ("22", "23", "54")
"""SQLSTATE classes for which the event is to blame: data, constraint, a limit of the program."""


_SEPARATOR: Final = "\x1e"
"""Stands neither in an attribute nor in JSON: Postgres splits by it faster than it reads an array."""

INGEST: Final = """
select ingest_events(
  string_to_array(:sources, chr(30)), string_to_array(:ids, chr(30)), string_to_array(:channels, chr(30)),
  string_to_array(:events, chr(30)))
"""


class _Message(NamedTuple):
    tag: int
    connection: int
    body: bytes


class _Item(NamedTuple):
    message: _Message
    validated: ValidatedEvent


class Notifier(threading.Thread):
    """Ingests the events that are addressed to Postgres, each of which becomes a NOTIFY."""

    def __init__(self, dead_letters: DeadLetters) -> None:
        """Give `consumed_queue` to a consumer, and the consumer to `consumer`, before it is started."""
        super().__init__(name="notifier", daemon=True)
        self.consumer: Consumer
        self.dead_letters = dead_letters
        self.batches = 0
        self.notified = 0
        self.duplicates = 0
        self._validator = Validator(load())
        self._arrived: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._checked: queue.Queue[list[_Item]] = queue.Queue(maxsize=1)
        self._database = Reconnecting(DATABASE, "relay", name="botberi-notifier")

    def consumed_queue(self) -> ConsumedQueue:
        """Return how to consume from the queue."""

        def deliver(tag: int, connection: int, body: bytes, _properties: Properties | None) -> None:
            self._arrived.put(_Message(tag, connection, body))

        # One batch that Postgres takes in, one that was looked at, and one that arrives.
        return ConsumedQueue(bus.NOTIFY_QUEUE, 3 * BATCH, deliver, lambda: None)

    def run(self) -> None:
        """Validate batch after batch, for ever, and hand them to the thread that ingests."""
        threading.Thread(target=self._ingest_all, name="notifier-database", daemon=True).start()
        while True:
            messages = self._batch()
            self._checked.put([item for message in messages if (item := self._item(message))])

    def _ingest_all(self) -> None:
        while True:
            self._ingest(self._checked.get())

    def _batch(self) -> list[_Message]:
        """Wait for a message, and a little for more of the same connection."""
        found = [self._arrived.get()]
        deadline = time.monotonic() + BATCH_TIMEOUT
        while len(found) < BATCH:
            try:
                found.append(self._arrived.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                break
        newest = found[-1].connection
        return [message for message in found if message.connection == newest]

    def _item(self, message: _Message) -> _Item | None:
        """Return a message with its event, or give it up."""
        try:
            return _Item(message, self._validator.validate(message.body))
        except (NotAnEventError, ValidationError) as error:
            detail = str(error) if isinstance(error, NotAnEventError) else "the data does not fit the event's schema"
            self._give_up(message, detail)
            return None

    def _give_up(self, message: _Message, detail: str) -> None:
        delivery = received(message.tag, message.connection, message.body)
        log.warning("%s can't be a NOTIFY: %s", delivery.event_id, detail)
        delivery.attempts = 1
        self.dead_letters.remember(bus.NOTIFY_QUEUE, delivery, CallResult(Verdict.DEAD, "refused", detail))
        self._settle([message], handled=False)

    def _settle(self, messages: list[_Message], *, handled: bool) -> None:
        tags = [message.tag for message in messages]
        self.consumer.settle_all(bus.NOTIFY_QUEUE, tags, messages[0].connection, handled=handled)

    def _ingest(self, items: list[_Item]) -> None:
        """Ingest a batch; if Postgres refuses it, ingest its halves, and give up an event that is refused by itself."""
        if not items:
            return
        try:
            fresh = self._notify([item.validated for item in items])
            self.batches += 1
            self.notified += fresh
            self.duplicates += len(items) - fresh
            failpoints.reach("notifier.committed")
            self._settle([item.message for item in items], handled=True)
        except DatabaseError as error:
            if len(items) == 1:
                self._give_up(items[0].message, said(error))
                return
            middle = len(items) // 2
            self._ingest(items[:middle])
            self._ingest(items[middle:])

    def _notify(self, events: list[ValidatedEvent]) -> int:
        """Run the statement, waiting for the database; raises DatabaseError when the events are to blame."""
        while True:
            try:
                [[count]] = self._database.open().run(INGEST, **joined(events))
                return int(count)
            except Exception as error:
                if sqlstate(error).startswith(_DATA_ERRORS):
                    raise
                log.warning("%s can't be notified: %s; trying again", DATABASE, error)
                self._database.close()
                time.sleep(PAUSE)


def joined(events: list[ValidatedEvent]) -> dict[str, str]:
    """Return the values of INGEST: of events with the same source and id, the first."""
    distinct: dict[tuple[str, str], ValidatedEvent] = {}
    for each in events:
        distinct.setdefault((each.source, each.id), each)
    sources, ids, channels, texts = map(_SEPARATOR.join, zip(*distinct.values(), strict=True))
    return {"sources": sources, "ids": ids, "channels": channels, "events": texts}
