"""The reverse direction: events that are addressed to Postgres become a NOTIFY on a channel there, each once.

They are taken in by the batch: one statement, one commit and one acknowledgement for up to five hundred. A batch that
fails is halved until the event that is to blame is alone.
"""

import json
import logging
import queue
import re
import threading
import time
from typing import Any, Final, NamedTuple

from pg8000.exceptions import DatabaseError
from pydantic import ValidationError

from events import bus, failpoints, wire
from events.catalog.load import load
from events.dispatcher.consumer import Consumer, Tap
from events.dispatcher.dead_letters import DeadLetters
from events.dispatcher.delivery import Answer, Delivery, Verdict, received
from events.postgres import Session
from events.wire import CloudEvent, NotAnEventError

log = logging.getLogger(__name__)

DATABASE: Final = "shared_psql"
"""The other database has accounts, sessions and keys, and nothing else."""

BATCH: Final = 500
"""Events that are taken in at a time, at most."""

PATIENCE: Final = 0.02
"""Seconds that a batch waits for more."""

PAUSE: Final = 1.0
"""Seconds between two attempts while the database can't be reached."""

CHANNEL: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""What a channel may be called: whatever Postgres takes without quotes."""

RESERVED: Final = frozenset({"events", "botberi_outbox"})
"""Channels that the event path itself listens on: an event would come back as another."""

_DATA_ERRORS: Final = ("22", "23", "54")
"""SQLSTATE classes for which the event is to blame: data, constraint, a limit of the program."""


class _Item(NamedTuple):
    delivery: Delivery
    event: dict[str, Any]


class Notifier(threading.Thread):
    """Takes in what is addressed to Postgres."""

    def __init__(self, dead_letters: DeadLetters) -> None:
        """Give `tap` to a consumer, and the consumer to `consumer`, before it is started."""
        super().__init__(name="notifier", daemon=True)
        self.consumer: Consumer
        self.dead_letters = dead_letters
        self.notified = 0
        self._catalog = load()
        self._arrived: queue.SimpleQueue[Delivery] = queue.SimpleQueue()
        self._session: Session | None = None

    def tap(self) -> Tap:
        """Return the tap of the queue."""

        def deliver(tag: int, connection: int, body: bytes, _properties: Any) -> None:  # noqa: ANN401 - pika's
            self._arrived.put(received(tag, connection, body))

        return Tap(bus.NOTIFY_QUEUE, 2 * BATCH, deliver, lambda: None)

    def run(self) -> None:
        """Take in batch after batch, for ever."""
        while True:
            deliveries = self._batch()
            self._take_in([item for delivery in deliveries if (item := self._item(delivery))])

    def _batch(self) -> list[Delivery]:
        """Wait for a delivery, and a little for more of the same connection."""
        found = [self._arrived.get()]
        deadline = time.monotonic() + PATIENCE
        while len(found) < BATCH:
            try:
                found.append(self._arrived.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                break
        newest = found[-1].connection
        return [delivery for delivery in found if delivery.connection == newest]

    def _item(self, delivery: Delivery) -> _Item | None:
        """Return a delivery with its event, or give it up."""
        try:
            event = wire.decode(delivery.body)
            self._check(event)
        except (NotAnEventError, ValidationError) as error:
            detail = str(error) if isinstance(error, NotAnEventError) else "the data does not fit the event's schema"
            self._give_up(delivery, detail)
            return None
        return _Item(delivery, json.loads(delivery.body))

    def _check(self, event: CloudEvent) -> None:
        model = self._catalog.get(event.type)
        if model is None:
            raise NotAnEventError("the catalog has no such type")
        channel = event.extension("channel") or ""
        if not CHANNEL.fullmatch(channel) or channel in RESERVED:
            raise NotAnEventError(f"the channel {channel[:70]!r} is missing, unsafe or reserved")
        if event.data or event.extension("dataref") is None:
            model.read(event.data)

    def _give_up(self, delivery: Delivery, detail: str) -> None:
        log.warning("%s can't be a NOTIFY: %s", delivery.event_id, detail)
        delivery.attempts = 1
        self.dead_letters.remember(bus.NOTIFY_QUEUE, delivery, Answer(Verdict.DEAD, "refused", detail))
        self._settle(delivery, handled=False)

    def _settle(self, delivery: Delivery, *, handled: bool) -> None:
        self.consumer.settle(bus.NOTIFY_QUEUE, delivery.tag, delivery.connection, handled=handled)

    def _take_in(self, items: list[_Item]) -> None:
        """Notify of what is new; of what Postgres refuses, give up the one that is to blame."""
        if not items:
            return
        try:
            self.notified += self._notify([item.event for item in items])
            failpoints.reach("notifier.committed")
            for item in items:
                self._settle(item.delivery, handled=True)
        except DatabaseError as error:
            if len(items) == 1:
                self._give_up(items[0].delivery, str(error.args[0].get("M", error)))
                return
            middle = len(items) // 2
            self._take_in(items[:middle])
            self._take_in(items[middle:])

    def _notify(self, events: list[dict[str, Any]]) -> int:
        """Run the statement, waiting for the database; raises DatabaseError when the events are to blame."""
        while True:
            try:
                if self._session is None:
                    self._session = Session(DATABASE, "relay", name="botberi-notifier")
                [[count]] = self._session.run("select notify_events(cast(:events as jsonb))", events=json.dumps(events))
                return int(count)
            except Exception as error:
                if isinstance(error, DatabaseError) and str(error.args[0].get("C", "")).startswith(_DATA_ERRORS):
                    raise
                log.warning("%s can't be notified: %r; trying again", DATABASE, error)
                if self._session is not None:
                    self._session.close()
                    self._session = None
                time.sleep(PAUSE)
