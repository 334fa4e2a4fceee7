"""`botberi events replay`, `cursor` and `doctor`: what is done when something went wrong."""

from typing import Final

import click

from cli import checks
from cli.queries import ask, database_option, enter_alone, exists, table
from core.logs import said
from core.postgres.errors import DatabaseError

_CHOSEN: Final = """
where recipient is null and created >= cast(:since as timestamptz) and seq <= :newest
  and (cast(:type as text) is null or type = :type) and (cast(:subject as text) is null or subject = :subject)
"""

_COUNT: Final = "select count(*) from outbox"

_REPLAY: Final = """
insert into outbox (id, source, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor,
                    recipient, channel, created)
select id, source, type, subject, partitionkey, data, traceparent, correlationid, causationid, actor,
       cast(:queue as text), channel, created
from outbox
"""


@click.command()
@database_option
@click.option("--from", "since", required=True, help="A time as Postgres reads it: `2026-01-02 03:04Z`, `today`.")
@click.option("--type", "event_type", help="Only events of this type.")
@click.option("--subject", help="Only events about this subject.")
@click.option("--to", "queue", help="Only to this queue, instead of to all that are bound.")
@click.option("--dry-run", is_flag=True, help="Only count.")
def replay(  # noqa: PLR0917 - each is an option
    database: str, since: str, event_type: str | None, subject: str | None, queue: str | None, dry_run: bool
) -> None:
    """Publish again what the outbox still has, in its order and with the same ids.

    Subscribers that have handled an event do nothing about it: this is for queues that are new or were lost.
    """
    if queue is not None and not exists(queue):
        message = f"RabbitMQ has no queue {queue}: see `botberi events status`"
        raise click.ClickException(message)
    since = _instant(database, since)
    [[newest]] = ask(database, "select coalesce(max(seq), 0) from outbox")
    values = {"since": since, "newest": newest, "type": event_type, "subject": subject}
    if dry_run:
        [[count]] = ask(database, _COUNT + _CHOSEN, **values)
        click.echo(f"{count} events would be published again")
        return
    # First, so that nothing is published again of which there is no entry.
    chosen = {"since": since, "type": event_type, "subject": subject, "queue": queue}
    enter_alone(database, "migrator", **{name: value for name, value in chosen.items() if value is not None})
    rows = ask(database, _REPLAY + _CHOSEN + "order by seq returning seq", "migrator", queue=queue, **values)
    ask(database, "select wake_relay()")
    click.echo(f"{len(rows)} events are published again")


def _instant(database: str, text: str) -> str:
    """Return the time that Postgres takes a text for; raises ClickException."""
    try:
        [[instant]] = ask(database, "select cast(cast(:text as timestamptz) as text)", text=text)
    except DatabaseError as error:
        raise click.ClickException(f"--from: {said(error).replace('…', text)}") from None
    return str(instant)


@click.group()
def cursor() -> None:
    """Where a relay stands."""


@cursor.command("show")
@database_option
def show_cursor(database: str) -> None:
    """Show it."""
    heads = ("s1", "s2", "last_seq", "epoch", "holder", "system_identifier", "timeline", "updated")
    rows = ask(
        database,
        "select s1::text, s2::text, last_seq, epoch, holder, system_identifier, timeline, updated from relay_cursor",
    )
    for head, value in zip(heads, rows[0], strict=True):
        click.echo(f"{head:18} {value}")


@cursor.command("rebase")
@database_option
@click.argument("seq", type=click.IntRange(min=0))
@click.confirmation_option(prompt="Everything behind this number will be delivered, again if it was before. Go on?")
def rebase_cursor(database: str, seq: int) -> None:
    """After a restore: take everything behind SEQ as undelivered."""
    enter_alone(database, "migrator", seq=str(seq))
    [[waiting]] = ask(database, "select rebase_relay(:seq)", "migrator", seq=seq)
    click.echo(f"{waiting} events are to be delivered")


@click.command()
@click.pass_context
def doctor(context: click.Context) -> None:
    """Look for what is wrong, and say how it is put right; exits with 1 when something was found."""
    found = list(checks.found())
    if not found:
        click.secho("nothing is wrong", fg="green")
        return
    table(("where", "what", "remedy"), found)
    context.exit(1)
