"""Acting for somebody: whoever helps people sees what one of them sees, for a while, and its owner is told.

It is a session of the account, listed among its owner's, who can end it as any other. Its one token names both, and
isn't refreshed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import insert

from core.ids import new_id
from events.catalog.accounts import AccountImpersonated
from events.outbox import emit
from functions.domain.accounts import access_tokens, accounts, administration, live_sessions
from functions.domain.accounts.access_tokens import IMPERSONATION_SECONDS, Impersonation
from functions.domain.accounts.accounts import ROLES
from functions.domain.accounts.administration import ADMIN, OwnAccount
from functions.domain.accounts.refresh_tokens import RefreshToken, new_key
from functions.domain.accounts.sessions import SessionEnded
from functions.domain.accounts.tables import sessions
from functions.domain.api_errors import Forbidden
from functions.domain.databases import UserDb

LONGEST_MINUTES: Final = IMPERSONATION_SECONDS // 60


class StaffNotImpersonated(Forbidden):
    """This is the account of somebody who looks after the platform: nobody acts for them."""


class WriteNeedsAdmin(Forbidden):
    """Only an administrator may change anything for somebody else: begin without `write`, or ask one."""


@dataclass(frozen=True)
class Impersonator:
    """Who wants to act for somebody."""

    id: str
    session_id: str
    """In which they have logged in."""
    scopes: Collection[str]


@dataclass(frozen=True)
class Wanted:
    """What for, and for how long."""

    reason: str
    minutes: int
    may_write: bool


@dataclass(frozen=True)
class Begun:
    """A session in which somebody acts for an account."""

    session_id: str
    access_token: str
    expires_at: datetime
    may_write: bool


def begin(db: UserDb, impersonator: Impersonator, account_id: str, wanted: Wanted) -> Begun:
    """Open a session in which somebody acts for an account, and emit AccountImpersonated.

    Raises OwnAccount, WriteNeedsAdmin, AccountNotFound, StaffNotImpersonated, AccountSuspended, AccountDeleted and
    SessionEnded.
    """
    if account_id == impersonator.id:
        raise OwnAccount
    if wanted.may_write and ADMIN not in impersonator.scopes:
        raise WriteNeedsAdmin
    # Whoever takes the role from the one, or suspends either, is waited for, or ends this session too.
    accounts.hold(db, impersonator.id)
    if not live_sessions.is_live(db, impersonator.session_id):
        raise SessionEnded
    accounts.hold(db, account_id)
    account = administration.find(db, account_id)
    if set(account.scopes) & set(ROLES):
        raise StaffNotImpersonated
    accounts.active(account)
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=wanted.minutes)
    key = new_key()
    # A refresh token that nobody is given.
    token = RefreshToken.first(new_id("ses"), key)
    row = {
        "id": token.session_id,
        "account_id": account_id,
        "secret_hash": token.secret_hash,
        "token_key": key,
        "expires_at": expires_at,
        "ends_at": expires_at,
        "impersonator_id": impersonator.id,
        "impersonation_reason": wanted.reason,
        "may_write": wanted.may_write,
    }
    db.execute(insert(sessions).values(row))
    event = AccountImpersonated(
        account_id=account_id,
        session_id=token.session_id,
        impersonator_id=impersonator.id,
        reason=wanted.reason,
        may_write=wanted.may_write,
        expires_at=expires_at,
    )
    emit(db, event)
    acting = Impersonation(impersonator.id, wanted.may_write)
    signed = access_tokens.impersonate(account_id, token.session_id, acting, int(expires_at.timestamp()))
    return Begun(token.session_id, signed, expires_at, wanted.may_write)
