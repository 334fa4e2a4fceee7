"""What the doctor knows: ailments of the event path, each with its remedy."""

import time
from collections.abc import Iterator
from typing import Any, Final

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from events import bus, subscriptions, topology
from functions.local.commands.asking import DATABASES, ask, broker

Ailment = tuple[str, str, str]
"""Where, what, and the remedy."""

OLD: Final = 30
"""Seconds after which an undelivered event, a held-back transaction or an idle lease is an ailment."""

SKEW: Final = 2.0
"""Seconds between this machine's clock and a database's."""

_CACHE: Final = "select seqcache from pg_sequence where seqrelid = pg_get_serial_sequence('outbox', 'seq')::regclass"
_IDENTITY: Final = """
select system_identifier = (pg_control_system()).system_identifier
   and timeline = substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) from relay_cursor
"""
_HELD: Final = """
select pid, application_name, extract(epoch from clock_timestamp() - xact_start)::integer from pg_stat_activity
where backend_xid is not null and xact_start < clock_timestamp() - make_interval(secs => :old)
"""
_PREPARED: Final = "select gid from pg_prepared_xacts where prepared < clock_timestamp() - make_interval(secs => :old)"
_DEFAULT: Final = "select pg_relation_size('outbox_default')"


def found() -> Iterator[Ailment]:
    """Yield everything that is wrong."""
    for database in DATABASES:
        yield from _of_database(database)
    try:
        with broker() as connection:
            yield from _of_broker(connection)
    except (AMQPError, OSError) as error:
        yield "event_bus", f"can't be reached: {error!r}", "start RabbitMQ, or see EVENT_BUS_URL"


def _of_database(database: str) -> Iterator[Ailment]:
    try:
        before = time.time()
        [[clock]] = ask(database, "select extract(epoch from clock_timestamp())::float8")
        skew = max(before - clock, clock - time.time(), 0)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the ailment
        yield (
            database,
            f"can't be asked: {error}",
            f"start it, or see {database.upper()}_URL and the secret of its relay",
        )
        return
    if skew > SKEW:
        yield database, f"its clock is {skew:.0f} s from this machine's", "run NTP on both"
    if ask(database, _CACHE) != [[1]]:
        yield database, "the outbox's sequence hands out numbers in blocks", "alter table outbox alter seq set cache 1"
    if ask(database, _IDENTITY) != [[True]]:
        yield database, "it was restored: the relay stands still", "botberi events cursor rebase SEQ"
    if ask(database, _DEFAULT) != [[0]]:
        yield database, "events lie in the default partition", "let rotate_outbox run: is a relay active?"
    for pid, name, seconds in ask(database, _HELD, old=OLD):
        remedy = f"select pg_terminate_backend({pid}), if nobody needs it"
        yield database, f"the transaction of {name or pid} is open for {seconds} s", remedy
    for [name] in ask(database, _PREPARED, old=OLD):
        yield database, f"the prepared transaction {name} is open", f"commit prepared or rollback prepared '{name}'"


def _of_broker(connection: pika.BlockingConnection) -> Iterator[Ailment]:
    for database in DATABASES:
        lease = f"botberi.relay.{database}"
        if _is_missing(connection, lease, None):
            yield lease, "no relay holds this lease", f"start `python -m events.relay {database}`"
    topologist = "python -m events.topology"
    if _exchange_is_missing(connection):
        yield bus.EXCHANGE, "the exchange is missing", topologist
    for queue in (bus.NOTIFY_QUEUE, *(each.queue for each in subscriptions.read())):
        for name, arguments in (
            (queue, topology.arguments_of(queue)),
            (bus.dead(queue), topology.dead_arguments()),
        ):
            if _is_missing(connection, name, None):
                yield name, "the queue is missing", topologist
            elif _is_missing(connection, name, arguments):
                yield name, "the queue has other arguments", f"empty and delete it, then {topologist}"


def _is_missing(connection: pika.BlockingConnection, name: str, arguments: dict[str, Any] | None) -> bool:
    """Tell whether a queue isn't there; with `arguments`, whether it isn't there with them."""
    channel = connection.channel()
    try:
        channel.queue_declare(name, passive=arguments is None, durable=arguments is not None, arguments=arguments)
    except ChannelClosedByBroker as error:
        # A lease is locked for everybody else.
        return "RESOURCE_LOCKED" not in error.reply_text
    channel.close()
    return False


def _exchange_is_missing(connection: pika.BlockingConnection) -> bool:
    channel = connection.channel()
    try:
        channel.exchange_declare(bus.EXCHANGE, passive=True)
    except ChannelClosedByBroker:
        return True
    channel.close()
    return False
