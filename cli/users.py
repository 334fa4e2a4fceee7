"""`botberi users`: make, suspend, restore and verify accounts, say what they may do, and reset second factors."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from cli.queries import about, administering, table
from functions.domain.accounts import accounts, administration, verification
from functions.domain.accounts.accounts import SCOPES, Account
from functions.domain.api_errors import ApiError
from functions.domain.databases import UserDb

reason_option = click.option(
    "--reason", required=True, help="Kept in the audit trail; the account's owner may see it, too."
)


@click.group()
def users() -> None:
    """People's accounts: what they may do, and whether they may do anything."""


@users.command("show")
@click.argument("who")
def show(who: str) -> None:
    """Show the account WHO, an e-mail address or an id."""
    with _account(who) as (_, account):
        state = "suspended" if account.suspended else "deleted" if account.purge_at else "active"
        row = [account.id, account.email, " ".join(account.scopes), state, account.created_at.isoformat()]
    table(("id", "email", "scopes", "state", "created_at"), [row])


@users.command("create")
@click.argument("email")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help="What it may do; `user` if none.")
def create(email: str, scopes: tuple[str, ...]) -> None:
    """Create an account for EMAIL, whose address counts as verified; its password is read from standard input."""
    password = sys.stdin.readline().rstrip("\r\n")
    try:
        with administering("user_psql") as connection:
            db = UserDb(connection)
            account = accounts.create_account(db, email, password, scopes)
            verification.note(db, account.id)
            about(account.id)
    except ApiError as api_error:
        told = " ".join([api_error.detail, *(each.message for each in api_error.errors)])
        raise click.ClickException(f"{email}: {told}") from None
    click.echo(f"{account.id} is there, and may do {' '.join(account.scopes)}")


@users.command("suspend")
@click.argument("who")
@reason_option
def suspend(who: str, reason: str) -> None:
    """Let nobody use the account WHO, an e-mail address or an id; what is open ends within seconds."""
    with _account(who) as (db, account):
        done = administration.suspend(db, account.id, reason)
    click.echo(f"{account.id} is suspended" if done else f"{account.id} was suspended before")


@users.command("restore")
@click.argument("who")
@reason_option
def restore(who: str, reason: str) -> None:
    """Let the account WHO, an e-mail address or an id, be used again that is suspended or was deleted by its owner."""
    with _account(who) as (db, account):
        done = administration.restore(db, account.id, reason)
    click.echo(f"{account.id} is restored" if done else f"{account.id} was neither suspended nor deleted")


@users.command("scopes")
@click.argument("who")
@click.argument("scopes", nargs=-1, required=True, type=click.Choice(SCOPES))
@reason_option
def change_scopes(who: str, scopes: tuple[str, ...], reason: str) -> None:
    """Let the account WHO, an e-mail address or an id, do what SCOPES say and nothing else.

    When it loses one, its sessions end within seconds.
    """
    with _account(who) as (db, account):
        done = administration.change_scopes(db, account.id, scopes, reason)
    click.echo(f"{account.id} {'now has' if done else 'had just'} {' '.join(scopes)}")


@users.command("verify")
@click.argument("who")
def verify(who: str) -> None:
    """Vouch for the address of the account WHO, an e-mail address or an id, which may launch instances then."""
    with _account(who) as (db, account):
        done = administration.verify(db, account.id)
    click.echo(f"{account.id} {'is verified' if done else 'was verified before'}")


@users.command("reset-factors")
@click.argument("who")
@reason_option
def reset_factors(who: str, reason: str) -> None:
    """Let the account WHO, an e-mail address or an id, log in with its password alone.

    For somebody who has lost their second factor and recovery codes: make sure that it is they who ask. Their sessions
    end within seconds.
    """
    with _account(who) as (db, account):
        done = administration.reset_factors(db, account.id, reason)
    click.echo(f"{account.id} {'has no second factor any more' if done else 'had no second factor'}")


@contextmanager
def _account(who: str) -> Iterator[tuple[UserDb, Account]]:
    """Open a transaction with an administrator's rights, and find an account in it."""
    try:
        with administering("user_psql") as connection:
            db = UserDb(connection)
            account = accounts.find_by_email(db, who) if "@" in who else accounts.find(db, who)
            about(account.id)
            yield db, account
    except ApiError as api_error:
        raise click.ClickException(f"{who}: {api_error.detail}") from None
