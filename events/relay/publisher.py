"""The publisher: one thread that owns the connection to RabbitMQ, the lease on the database, and what is unconfirmed.

The lease is an exclusive queue declared on the very connection that publishes. The broker frees it only when that
connection is dead, so a relay that was frozen can't publish after another has taken over.

Nobody is told that an exchange was deleted and made anew, and until it has its bindings again no queue takes what comes
to it. So there is a canary: an exchange bound to that of the events, which RabbitMQ deletes with its last binding. What
comes back is parked only while the canary lives.
"""

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final

from core import failpoints
from core.logs import said
from events.broker import bus
from events.broker.connection import Channel, Confirm, Connection, Properties, Return
from events.broker.frames import Message
from events.relay.metrics import RelayMetrics
from events.relay.outbox_records import OutboxRecord, Page, Unpublishable

log = logging.getLogger(__name__)

LEASE_PAUSE: Final = 0.2
"""Seconds until a standby asks for the lease again."""

TOPOLOGY_PAUSE: Final = 0.5
"""Seconds until the exchange is looked for again that is missing."""

SETTLING: Final = 1.0
"""Seconds that an exchange which was missing is left alone: what comes before it has its bindings would be parked."""

_LOCKED: Final = 405

_NOT_FOUND: Final = 404

_HINT: Final = "; `botberi topology` makes the exchange"


class State(Enum):
    """The state of a publisher."""

    CONNECTING = auto()
    STANDBY = auto()
    """Another relay holds the lease."""
    PUBLISHING = auto()
    FAILED = auto()
    """The connection is gone, or is no good any more: `failure` says why. Make a new publisher."""


class Publisher(threading.Thread):
    """Publishes pages with confirms, pipelined. Of use for one connection only."""

    def __init__(
        self,
        database: str,
        poke: Callable[[], None],
        metrics: RelayMetrics,
        returned: Callable[[str], None],
        *,
        exchange_lost: bool = False,
    ) -> None:
        """`poke` is called from this thread whenever `state` has changed or a page is finished.

        `returned` gets the id of each event that was sent to the queue which is the lease. `exchange_lost` says that
        the publisher before failed for that reason.
        """
        super().__init__(name="publisher", daemon=True)
        self.lease = bus.lease(database)
        self.canary = bus.canary(database)
        self.poke = poke
        self.metrics = metrics
        self.returned = returned
        self.state = State.CONNECTING
        self.failure = ""
        self.refused = False
        """Whether it failed because an event was refused for now."""
        self.exchange_lost = False
        """Whether it failed because the exchange that it began with is gone, be there another or not."""
        self.blocked = False
        self.unblocked_at = 0.0
        self._missing = exchange_lost
        """Whether the exchange wasn't there when it was last looked for."""
        self._doubted: Page | None = None
        """The last page of which something came back, so that the canary was looked for."""
        self._unconfirmed: dict[int, tuple[Page, OutboxRecord]] = {}
        self._tag = 0
        self._channel: Any = None
        self._connection: Any = None

    def run(self) -> None:
        """Connect, and serve the connection until it ends."""
        try:
            self._connection = Connection(
                bus.parameters("relay", heartbeat=bus.HEARTBEAT),
                on_open_callback=self._on_open,
                on_open_error_callback=lambda _, error: self._fail(f"event_bus can't be reached: {said(error)}"),
                on_close_callback=lambda _, error: self._fail(f"the connection to event_bus ended: {said(error)}"),
            )
            self._connection.add_on_connection_blocked_callback(lambda *_: self._block(True))
            self._connection.add_on_connection_unblocked_callback(lambda *_: self._block(False))
            self._connection.ioloop.start()
        except Exception as error:  # noqa: BLE001 - whatever ends this thread ends the connection, and is told
            self._fail(f"the publisher failed: {said(error)}")

    def send(self, page: Page) -> None:
        """Publish a page after those before it; from any thread."""
        self._connection.ioloop.add_callback_threadsafe(lambda: self._publish(page))

    def close(self) -> None:
        """Close the connection, whatever is unconfirmed, and wait for the thread."""
        if self._connection is not None:
            self._connection.ioloop.add_callback_threadsafe(self._close)
        self.join(timeout=2)
        if self.is_alive():
            # A RabbitMQ that doesn't answer the goodbye would keep the lease for us, and us standing by for ourselves.
            self._connection.abort()

    def _close(self) -> None:
        # The lease is held as long as RabbitMQ sees the connection: it must not be left to the heartbeats.
        if self._connection.is_open:
            self._connection.close()
        elif not self._connection.is_closing:
            self._connection.ioloop.stop()

    def _fail(self, reason: str) -> None:
        if self.state is not State.FAILED:
            self.failure = reason
            self.state = State.FAILED
        if self._connection is not None:
            self._close()
        self.poke()

    def _block(self, blocked: bool) -> None:
        self.blocked = self.metrics.blocked = blocked
        self.unblocked_at = time.monotonic()
        # RabbitMQ reads nothing then, which the kernel would take for its death.
        timeout = 0 if blocked else bus.TCP_OPTIONS["TCP_USER_TIMEOUT"]
        self._connection.give_up_after(timeout)
        log.warning("event_bus %s publishing", "has stopped (memory or disk alarm)" if blocked else "allows")

    def _on_open(self, connection: Connection) -> None:
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.queue_declare(self.lease, exclusive=True, callback=self._on_lease)

    def _on_channel_closed(self, _channel: Channel, error: Exception) -> None:
        if getattr(error, "reply_code", 0) == _LOCKED:
            self.state = State.STANDBY
            self.poke()
            self._connection.ioloop.call_later(LEASE_PAUSE, lambda: self._on_open(self._connection))
        elif self.state is not State.PUBLISHING and getattr(error, "reply_code", 0) == _NOT_FOUND:
            log.warning("%s waits: event_bus has no exchange %s%s", self.lease, bus.EXCHANGE, _HINT)
            self._missing = True
            self._connection.ioloop.call_later(TOPOLOGY_PAUSE, lambda: self._on_open(self._connection))
        elif self._connection.is_open:
            self.exchange_lost = getattr(error, "reply_code", 0) == _NOT_FOUND
            self._fail(f"the channel to event_bus ended: {said(error)}{_HINT if 'NOT_FOUND' in str(error) else ''}")

    def _on_lease(self, _frame: object) -> None:
        failpoints.reach("relay.lease")
        # A missing exchange would close the channel at the first event: wait for the topology instead.
        self._channel.exchange_declare(bus.EXCHANGE, passive=True, callback=self._on_exchange)

    def _on_exchange(self, _frame: object) -> None:
        self._channel.exchange_declare(self.canary, "fanout", auto_delete=True)
        self._channel.exchange_bind(bus.EXCHANGE, self.canary, callback=self._on_bound)

    def _on_bound(self, _frame: object) -> None:
        self._connection.ioloop.call_later(SETTLING if self._missing else 0, self._begin)
        self._missing = False

    def _begin(self) -> None:
        self._channel.add_on_return_callback(self._on_return)
        # Whoever deletes the queue takes the lease away, and nobody but its consumer is told.
        self._channel.add_on_cancel_callback(lambda _: self._fail("the lease was deleted"))
        self._channel.basic_consume(self.lease, self._on_probe, auto_ack=True, exclusive=True)
        self._channel.confirm_delivery(self._on_confirm, callback=self._on_ready)

    def _on_ready(self, _frame: object) -> None:
        self.state = State.PUBLISHING
        self.poke()

    def _publish(self, page: Page) -> None:
        if self.state is not State.PUBLISHING:
            return
        page.sent_at = time.monotonic()
        page.unconfirmed = len(page.records)
        if not page.records:
            self._finish(page)
            return
        for tag, record in enumerate(page.records, self._tag + 1):
            self._unconfirmed[tag] = (page, record)
        self._tag += len(page.records)
        self.metrics.published += len(page.records)
        self._connection.publish(self._channel.channel_number, map(_message, page.records))
        failpoints.reach("relay.publish", len(page.records))

    def _on_return(self, _channel: Channel, method: Return, properties: Properties, _body: bytes) -> None:
        # A return comes before the confirm of the same message.
        page, record = next(each for each in self._unconfirmed.values() if each[1].id == properties.message_id)
        if record.recipient == self.lease:
            self._fail("the lease was deleted")
            return
        self.metrics.returned += 1
        detail = f"no queue takes it ({method.reply_text}): see the bindings, then redrive"
        page.unpublishable.append(Unpublishable(record, "unroutable", detail))
        if self._doubted is not page:
            # Whatever comes back of a page comes before the answer.
            self._doubted = page
            page.unconfirmed += 1
            self._channel.exchange_declare(self.canary, passive=True, callback=lambda _: self._settle(page))

    def _on_confirm(self, frame: Confirm) -> None:
        method = frame.method
        if method.NAME == "Basic.Nack":
            self.refused = True
            self._fail("event_bus refused an event for now (nack): see whether a queue is full")
            return
        failpoints.reach("relay.confirm")
        first = next(iter(self._unconfirmed)) if method.multiple else method.delivery_tag
        for tag in range(first, method.delivery_tag + 1):
            entry = self._unconfirmed.pop(tag, None)
            if entry is not None:
                self._settle(entry[0])

    def _on_probe(self, _channel: Channel, _method: object, properties: Properties, _body: bytes) -> None:
        self.returned(str(properties.message_id))

    def _settle(self, page: Page) -> None:
        page.unconfirmed -= 1
        if page.unconfirmed == 0:
            self._finish(page)

    def _finish(self, page: Page) -> None:
        self.metrics.confirmed += len(page.records)
        page.finished = True
        self.poke()


def _message(record: OutboxRecord) -> Message:
    exchange, key = (bus.EXCHANGE, record.type) if record.recipient is None else ("", record.recipient)
    return Message(exchange, key, record.id, record.type, record.event.encode())
