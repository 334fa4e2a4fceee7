"""`botberi events parked` and `dead`: list, show, redrive or drop what could not be delivered, in both databases."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

import click

from cli.queries import about, actor, databases, enter, table
from core import context
from functions.domain.event_path import dead_letters, resolving
from functions.domain.event_path.dead_letters import DeadLetterNotFound, Filter
from functions.domain.event_path.resolving import Action, Outcome, Resolution
from migrations.databases import DATABASES

_HEADS: Final = ("id", "died_at", "database", "queue", "type", "subject", "reason", "attempts")

_FILTERS: Final = (
    click.option("--database", type=click.Choice(DATABASES), help="Only those that are kept there."),
    click.option("--queue", help="Only those of this queue."),
    click.option("--type", help="Only events of this type."),
    click.option("--reason", help="Only those with this reason, such as `unroutable`."),
)

Command = Callable[..., object]


def filter_options(command: Command) -> Command:
    """Give a command the options of a filter."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


dry_run_option = click.option("--dry-run", is_flag=True, help="Only tell what would be done.")


@click.group()
@click.pass_context
def parked(group: click.Context) -> None:
    """Events that can't be published."""
    group.obj = "parked"


@click.group()
@click.pass_context
def dead(group: click.Context) -> None:
    """Events that a subscriber could not handle."""
    group.obj = "dead"


@click.command("ls")
@filter_options
@click.option("--resolved", is_flag=True, help="Those that were redriven or dropped, instead of the open ones.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.pass_obj
def list_dead_letters(kind: str, /, resolved: bool, limit: int, **filters: str | None) -> None:
    """List them, newest first."""
    with databases() as places:
        rows = dead_letters.listed(places, Filter(kind, **filters), resolved=resolved, after=None, limit=limit)
    table(_HEADS, [[getattr(row, head) or "-" for head in _HEADS] for row in rows])


@click.command("show")
@click.argument("dead_letter")
def show(dead_letter: str) -> None:
    """Show one of them; of free text in its data only the length."""
    try:
        with databases() as places:
            click.echo(json.dumps(asdict(dead_letters.read(places, dead_letter)), indent=2, default=str))
    except DeadLetterNotFound as api_error:
        raise click.ClickException(api_error.detail) from None


@click.command("redrive")
@click.argument("dead_letter", nargs=-1)
@filter_options
@click.option("--all", "every", is_flag=True, help="All that are open, oldest first.")
@click.option("--resolution-reason", help="Kept with them, and in the audit trail.")
@dry_run_option
@click.pass_obj
def redrive(
    kind: str,
    /,
    dead_letter: tuple[str, ...],
    every: bool,
    resolution_reason: str | None,
    dry_run: bool,
    **filters: str,
) -> None:
    """Send them on their way once more, with the ids they have: a dead letter only to the queue it died in."""
    _resolve("redriven", dead_letter, _criteria(kind, filters, every=every), resolution_reason, dry_run=dry_run)


@click.command("drop")
@click.argument("dead_letter", nargs=-1)
@filter_options
@click.option("--all", "every", is_flag=True, help="All that are open.")
@click.option("--resolution-reason", required=True, help="Kept with them, and in the audit trail.")
@dry_run_option
@click.pass_obj
def drop(
    kind: str, /, dead_letter: tuple[str, ...], every: bool, resolution_reason: str, dry_run: bool, **filters: str
) -> None:
    """Give them up; they stay to be read."""
    _resolve("discarded", dead_letter, _criteria(kind, filters, every=every), resolution_reason, dry_run=dry_run)


for command in (list_dead_letters, show, redrive, drop):
    parked.add_command(command)
    dead.add_command(command)


def _criteria(kind: str, filters: dict[str, str], *, every: bool) -> Filter | None:
    return Filter(kind, **filters) if every or any(filters.values()) else None


def _resolve(
    resolution: Resolution,
    named: tuple[str, ...],
    criteria: Filter | None,
    resolution_reason: str | None,
    *,
    dry_run: bool,
) -> None:
    """Redrive or discard the dead letters that are named, or with all that the filter chooses, one action after
    another.
    """
    if bool(named) == (criteria is not None):
        raise click.UsageError("give either ids, or a filter, or --all")
    resolved_by = actor()
    action = Action(resolution, resolved_by=resolved_by, reason=resolution_reason, dry_run=dry_run)
    more = True
    while more:
        with context.entered(context.Context.start(actor=resolved_by)), databases() as places:
            if criteria is None:
                outcome = resolving.resolve_by_id(places, action, named)
            else:
                outcome = resolving.resolve_matching(places, action, criteria)
            if outcome.ids and not dry_run:
                about(*outcome.ids)
                for place in places.values():
                    enter(place, resolution_reason)
        _tell(action, outcome)
        more = outcome.more and bool(outcome.ids) and not dry_run
    if outcome.more:
        rest = "which would follow" if dry_run else "behind those that can't be: choose by queue, type or reason"
        click.echo(f"there are more, {rest}")
    if named and outcome.skipped:
        raise click.exceptions.Exit(1)


def _tell(action: Action, outcome: Outcome) -> None:
    verb = f"would be {action.resolution}" if action.dry_run else action.resolution
    for dead_letter in outcome.ids:
        click.echo(f"{dead_letter}: {verb}")
    for dead_letter, api_error in outcome.skipped.items():
        click.echo(f"{dead_letter}: {api_error.message()}")
    if not outcome.ids and not outcome.skipped:
        click.echo("nothing is open that fits")
