"""What the commands share: questions to the databases and to RabbitMQ, and tables for people."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import Final

import click
import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from core import context
from core.configuration import MissingSettingError
from core.logs import said
from core.postgres.errors import Error
from core.postgres.session import Row, Session, Value
from events import subscriptions
from events.broker import bus
from functions.domain.audit.entries import NewEntry, append
from migrations.databases import DATABASES, connect

_ABOUT: Final = "cli.queries.about"
"""Where the ids are kept that a command is about."""

FAILURES: Final = (MissingSettingError, Error, DBAPIError, AMQPError, OSError)
"""The errors of a question: a setting is missing, a server can't be reached, or it refuses."""

database_option = click.option(
    "--database", type=click.Choice(DATABASES), default="shared_psql", show_default=True, help="Which of the two."
)


def ask(database: str, sql: str, role: str = "relay", **values: Value) -> list[Row]:
    """Run a statement in a role and return its rows."""
    with closing(_connected(database, role)) as session:
        return session.run(sql, **values)


def _connected(database: str, role: str) -> Session:
    try:
        return Session(database, role, name="botberi-command")
    except OSError as error:
        message = f"{database.upper()}_URL: {error}"
        raise ConnectionError(message) from error


def transaction(database: str) -> AbstractContextManager[Connection]:
    """Open a transaction on a database, with the rights of the broker's functions."""
    return connect(database, "broker").begin()


def actor() -> str:
    """Return whoever runs the command, as the audit trail names them."""
    return f"command-line:{os.environ.get('USER', os.getuid())}"


@contextmanager
def administering(database: str) -> Iterator[Connection]:
    """Open a transaction on a database with an administrator's rights, for whoever runs the command.

    At its end the command is entered in the audit trail, about what `about` was told.
    """
    with context.entered(context.Context.start(actor=actor())), connect(database, "admin").begin() as connection:
        yield connection
        enter(connection)


def about(*ids: str) -> None:
    """Name what the command that runs is about."""
    click.get_current_context().meta.setdefault(_ABOUT, []).extend(ids)


def enter(connection: Connection, reason: str | None = None, **more: str) -> None:
    """Append the command that runs to the audit trail of a database, with the reason that its options give, and `more`.

    Nothing secret is among that.
    """
    command = click.get_current_context()
    reason = reason or command.params.get("reason")
    details = more if reason is None else {"reason": reason, **more}
    name = command.command_path.partition(" ")[2]
    targets = tuple(dict.fromkeys(command.meta.get(_ABOUT, [])))
    append(connection, NewEntry("command", context.current().actor, name, targets, details=details))


def enter_alone(database: str, role: str, **more: str) -> None:
    """Append the command that runs to the audit trail of a database, in a transaction of its own."""
    with context.entered(context.Context.start(actor=actor())), connect(database, role).begin() as connection:
        enter(connection, **more)


@contextmanager
def databases() -> Iterator[dict[str, Connection]]:
    """Open a transaction on each database."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(transaction(name)) for name in DATABASES}


@contextmanager
def broker() -> Iterator[pika.BlockingConnection]:
    """Connect to RabbitMQ as its administrator."""
    try:
        connection = pika.BlockingConnection(bus.parameters("admin", heartbeat=30))
    except (AMQPError, OSError) as error:
        message = f"EVENT_BUS_URL: {said(error)}"
        raise ConnectionError(message) from error
    try:
        yield connection
    finally:
        if connection.is_open:
            connection.close()


def depths() -> dict[str, tuple[int, int] | None]:
    """Return messages and consumers of every queue, dead-letter queues too; None for one that isn't there."""
    names = [bus.NOTIFY_QUEUE, *(each.queue for each in subscriptions.read())]
    with broker() as connection:
        return {queue: _depth(connection, queue) for each in names for queue in (each, bus.dead(each))}


def exists(queue: str) -> bool:
    """Return whether RabbitMQ has a queue."""
    with broker() as connection:
        return _depth(connection, queue) is not None


def _depth(connection: pika.BlockingConnection, queue: str) -> tuple[int, int] | None:
    channel = connection.channel()
    try:
        method = channel.queue_declare(queue, passive=True).method
    except ChannelClosedByBroker:
        return None
    channel.close()
    return method.message_count, method.consumer_count


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their heads, in columns."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(heads), *texts]) for column in range(len(heads))]
    for number, line in enumerate([list(heads), *texts]):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.secho(text, bold=number == 0)
