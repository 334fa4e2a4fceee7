"""What the commands share: questions to the databases and to RabbitMQ, and tables for people."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final

import click
import pika
from pika.exceptions import ChannelClosedByBroker
from sqlalchemy import Connection

from events import bus, subscriptions
from events.postgres import Session
from migrations.databases import connect

DATABASES: Final = ("user_psql", "shared_psql")

database_option = click.option(
    "--database", type=click.Choice(DATABASES), default="shared_psql", show_default=True, help="Which of the two."
)


def ask(database: str, sql: str, role: str = "relay", **values: Any) -> list[list[Any]]:  # noqa: ANN401 - SQL
    """Run a statement in a role and return its rows."""
    with closing(Session(database, role, name="botberi-command")) as session:
        return session.run(sql, **values)


@contextmanager
def databases() -> Iterator[dict[str, Connection]]:
    """Open a transaction on each database, with the rights of the broker's functions."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(connect(name, "broker").begin()) for name in DATABASES}


@contextmanager
def broker() -> Iterator[pika.BlockingConnection]:
    """Connect to RabbitMQ as its administrator."""
    connection = pika.BlockingConnection(bus.parameters("admin", heartbeat=30))
    try:
        yield connection
    finally:
        if connection.is_open:
            connection.close()


def depths() -> dict[str, tuple[int, int] | None]:
    """Return messages and consumers of every queue, dead-letter queues too; None for one that isn't there."""
    found: dict[str, tuple[int, int] | None] = {}
    names = [bus.NOTIFY_QUEUE, *(each.queue for each in subscriptions.read())]
    with broker() as connection:
        for name in [queue for each in names for queue in (each, bus.dead(each))]:
            channel = connection.channel()
            try:
                method = channel.queue_declare(name, passive=True).method
                found[name] = (method.message_count, method.consumer_count)
                channel.close()
            except ChannelClosedByBroker:
                found[name] = None
    return found


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their heads, in columns."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(heads), *texts]) for column in range(len(heads))]
    for number, line in enumerate([list(heads), *texts]):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.secho(text, bold=number == 0)
