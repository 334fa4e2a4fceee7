"""Dead letters become rows of shared_psql, whoever gave up on them, so that an administrator can see and act.

A message leaves its dead-letter queue when its row is committed. The dispatcher remembers why it gave up; of what
another consumer gave up, only RabbitMQ's word is known.
"""

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from core import failpoints
from core.ids import new_id
from core.postgres.session import Reconnecting
from events.broker import bus
from events.broker.connection import Properties
from events.dispatcher.consumer import ConsumedQueue, Consumer
from events.dispatcher.delivery import MAX_NAME, CallResult, Delivery, Verdict, attributes, received

log = logging.getLogger(__name__)

PREFETCH: Final = 20
"""Dead letters that are held at a time, for each queue."""

PAUSE: Final = 2.0
"""Seconds between two attempts to write a row."""

MEMORY: Final = 10_000
"""Reasons that are remembered at most."""

INSERT: Final = """
insert into dead_letters (id, queue, event_id, source, type, subject, reason, detail, attempts, event)
values (:id, :queue, :event_id, :source, :type, :subject, :reason, :detail, :attempts, :event)
on conflict (queue, source, event_id) where resolution is null do nothing
"""
"""Takes what `dead_letter_row` returns."""


@dataclass(frozen=True)
class _Message:
    queue: str
    tag: int
    connection: int
    body: bytes
    headers: Mapping[str, object]


class DeadLetters(threading.Thread):
    """Writes dead letters to shared_psql, one after another; while it can't, the messages stay in their queues."""

    def __init__(self) -> None:
        """Give `consumed_queues` to a consumer, and the consumer to `consumer`, before it is started."""
        super().__init__(name="dead-letters", daemon=True)
        self.consumer: Consumer
        self.written: Counter[str] = Counter()
        """Dead letters by the queue that they died in."""
        self._arrived: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._why: dict[tuple[str, str, str], tuple[CallResult, int]] = {}
        self._database = Reconnecting("shared_psql", "relay", name="botberi-dead-letters")

    def consumed_queue(self, origin: str) -> ConsumedQueue:
        """Return how to consume from the dead-letter queue of the queue `origin`."""
        self.written[origin] = 0

        def deliver(tag: int, connection: int, body: bytes, properties: Properties | None) -> None:
            self._arrived.put(
                _Message(origin, tag, connection, body, dict(properties.headers or {}) if properties else {})
            )

        return ConsumedQueue(bus.dead(origin), PREFETCH, deliver, lambda: None, with_properties=True)

    def remember(self, origin: str, delivery: Delivery, result: CallResult) -> None:
        """Remember why a delivery of the queue `origin` was given up, until its dead letter arrives."""
        if len(self._why) < MEMORY:
            self._why[origin, delivery.source, delivery.event_id] = (result, delivery.attempts)

    def run(self) -> None:
        """Write what arrives, for ever."""
        while True:
            message = self._arrived.get()
            while not self._written(message):
                time.sleep(PAUSE)
            failpoints.reach("dead_letters.written")
            self.consumer.settle(bus.dead(message.queue), message.tag, message.connection, handled=True)

    def _written(self, message: _Message) -> bool:
        try:
            self._database.open().run(INSERT, **self._row(message))
        except Exception as error:  # noqa: BLE001 - whatever it is, the message stays where it is
            log.warning("dead letters can't be written to shared_psql: %s; trying again", error)
            self._database.close()
            return False
        self.written[message.queue] += 1
        return True

    def _row(self, message: _Message) -> dict[str, str | int]:
        delivery = received(message.tag, message.connection, message.body)
        key = (message.queue, delivery.source, delivery.event_id)
        result, delivery.attempts = self._why.pop(key, (_unknown(message.headers), 0))
        return dead_letter_row(message.queue, delivery, result)


def dead_letter_row(queue: str, delivery: Delivery, result: CallResult) -> dict[str, str | int]:
    """Return the row of a dead letter, whatever its body holds."""
    event = attributes(delivery.body)
    given = {name: event.get(name) for name in ("source", "type", "subject")}
    known = {name: _name(value) if isinstance(value, str) else "unknown" for name, value in given.items()}
    return {
        "id": new_id("ded"),
        "queue": queue,
        # Two that have no id are two dead letters.
        "event_id": _name(delivery.event_id),
        **known,
        "reason": result.reason,
        "detail": _storable(result.detail),
        "attempts": delivery.attempts,
        "event": _storable(delivery.body.decode(errors="replace")),
    }


def _unknown(headers: Mapping[str, object]) -> CallResult:
    """Return the result for a dead letter that another consumer rejected, by RabbitMQ's header `x-death`."""
    match headers.get("x-death"):
        case [{"reason": str(reason)}, *_]:
            pass
        case _:
            reason = "unknown"
    return CallResult(Verdict.DEAD, reason, "given up by another consumer")


def _storable(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _name(text: str) -> str:
    """Return the text if it fits an index of Postgres, otherwise its beginning with a digest of all of it."""
    name = _storable(text)
    if len(name.encode()) <= MAX_NAME:
        return name
    return f"{name[:100]}-{sha256(name.encode()).hexdigest()}"
