"""`botberi events status` and `tail`: what the event path is doing."""

import json
import time
from fnmatch import fnmatchcase
from typing import Any, Final

import click

from events import bus
from functions.domain.event_path import status as event_path
from functions.local.commands.asking import ask, broker, databases, depths, table

_SHELVED: Final = "select queue, count(*) from shelved_events group by queue"


@click.command()
def status() -> None:
    """Show the lease, what waits, what is parked and what is dead, and every queue.

    `shelved` are events of subjects that fail: they wait in shared_psql, so that they hold up nobody else.
    """
    with databases() as places:
        rows = [_row(name, event_path.of(db)) for name, db in places.items()]
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
    found = depths().items()
    shelved = dict(ask("shared_psql", _SHELVED))
    queues = [(name, *(counts or ("missing", "-")), shelved.get(name, 0)) for name, counts in found]
    table(("queue", "ready", "consumers", "shelved"), queues)


def _row(database: str, path: dict[str, Any]) -> list[object]:
    moved, oldest = round(path["progress_seconds"]), round(path["oldest_seconds"] or 0)
    counts = [f"{path[what]}{'+' * (path[what] == event_path.MOST)}" for what in ("waiting", "parked", "dead")]
    lease = [database, path["holder"] or "nobody yet", path["epoch"], path["relays"], f"{moved} s ago"]
    return [*lease, _probe(path), counts[0], f"{oldest} s", *counts[1:]]


def _probe(path: dict[str, Any]) -> str:
    """Tell how long the last probe took through RabbitMQ and back, and when that was."""
    if path["probed_seconds"] is None:
        return "none yet"
    return f"{1000 * path['probe_seconds']:.0f} ms, {path['probed_seconds']:.0f} s ago"


@click.command()
@click.option("--type", "event_type", default="*", help="Only types that match, such as `com.botberi.instance.*`.")
@click.option("--subject", default="*", help="Only subjects that match, such as `ins_*`.")
@click.option("--count", type=int, help="End after so many.")
@click.option("--seconds", type=float, help="End after so long.")
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
            event = json.loads(body) if method is not None and body is not None else {}
            if not event or not (fnmatchcase(event["type"], event_type) and fnmatchcase(event["subject"], subject)):
                continue
            click.echo(json.dumps(event) if as_json else _line(event))
            shown += 1
            if shown == count:
                return


def _line(event: dict[str, Any]) -> str:
    data = json.dumps(event.get("data", {"dataref": event.get("dataref")}))
    colour = ("green", "yellow", "blue", "magenta", "cyan")[sum(map(ord, event["type"])) % 5]
    return f"{event['time']} {click.style(event['type'], fg=colour)} {event['subject']} {click.style(data, dim=True)}"
