"""`botberi events parked` and `dead`: list, show, redrive or drop what could not be delivered."""

import json
from typing import Any, Final

import click

from functions.local.commands.asking import ask, database_option, table

_PARKED: Final = "select seq, parked, type, subject, reason, detail from parked_events order by seq limit :limit"
_DEAD: Final = """
select id, died_at, queue, type, subject, reason, attempts from dead_letters where resolution is null
order by id desc limit :limit
"""

limit_option = click.option("--limit", default=50, show_default=True)
dry_run_option = click.option("--dry-run", is_flag=True, help="Only tell what would be done.")


@click.group()
def parked() -> None:
    """Events that can't be published."""


@parked.command("ls")
@database_option
@limit_option
def list_parked(database: str, limit: int) -> None:
    """List them, oldest first."""
    table(("seq", "parked", "type", "subject", "reason", "detail"), ask(database, _PARKED, limit=limit))


@parked.command("show")
@database_option
@click.argument("seq", type=int)
def show_parked(database: str, seq: int) -> None:
    """Show one of them, whole."""
    _show(ask(database, "select to_jsonb(parked_events) from parked_events where seq = :seq", seq=seq))


@parked.command("redrive")
@database_option
@click.argument("seq", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="All of them, oldest first.")
@dry_run_option
def redrive_parked(database: str, seq: tuple[int, ...], every: bool, dry_run: bool) -> None:
    """Publish them once more, with the ids they have."""
    _act(database, "redrive_parked_event", _chosen(database, seq, every), dry_run)


@parked.command("drop")
@database_option
@click.argument("seq", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="All of them.")
@dry_run_option
def drop_parked(database: str, seq: tuple[int, ...], every: bool, dry_run: bool) -> None:
    """Give them up for good."""
    _act(database, "drop_parked_event", _chosen(database, seq, every), dry_run)


def _chosen(database: str, seq: tuple[int, ...], every: bool) -> list[int]:
    if every:
        return [number for [number] in ask(database, "select seq from parked_events order by seq")]
    return list(seq)


def _act(database: str, function: str, chosen: list[int], dry_run: bool) -> None:
    for number in chosen:
        done = dry_run or ask(database, f"select {function}(:seq)", "broker", seq=number) != [[None]]
        verb = "would " if dry_run else ""
        click.echo(f"{number}: {verb}{function.partition('_')[0]}" if done else f"{number}: there is no such event")


@click.group()
def dead() -> None:
    """Events that a subscriber could not handle."""


@dead.command("ls")
@limit_option
def list_dead(limit: int) -> None:
    """List those that nobody has redriven or discarded, newest first."""
    heads = ("id", "died", "queue", "type", "subject", "reason", "attempts")
    table(heads, ask("shared_psql", _DEAD, limit=limit))


@dead.command("show")
@click.argument("letter")
def show_dead(letter: str) -> None:
    """Show one of them, whole."""
    _show(ask("shared_psql", "select to_jsonb(dead_letters) from dead_letters where id = :id", id=letter))


@dead.command("redrive")
@click.argument("letter", nargs=-1)
@dry_run_option
def redrive_dead(letter: tuple[str, ...], dry_run: bool) -> None:
    """Deliver them once more to the queues they died in."""
    _resolve("redrive_dead_letter", letter, dry_run)


@dead.command("drop")
@click.argument("letter", nargs=-1)
@dry_run_option
def drop_dead(letter: tuple[str, ...], dry_run: bool) -> None:
    """Give them up; they stay to be read."""
    _resolve("discard_dead_letter", letter, dry_run)


def _resolve(function: str, letters: tuple[str, ...], dry_run: bool) -> None:
    for letter in letters:
        sql = f"select {function}(:letter, 'command line')"
        done = dry_run or ask("shared_psql", sql, "broker", letter=letter) == [[True]]
        verb = "would " if dry_run else ""
        word = function.partition("_")[0]
        click.echo(f"{letter}: {verb}{word}" if done else f"{letter}: there is no such open dead letter")


def _show(rows: list[list[Any]]) -> None:
    if not rows:
        raise click.ClickException("there is no such event")
    click.echo(json.dumps(rows[0][0], indent=2))
