"""`botberi publishers`: let other systems publish events, each with a key of its own, and stop them."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from cli.queries import about, administering, table
from functions.domain.api_errors import ApiError
from functions.domain.databases import SharedDb
from functions.domain.event_path import publishers as rules
from functions.domain.event_path.publishers import ListedPublisher, Wanted


@click.group()
def publishers() -> None:
    """Other systems that publish events, by POST /v1/events."""


@publishers.command("create")
@click.argument("name")
@click.option("--source", "sources", multiple=True, required=True, help="What it may call itself: `/example/crm`.")
@click.option("--type", "types", multiple=True, help="Only these types; without it, all that its scopes allow.")
@click.option("--scope", "scopes", multiple=True, help="Which types it may publish beside those for everybody.")
def create(name: str, sources: tuple[str, ...], types: tuple[str, ...], scopes: tuple[str, ...]) -> None:
    """Let a system publish; its key is shown this once."""
    with _acting() as db:
        publisher, key = rules.create(db, Wanted(name, sources, types, scopes))
        about(publisher)
    click.echo(f"{publisher} may publish; its key is kept nowhere and shown only now:", err=True)
    click.echo(key)


@publishers.command("list")
def list_publishers() -> None:
    """List them, with what they may publish."""
    with _acting() as db:
        rows = rules.listed(db)
    heads = ("name", "id", "sources", "types", "scopes", "key made", "state")
    table(heads, [[row.name, row.id, *_facts(row)] for row in rows])


def _facts(row: ListedPublisher) -> list[str]:
    state = f"revoked {row.revoked_at:%Y-%m-%d %H:%M}" if row.revoked_at else "good"
    lists = [" ".join(each) or "all" for each in (row.sources, row.types)]
    return [*lists, " ".join(row.scopes) or "-", f"{row.key_created_at:%Y-%m-%d %H:%M}", state]


@publishers.command("rotate")
@click.argument("name")
@click.option(
    "--overlap",
    type=click.IntRange(0, 604_800),
    default=3600,
    show_default=True,
    help="Seconds that old keys stay good.",
)
def rotate(name: str, overlap: int) -> None:
    """Give a system another key, which is shown this once; the old one goes on for a while."""
    with _acting() as db:
        about(name)
        key = rules.rotate(db, name, overlap=overlap)
    click.echo(f"the old key ends in {overlap} s; the new one is shown only now:", err=True)
    click.echo(key)


@publishers.command("revoke")
@click.argument("name")
@click.option("--reason", required=True, help="Kept in the audit trail.")
def revoke(name: str, reason: str) -> None:
    """Stop a system at once: none of its keys is good any more."""
    with _acting() as db:
        about(name)
        rules.revoke(db, name, reason)
    click.echo(f"{name} may publish nothing any more")


@contextmanager
def _acting() -> Iterator[SharedDb]:
    """Open a transaction with an administrator's rights; what is refused is told in one line."""
    try:
        with administering("shared_psql") as connection:
            yield SharedDb(connection)
    except ApiError as api_error:
        raise click.ClickException(api_error.detail) from None
