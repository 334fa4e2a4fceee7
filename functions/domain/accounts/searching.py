"""Accounts as administrators look for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import any_, literal, select

from functions.domain.accounts import accounts
from functions.domain.accounts.accounts import Account
from functions.domain.accounts.emails import normalise
from functions.domain.accounts.tables import accounts as table
from functions.domain.databases import UserDb


@dataclass(frozen=True)
class Which:
    """What has to hold of an account; None for what doesn't matter."""

    email: str | None
    scope: str | None
    suspended: bool | None


def search(db: UserDb, which: Which, *, before: str | None, limit: int) -> Sequence[Account]:
    """Return accounts, the newest first: up to `limit`, of those made before the one with the id `before`.

    Raises EmailInvalid.
    """
    query = select(*accounts.PUBLIC)
    if which.email is not None:
        query = query.where(table.c.email == normalise(which.email))
    if which.scope is not None:
        query = query.where(literal(which.scope) == any_(table.c.scopes))
    if which.suspended is not None:
        query = query.where(table.c.suspended.is_(which.suspended))
    if before is not None:
        query = query.where(table.c.id < before)
    return [accounts.of_row(row) for row in db.execute(query.order_by(table.c.id.desc()).limit(limit))]
