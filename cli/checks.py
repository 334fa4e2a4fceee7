"""The checks of `botberi events doctor`: they find problems of the event path, each with its remedy."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pika
from pika.exceptions import AMQPError

from cli.queries import ask, broker
from core.logs import said
from events import subscriptions
from events.broker import bus, management
from events.broker.drift import DEAD, Drift, compare
from events.broker.management import Existing
from events.dispatcher.clock import schedules_of
from events.relay.outbox_reader import IDENTITY
from events.topology import declaration
from migrations.databases import DATABASES

Problem = tuple[str, str, str]
"""Where the problem is, what it is, and the remedy."""

OLD: Final = 30
"""Seconds after which a held-back transaction or a slot that was not fired is a problem."""

SKEW: Final = 2.0
"""Seconds between this machine's clock and a database's."""

DEFERRED: Final = 600
"""Seconds after which a subject that fails is a problem."""

TOPOLOGIST: Final = "botberi topology"

ROTATE: Final = "let rotate_outbox run, which an active relay does every ten minutes"

FUNCTIONS: Final = {
    "user_psql": ["emit_event", "wake_relay", "rotate_outbox"],
    "shared_psql": [
        "emit_event",
        "wake_relay",
        "rotate_outbox",
        "ingest_events",
        "defer_events",
        "settle_deferred_events",
        "fire_schedule",
    ],
}

_CACHE: Final = "select seqcache from pg_sequence where seqrelid = pg_get_serial_sequence('outbox', 'seq')::regclass"
_HELD: Final = """
select pid, application_name, extract(epoch from clock_timestamp() - xact_start)::integer from pg_stat_activity
where coalesce(backend_xid, backend_xmin) is not null and pid <> pg_backend_pid()
  and backend_type = 'client backend'
  and xact_start < clock_timestamp() - make_interval(secs => :old)
"""
_PREPARED: Final = "select gid from pg_prepared_xacts where prepared < clock_timestamp() - make_interval(secs => :old)"
_SLOTS: Final = "select slot_name from pg_replication_slots where not active and restart_lsn is not null"
_READY: Final = """
select coalesce((select max(seq) from outbox), 0) / 250000 < max(substr(relname, 9)::bigint)
from pg_class where relname ~ '^outbox_p[0-9]+$' and relkind = 'r'
"""
_ABSENT: Final = "select name from unnest(cast(:names as text[])) as name where to_regproc(name) is null"
_FIRED: Final = "select max(slot) from cron_slots where schedule = :name"
_DEFERRED: Final = """
select queue, count(*), extract(epoch from clock_timestamp() - min(since))::integer from deferred_subjects
where since < clock_timestamp() - make_interval(secs => :old) group by queue order by queue
"""


def found(now: Callable[[], float] = time.time) -> Iterator[Problem]:
    """Yield everything that is wrong; `now` is this machine's clock."""
    for database in DATABASES:
        yield from _of_database(database, now)
    try:
        with broker() as connection:
            yield from _of_broker(connection)
    except (AMQPError, OSError) as error:
        yield "event_bus", f"can't be reached: {said(error)}", "start RabbitMQ, or see EVENT_BUS_URL"


def _of_database(database: str, now: Callable[[], float]) -> Iterator[Problem]:
    try:
        before = now()
        [[clock]] = ask(database, "select extract(epoch from clock_timestamp())::float8")
        skew = max(before - clock, clock - now(), 0)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the problem
        yield (
            database,
            f"can't be asked: {said(error)}",
            f"start it, or see {database.upper()}_URL and the secret of its relay",
        )
        return
    if skew > SKEW:
        yield database, f"its clock is {skew:.0f} s from this machine's", "run NTP on both"
    absent = [name for [name] in ask(database, _ABSENT, names=FUNCTIONS[database])]
    for name in absent:
        yield database, f"the function {name} is missing", f"botberi migrate {database}"
    if ask(database, _CACHE) != [[1]]:
        yield database, "the outbox's sequence hands out numbers in blocks", "alter table outbox alter seq set cache 1"
    if ask(database, IDENTITY) != [[True]]:
        remedy = f"botberi events cursor rebase --database {database} SEQ"
        yield database, "it was restored: the relay stands still", remedy
    if ask(database, _READY) != [[True]]:
        yield database, "no partition of the outbox is ready for what comes", ROTATE
    yield from _held_back(database)
    if database == "shared_psql" and not absent:
        yield from _of_dispatcher(datetime.fromtimestamp(now(), UTC))


def _held_back(database: str) -> Iterator[Problem]:
    """Yield the transactions and slots that hold back vacuum; the relay can't sleep meanwhile."""
    for pid, name, seconds in ask(database, _HELD, old=OLD):
        remedy = f"select pg_terminate_backend({pid}), if nobody needs it"
        yield database, f"the transaction of {name or pid} is open for {seconds} s", remedy
    for [name] in ask(database, _PREPARED, old=OLD):
        yield database, f"the prepared transaction {name} is open", f"commit prepared or rollback prepared '{name}'"
    for [name] in ask(database, _SLOTS):
        remedy = f"select pg_drop_replication_slot('{name}'), if its standby is no more"
        yield database, f"the replication slot {name} is used by nobody, and holds back vacuum or WAL", remedy


def _of_dispatcher(now: datetime) -> Iterator[Problem]:
    for schedule in schedules_of(subscriptions.read()):
        due, _ = schedule.around(now)
        [[newest]] = ask("shared_psql", _FIRED, name=schedule.name)
        if due is not None and (newest is None or newest < due) and now - due > timedelta(seconds=OLD):
            yield schedule.name, f"its slot of {due.isoformat()} was not fired", "start `python -m events.dispatcher`"
    for queue, count, seconds in ask("shared_psql", _DEFERRED, old=DEFERRED):
        remedy = "see what its function logs; they go on when it handles them, or become dead letters"
        yield queue, f"{count} subjects fail, the first for {seconds} s", remedy


def _of_broker(connection: pika.BlockingConnection) -> Iterator[Problem]:
    try:
        existing = management.look()
    except management.ManagementError as error:
        yield "event_bus", f"can't be asked what exists: {error}", "see EVENT_BUS_MANAGEMENT_URL"
        return
    for database in DATABASES:
        lease = bus.lease(database)
        if lease not in existing.queues:
            yield lease, "no relay holds this lease", f"start `python -m events.relay {database}`"
    wanted = declaration.wanted_by(subscriptions.read())
    yield from _of_topology(compare(wanted, existing), existing)
    for queue in sorted(set(wanted.queues) & set(existing.queues)):
        if not declaration.contents(connection, queue)[1]:
            remedy = "start `python -m events.dispatcher`; it takes nothing until the function answers /_/ready"
            yield queue, "nobody consumes from it", remedy


def _of_topology(drift: Drift, existing: Existing) -> Iterator[Problem]:
    for exchange in drift.exchanges:
        yield exchange, "the exchange is missing", TOPOLOGIST
    for exchange in drift.kinds:
        yield exchange, "the exchange is of another kind", f"delete it, then {TOPOLOGIST}"
    for queue in drift.queues:
        kind = "the dead-letter queue" if queue.endswith(DEAD) else "the queue"
        yield queue, f"{kind} is missing", TOPOLOGIST
    for exchange, queue, key in drift.bindings:
        if queue in existing.queues:
            yield queue, f"it is not bound to {key} of {exchange}", TOPOLOGIST
    for _, queue, key in drift.stale:
        yield queue, f"it receives {key}, which its subscriber doesn't", TOPOLOGIST
    for queue in drift.changed:
        yield queue, "it has other arguments", f"{declaration.REMEDY} ({TOPOLOGIST})"
    for queue in drift.gone:
        yield queue, "it belongs to no subscription any more", f"{TOPOLOGIST} --delete-gone"
