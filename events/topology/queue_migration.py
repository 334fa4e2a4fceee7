"""A queue whose arguments change is made anew, and loses nothing: its arguments can't be changed in place.

What is in it goes to the dispatcher's retry store in shared_psql, in order; what comes meanwhile waits in a queue
beside it, and follows. Once the queue is there anew, its events follow those of the retry store, as they always do. It
can be killed anywhere and run again: what was written down twice is there once.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import pika
from pika.exceptions import ChannelClosedByBroker

from core import failpoints
from core.postgres.session import Session
from events.broker.drift import MIGRATING, Wanted
from events.catalog.load import load
from events.dispatcher.delivery import Delivery, received
from events.dispatcher.key_queues import Deferral
from events.dispatcher.retry_store import DATABASE, DEFER, written

log = logging.getLogger(__name__)

BATCH: Final = 200
"""Events that are moved at a time."""

TIMEOUT: Final = 15.0
"""Seconds to wait until nobody consumes from the queue."""

QUIET: Final = 1.0
"""Seconds in which nothing came: then a queue of which nothing is left is empty."""


class MigrationRefusedError(Exception):
    """The queue can't be moved now; the message says what to do."""


@dataclass(frozen=True)
class QueueMigration:
    """The move of one queue."""

    connection: pika.BlockingConnection
    wanted: Wanted
    queue: str

    @property
    def temporary(self) -> str:
        """The queue that takes in what comes meanwhile."""
        return self.queue + MIGRATING

    def run(self, *, is_old: bool) -> None:
        """Move what is in the queue, which exists with its old arguments or (not `is_old`) was made anew before."""
        self._refuse_consumers()
        with closing(Session(DATABASE, "relay", name="botberi-topology")) as retry_store:
            if is_old:
                self._declare(self.temporary, {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000})
                self._bind(self.temporary)
                failpoints.reach("queue_migration.temporary")
                self._unbind(self.queue)
                failpoints.reach("queue_migration.unbound")
                self._defer(self.queue, retry_store, self.temporary)
                self._delete(self.queue)
                failpoints.reach("queue_migration.deleted")
            self._declare(self.queue, self.wanted.queues[self.queue])
            failpoints.reach("queue_migration.anew")
            # Whoever consumes first keeps the others from it: nobody handles what comes after what waits beside it.
            with closing(self._occupied(self.queue)):
                self._bind(self.queue)
                failpoints.reach("queue_migration.bound")
                self._unbind(self.temporary)
                self._defer(self.temporary, retry_store, self.queue)
                failpoints.reach("queue_migration.followed")
                self._delete(self.temporary)

    def _refuse_consumers(self) -> None:
        deadline = time.monotonic() + TIMEOUT
        while (count := consumers(self.connection, self.queue)) and time.monotonic() < deadline:
            self.connection.sleep(0.5)
        if count:
            raise MigrationRefusedError(
                f"{self.queue} has to be made anew, with other arguments, and is in use: nothing was changed in it. "
                "Stop the dispatcher, which consumes from it, run this again, and start the dispatcher again. Redrive "
                "no dead letters meanwhile."
            )

    def _declare(self, name: str, arguments: dict[str, Any]) -> None:
        with closing(self.connection.channel()) as channel:
            channel.queue_declare(name, durable=True, arguments=arguments)

    def _delete(self, name: str) -> None:
        with closing(self.connection.channel()) as channel:
            channel.queue_delete(name)

    def _bind(self, name: str) -> None:
        with closing(self.connection.channel()) as channel:
            for exchange, _, key in self._bindings():
                channel.queue_bind(name, exchange, key)

    def _unbind(self, name: str) -> None:
        # From whatever it may have received: to unbind what isn't bound is no error.
        exchanges = {exchange for exchange, _, _ in self._bindings()}
        keys = {key for _, _, key in self._bindings()} | set(load()) | {"#"}
        with closing(self.connection.channel()) as channel:
            for exchange in exchanges:
                for key in keys:
                    channel.queue_unbind(name, exchange, key)

    def _bindings(self) -> list[tuple[str, str, str]]:
        return [each for each in self.wanted.bindings if each[1] == self.queue]

    def _occupied(self, name: str) -> Any:  # noqa: ANN401 - pika's channel
        channel = self.connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(name, lambda *_: None)
        return channel

    def _defer(self, name: str, retry_store: Session, otherwise: str) -> None:
        """Put everything that is in a queue in the retry store; what is no event has no order to keep, and goes
        elsewhere.
        """
        moved = 0
        with closing(self.connection.channel()) as channel:
            channel.confirm_delivery()
            channel.basic_qos(prefetch_count=BATCH)
            for deliveries in self._batches(channel, name):
                storable = [each for each in deliveries if each.is_storable]
                opened = {each.subject: (0, 0.0) for each in storable}
                retry_store.run(DEFER, queue=self.queue, **written(Deferral(0, opened, storable)))
                failpoints.reach("queue_migration.deferred")
                for each in deliveries:
                    if not each.is_storable:
                        channel.basic_publish("", otherwise, each.body, pika.BasicProperties(delivery_mode=2))
                channel.basic_ack(deliveries[-1].tag, multiple=True)
                moved += len(deliveries)
            channel.cancel()
        log.info("%s events of %s wait in the retry store", moved, name)

    def _batches(self, channel: Any, name: str) -> Iterator[list[Delivery]]:  # noqa: ANN401 - pika's
        batch: list[Delivery] = []
        for method, _, body in channel.consume(name, inactivity_timeout=QUIET):
            if method is not None:
                batch.append(received(method.delivery_tag, 0, body))
            if batch and (method is None or len(batch) == BATCH):
                yield batch
                batch = []
            elif method is None and not ready(self.connection, name):
                return


def consumers(connection: pika.BlockingConnection, name: str) -> int:
    """Return how many consume from a queue; none if it isn't there."""
    return _counted(connection, name)[1]


def ready(connection: pika.BlockingConnection, name: str) -> int:
    """Return how many messages wait in a queue for a consumer; none if it isn't there."""
    return _counted(connection, name)[0]


def _counted(connection: pika.BlockingConnection, name: str) -> tuple[int, int]:
    channel = connection.channel()
    try:
        method = channel.queue_declare(name, passive=True).method
    except ChannelClosedByBroker:
        return 0, 0
    channel.close()
    return int(method.message_count), int(method.consumer_count)
