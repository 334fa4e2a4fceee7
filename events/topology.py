"""`python -m events.topology`: create the exchanges, queues and bindings that the subscriptions ask for.

Safe to repeat. Every subscription has a durable quorum queue of one active consumer, and a dead-letter queue. What
can't be delivered is moved there at least once: it leaves the one queue when the other has it.
"""

import logging
import sys
import time
from typing import Any, Final

import pika
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker

from events import bus, logs, subscriptions
from events.subscriptions import Subscription

log = logging.getLogger(__name__)

PERMISSIONS: Final = {
    "botberi_admin": (".*", ".*", ".*"),
    "botberi_relay": (r"^botberi\.relay\.", r"^(botberi\.events|amq\.default)$", r"^botberi\.relay\."),
    "botberi_dispatcher": ("^$", "^$", r"^botberi\."),
    # Its own queues, bound to the exchange: it publishes nothing and reads nobody else's.
    "botberi_gateway": (r"^botberi\.gateway\.", r"^botberi\.gateway\.", r"^botberi\.(gateway\..*|events)$"),
}
"""What each user of RabbitMQ may configure, write and read, as regular expressions on names."""

DELIVERY_LIMIT: Final = 100
"""Deliveries that end without an answer, as when the dispatcher is killed, before an event is a dead letter.

Each of them counts for all events that the consumer was holding, so the limit is for the event that kills its
consumer. The dispatcher counts its attempts by itself. Without a limit of our own it would be none before RabbitMQ 4,
and 20 from there.
"""

PATIENCE: Final = 60
"""Seconds to wait for a broker that is still starting."""

_MISMATCH: Final = 406


class QueueDiffersError(Exception):
    """A queue exists with other arguments, which can't be changed in place."""


def arguments_of(queue: str) -> dict[str, Any]:
    """Return the arguments of a subscription's queue."""
    return {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": bus.DEAD_EXCHANGE,
        "x-dead-letter-routing-key": queue,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def dead_arguments() -> dict[str, Any]:
    """Return the arguments of a dead-letter queue: nothing ever leaves it by itself."""
    return {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}


def declare(connection: pika.BlockingConnection, wanted: list[Subscription]) -> None:
    """Make exchanges, queues and bindings exist, or raise QueueDiffersError."""
    channel = connection.channel()
    channel.exchange_declare(bus.EXCHANGE, "topic", durable=True)
    channel.exchange_declare(bus.DEAD_EXCHANGE, "direct", durable=True)
    channel.exchange_declare(bus.NOTIFY_EXCHANGE, "topic", durable=True)
    _declare_pair(connection, bus.NOTIFY_QUEUE)
    channel.queue_bind(bus.NOTIFY_QUEUE, bus.NOTIFY_EXCHANGE, "#")
    for subscription in wanted:
        queue = subscription.queue
        _declare_pair(connection, queue)
        for event_type in subscription.types:
            channel.queue_bind(queue, bus.EXCHANGE, event_type)
        log.info("%s hears %s", queue, ", ".join(subscription.types))
    channel.close()


def _declare_pair(connection: pika.BlockingConnection, queue: str) -> None:
    """Make a queue exist, and its dead-letter queue before it."""
    _declare_queue(connection, bus.dead(queue), dead_arguments())
    channel = connection.channel()
    channel.queue_bind(bus.dead(queue), bus.DEAD_EXCHANGE, queue)
    channel.close()
    _declare_queue(connection, queue, arguments_of(queue))


def _declare_queue(connection: pika.BlockingConnection, queue: str, arguments: dict[str, Any]) -> None:
    channel = connection.channel()
    try:
        channel.queue_declare(queue, durable=True, arguments=arguments)
    except ChannelClosedByBroker as error:
        if error.reply_code != _MISMATCH:
            raise
        message = (
            f"the queue {queue} exists with other arguments ({error.reply_text}). Nothing was changed in it. Stop the "
            f"relays, let the dispatcher empty it, delete it (rabbitmqctl delete_queue {queue}), and run this again."
        )
        raise QueueDiffersError(message) from error
    channel.close()


def connect() -> pika.BlockingConnection:
    """Connect as the administrator, waiting a minute at most for a broker that is starting."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return pika.BlockingConnection(bus.parameters("admin"))
        except (AMQPConnectionError, OSError) as error:
            if time.monotonic() > deadline:
                raise
            log.warning("event_bus can't be reached, waiting: %r", error)
            time.sleep(1)


def main() -> None:
    """Declare everything and say what there is."""
    logs.configure("topology")
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    try:
        connection = connect()
        declare(connection, subscriptions.read())
        connection.close()
    except QueueDiffersError as error:
        sys.exit(str(error))
    except (AMQPConnectionError, OSError) as error:
        sys.exit(f"event_bus can't be reached at EVENT_BUS_URL: {error!r}")


if __name__ == "__main__":
    main()
