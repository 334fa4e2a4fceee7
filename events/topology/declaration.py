"""`botberi topology`: create the exchanges, queues and bindings that the subscriptions ask for.

Safe to repeat; it says what it changed, and with `--check` what it would. Every subscription has a durable quorum queue
of one active consumer, and a dead-letter queue. What can't be delivered is moved there at least once: it leaves the one
queue when the other has it.
"""

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Final, NoReturn

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError, ChannelClosedByBroker
from pydantic import JsonValue

from core import logs
from events import subscriptions
from events.broker import bus, management
from events.broker.drift import Wanted, compare
from events.broker.management import Existing
from events.catalog.load import load
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

TIMEOUT: Final = 60
"""Seconds to wait for a broker that is still starting."""

_MISMATCH: Final = 406

REMEDY: Final = (
    "Stop the relays (events wait in the outbox), let its consumer empty it, stop the dispatcher, and run this with "
    "--redeclare."
)


class DiffersError(Exception):
    """A queue or exchange exists as another than it should be, which can't be changed in place."""


def arguments_of(queue: str) -> dict[str, JsonValue]:
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


def dead_arguments() -> dict[str, JsonValue]:
    """Return the arguments of a dead-letter queue: nothing ever leaves it by itself."""
    return {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}


def wanted_by(subscriptions: list[Subscription]) -> Wanted:
    """Return what has to exist for the subscriptions."""
    queues: dict[str, dict[str, JsonValue]] = {}
    bindings = [(bus.NOTIFY_EXCHANGE, bus.NOTIFY_QUEUE, "#")]
    for queue in (bus.NOTIFY_QUEUE, *(each.queue for each in subscriptions)):
        queues[bus.dead(queue)] = dead_arguments()
        queues[queue] = arguments_of(queue)
        bindings.append((bus.DEAD_EXCHANGE, bus.dead(queue), queue))
    bindings += [(bus.EXCHANGE, each.queue, key) for each in subscriptions for key in each.types]
    exchanges = {bus.EXCHANGE: "topic", bus.DEAD_EXCHANGE: "direct", bus.NOTIFY_EXCHANGE: "topic"}
    return Wanted(exchanges, queues, bindings)


def declare(connection: pika.BlockingConnection, wanted: list[Subscription]) -> None:
    """Make exchanges, queues and bindings exist, or raise DiffersError."""
    everything = wanted_by(wanted)
    for queue, arguments in everything.queues.items():
        _declare_queue(connection, queue, arguments)
    channel = connection.channel()
    # Each with its bindings at once: what a relay publishes to an exchange that has none yet is parked.
    for name, kind in everything.exchanges.items():
        _declare_exchange(channel, name, kind)
        for exchange, queue, key in everything.bindings:
            if exchange == name:
                channel.queue_bind(queue, exchange, key)
    channel.close()


def _declare_exchange(channel: BlockingChannel, name: str, kind: str) -> None:
    try:
        channel.exchange_declare(name, kind, durable=True)
    except ChannelClosedByBroker as error:
        if error.reply_code != _MISMATCH:
            raise
        message = (
            f"the exchange {name} exists as another kind ({error.reply_text}). Delete it on RabbitMQ's page, and run "
            "this again: relays wait meanwhile, and lose nothing."
        )
        raise DiffersError(message) from error


def _declare_queue(connection: pika.BlockingConnection, queue: str, arguments: dict[str, JsonValue]) -> None:
    channel = connection.channel()
    try:
        channel.queue_declare(queue, durable=True, arguments=arguments)
    except ChannelClosedByBroker as error:
        if error.reply_code != _MISMATCH:
            raise
        message = (
            f"the queue {queue} exists with other arguments ({error.reply_text}). Nothing was changed in it. {REMEDY}"
        )
        raise DiffersError(message) from error
    channel.close()


def change(
    connection: pika.BlockingConnection, subscribed: list[Subscription], existing: Existing, *, redeclare: bool = False
) -> Iterator[str]:
    """Make what exists what is wanted, and yield what was changed; raises DiffersError.

    Queues with other arguments are deleted and made anew where `redeclare` says so and nothing is in them.
    """
    wanted = wanted_by(subscribed)
    drift = compare(wanted, existing)
    if redeclare:
        for queue in drift.changed:
            _delete_unused(connection, queue)
    declare(connection, subscribed)
    with closing(connection.channel()) as channel:
        for exchange, queue, key in drift.stale:
            channel.queue_unbind(queue, exchange, key)
    yield from drift.messages()


def _delete_unused(connection: pika.BlockingConnection, queue: str) -> None:
    # RabbitMQ can't be told to delete a quorum queue only if it is empty and unused.
    held, consumers = contents(connection, queue)
    if held or consumers:
        message = f"{queue} holds {held} messages and has {consumers} consumers: nothing was changed in it. {REMEDY}"
        raise DiffersError(message)
    with closing(connection.channel()) as channel:
        channel.queue_delete(queue)


def contents(connection: pika.BlockingConnection, queue: str) -> tuple[int, int]:
    """Return how many messages wait in a queue, and how many consume from it; none if it isn't there."""
    channel = connection.channel()
    try:
        method = channel.queue_declare(queue, passive=True).method
    except ChannelClosedByBroker:
        return 0, 0
    channel.close()
    return int(method.message_count), int(method.consumer_count)


def retire(connection: pika.BlockingConnection, queues: list[str], *, delete: bool) -> Iterator[str]:
    """Yield what becomes of queues whose subscriptions are gone; with `delete` they go too, unless they hold messages.

    Those that do receive nothing more, so that they can be emptied.
    """
    for queue in queues:
        pair = (queue, bus.dead(queue))
        if delete:
            # Before anything is counted: a queue that still receives is empty only for the moment.
            with closing(connection.channel()) as channel:
                for key in (*load(), "#"):
                    channel.queue_unbind(queue, bus.EXCHANGE, key)
        (held, consumers), (dead, _) = (contents(connection, name) for name in pair)
        if not delete:
            yield f"{queue} belongs to no subscription any more and holds {held + dead} messages: see --delete-gone"
        elif held or dead or consumers:
            yield f"{queue} receives nothing more, and is kept: it holds {held + dead} messages or is in use"
        else:
            with closing(connection.channel()) as channel:
                for name in pair:
                    channel.queue_delete(name)
            yield f"{queue} and its dead-letter queue are deleted"


def connect() -> pika.BlockingConnection:
    """Connect as the administrator, waiting a minute at most for a broker that is starting."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return pika.BlockingConnection(bus.parameters("admin"))
        except (AMQPConnectionError, OSError) as error:
            if time.monotonic() > deadline:
                raise
            log.warning("event_bus can't be reached, waiting: %s", error)
            time.sleep(1)


def main() -> None:
    """Make everything exist and say what was changed."""
    parser = argparse.ArgumentParser(prog="topology", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what would be done; exit 1 if there is anything")
    parser.add_argument("--delete-gone", action="store_true", help="delete empty queues of subscriptions that are gone")
    parser.add_argument("--redeclare", action="store_true", help="make empty queues anew whose arguments changed")
    make(**vars(parser.parse_args()))


def make(*, check: bool, delete_gone: bool, redeclare: bool) -> NoReturn:
    """Declare the topology, or with `check` only print what would change; ends the process with a code or a message."""
    logs.configure("topology", terse=True)
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    try:
        sys.exit(run(check=check, delete_gone=delete_gone, redeclare=redeclare))
    except (DiffersError, management.ManagementError) as error:
        sys.exit(str(error))
    except (AMQPConnectionError, OSError) as error:
        sys.exit(f"event_bus can't be reached at EVENT_BUS_URL: {logs.said(error)}")


def run(*, check: bool, delete_gone: bool, redeclare: bool) -> int:
    """Declare the topology, or with `check` only print what would change; return the exit code."""
    subscribed = subscriptions.read()
    with closing(connect()) as connection:
        try:
            existing = management.look()
        except management.ManagementError as error:
            if check:
                raise
            log.warning("what exists is not compared: %s", error)
            declare(connection, subscribed)
            return 0
        drift = compare(wanted_by(subscribed), existing)
        changed = change(connection, subscribed, existing, redeclare=redeclare)
        found = list(drift.messages() if check else changed)
        found += retire(connection, drift.gone, delete=delete_gone and not check)
        for sentence in found or ["everything is as it should be"]:
            sys.stdout.write(f"{sentence}\n")
        return int(check and found != [])
