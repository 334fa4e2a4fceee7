"""`botberi events status` and `tail`: what the event path is doing."""

import json
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

import click

from cli.queries import FAILURES, ask, broker, depths, table, transaction
from core.logs import said
from events.broker import bus
from events.wire import CloudEvent, NotAnEventError, decode
from functions.domain.event_path import status as event_path
from migrations.databases import DATABASES

_DEFERRED: Final = "select queue, count(*) from deferred_events group by queue"


@click.command()
def status() -> None:
    """Show the lease, what waits, what is parked and what is dead, and every queue.

    `deferred` are events of subjects that fail: they wait in shared_psql, so that they hold up nobody else. Exits with
    1 when something can't be asked.
    """
    trouble = [*_show_databases(), *_show_queues()]
    if trouble:
        raise click.ClickException("\n".join(trouble))


def _show_databases() -> Iterator[str]:
    """Show each database that can be asked, and yield why others can't."""
    rows = []
    for name in DATABASES:
        try:
            with transaction(name) as db:
                rows.append(_row(name, event_path.of(db)))
        except FAILURES as error:
            yield f"{name} can't be asked: {said(error)}"
    heads = (
        "database",
        "last lease",
        "epoch",
        "relays",
        "moved",
        "probe",
        "waiting",
        "oldest",
        "parked",
        "dead letters",
    )
    table(heads, rows)
    click.echo()


def _show_queues() -> Iterator[str]:
    try:
        found = depths()
    except FAILURES as error:
        yield f"event_bus can't be asked: {said(error)}"
        return
    deferred = _deferred()
    queues = [
        (name, *(counts or ("missing", "-")), "?" if deferred is None else deferred.get(name, 0))
        for name, counts in found.items()
    ]
    table(("queue", "ready", "consumers", "deferred"), queues)


def _deferred() -> dict[str, int] | None:
    """Return how many events of each queue wait in the retry store; None when nobody can be asked."""
    try:
        return {queue: int(count) for queue, count in ask("shared_psql", _DEFERRED)}
    except FAILURES:
        return None


def _row(database: str, path: event_path.Status) -> list[object]:
    moved, oldest = round(path.progress_seconds), round(path.oldest_seconds or 0)
    counts = [f"{count}{'+' * (count == event_path.LIMIT)}" for count in (path.waiting, path.parked, path.dead)]
    lease = [database, path.holder or "nobody yet", path.epoch, path.relays, f"{moved} s ago"]
    return [*lease, _probe(path), counts[0], f"{oldest} s", *counts[1:]]


def _probe(path: event_path.Status) -> str:
    """Return how long the last probe took through RabbitMQ and back, and when that was."""
    if path.probed_seconds is None or path.probe_seconds is None:
        return "none yet"
    return f"{1000 * path.probe_seconds:.0f} ms, {path.probed_seconds:.0f} s ago"


@click.command()
@click.option("--type", "event_type", default="*", help="Only types that match, such as `com.botberi.instance.*`.")
@click.option("--subject", default="*", help="Only subjects that match, such as `ins_*`.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="End after so long.")
@click.option("--json", "as_json", is_flag=True, help="The events as they are, one a line.")
def tail(event_type: str, subject: str, count: int | None, seconds: float | None, as_json: bool) -> None:
    """Show events as they pass through RabbitMQ."""
    end = time.monotonic() + seconds if seconds else float("inf")
    shown = 0
    with broker() as connection:
        channel = connection.channel()
        queue = str(channel.queue_declare("", exclusive=True).method.queue)
        channel.queue_bind(queue, bus.EXCHANGE, "#")
        click.secho("listening", dim=True, err=True)
        for method, _, body in channel.consume(queue, auto_ack=True, inactivity_timeout=0.2):
            if time.monotonic() > end:
                return
            if method is None or body is None:
                continue
            event = _event(body)
            if event is None or not (fnmatchcase(event.type, event_type) and fnmatchcase(event.subject, subject)):
                continue
            click.echo(json.dumps(json.loads(body)) if as_json else _line(event))
            shown += 1
            if shown == count:
                return


def _event(body: bytes) -> CloudEvent | None:
    """Return the event that RabbitMQ has carried; for what is none, say so and return None."""
    try:
        return decode(body)
    except NotAnEventError as error:
        click.secho(f"{len(body)} bytes are no event: {error}", dim=True, err=True)
        return None


def _line(event: CloudEvent) -> str:
    dataref = event.extension("dataref")
    data = json.dumps({"dataref": dataref} if dataref and not event.data else event.data)
    colour = ("green", "yellow", "blue", "magenta", "cyan")[sum(map(ord, event.type)) % 5]
    return f"{event.time} {click.style(event.type, fg=colour)} {event.subject} {click.style(data, dim=True)}"
