"""Sessions: from a log-in until the log-out, thirty idle days, half a year, or a spent refresh token that is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Row, RowMapping, bindparam, delete, func, insert, select, update

from core import context
from core.ids import new_id
from events.catalog.accounts import SessionOpenedElsewhere, SessionRevoked
from events.outbox import emit
from functions.domain.accounts import access_tokens, challenges
from functions.domain.accounts.access_tokens import Authentication, Grant
from functions.domain.accounts.accounts import PUBLIC, Account, active, find_active, of_row
from functions.domain.accounts.refresh_tokens import RefreshToken, RefreshTokenInvalid, new_key
from functions.domain.accounts.tables import accounts, device_logins, oauth_codes, sessions
from functions.domain.api_errors import NotFound, Unauthenticated
from functions.domain.client import Client
from functions.domain.databases import UserDb

IDLE: Final = timedelta(days=30)
"""A session that isn't refreshed for so long has ended."""

LONGEST: Final = timedelta(days=180)
"""A session has ended after so long, however often it was refreshed: then somebody has to log in again."""

REUSED: Final = "refresh_token_reused"
"""Why a session ended of which a spent refresh token came back."""

CLOCK_MARGIN: Final = timedelta(minutes=1)
"""By how much the clocks of two machines may differ."""


class SessionEnded(Unauthenticated):
    """This session was ended, not used for thirty days, or opened half a year ago: log in again."""


class SessionNotFound(NotFound):
    """You have no open session with this id."""


class RefreshTokenReused(Unauthenticated):
    """This refresh token was spent before, so somebody else may hold it: its session has been ended, log in again."""

    commits = True


@dataclass(frozen=True)
class Opened:
    """What the holder of a session is given."""

    access_token: str
    refresh_token: str
    scopes: tuple[str, ...]
    """What the access token is good for."""
    token_type: str = "Bearer"  # noqa: S105 - the scheme of RFC 6750
    expires_in: int = access_tokens.LIFETIME_SECONDS
    """Seconds until the access token expires."""


def open_session(db: UserDb, account: Account, client: Client, *, aal: int = 1, grant: Grant | None = None) -> Opened:
    """Open a session of an account, for a client; `aal` says with how many factors. Raises AccountSuspended.

    With a grant it is that of a client of OAuth.

    If none of its sessions was from this network, or with this program, SessionOpenedElsewhere is emitted.
    """
    key = new_key()
    token = RefreshToken.first(new_id("ses"), key)
    row = {
        "id": token.session_id,
        "account_id": account.id,
        "secret_hash": token.secret_hash,
        "token_key": key,
        "device": client.device,
        "network": client.network,
        "aal": aal,
        **({} if grant is None else vars(grant) | {"scopes": list(grant.scopes)}),
    }
    db.execute(_OPEN, row, execution_options={"unanswered": True})
    # Read again, now that the session refers to it: whoever suspends it or takes a scope away since sees the session.
    found = db.execute(_SEEN, {"session": token.session_id, "at": client.network, "by": client.device}).one()
    if found.elsewhere:
        emit(db, SessionOpenedElsewhere(session_id=token.session_id, account_id=account.id))
    return _opened(active(of_row(found)), token, _authentication(aal, found.authenticated_at), grant)


_OPEN: Final = insert(sessions).values(expires_at=func.now() + IDLE, ends_at=func.now() + LONGEST)

_EARLIER: Final = sessions.alias("earlier")

# Null where it has had none.
_ELSEWHERE: Final = (
    select(
        (func.bool_or(_EARLIER.c.network == bindparam("at")) & func.bool_or(_EARLIER.c.device == bindparam("by"))).is_(
            False
        )
    )
    .where(_EARLIER.c.account_id == sessions.c.account_id, _EARLIER.c.id != sessions.c.id)
    .where(_EARLIER.c.impersonator_id.is_(None))
    .scalar_subquery()
)

_SEEN: Final = (
    select(*PUBLIC, sessions.c.authenticated_at, _ELSEWHERE.label("elsewhere"))
    .join_from(sessions, accounts, accounts.c.id == sessions.c.account_id)
    .where(sessions.c.id == bindparam("session"))
)
"""An account as it is seen with a new session, and whether it has had sessions, but none from its network or none with
its program.
"""


def client_of(db: UserDb, session_id: str) -> tuple[Client, datetime] | None:
    """Return the client of a session when it was last refreshed, and when it was opened; None if it is gone."""
    columns = sessions.c["network", "device", "created_at"]
    row = db.execute(select(*columns).where(sessions.c.id == session_id)).first()
    return None if row is None else (Client(row.network, row.device), row.created_at)


def grant_of(db: UserDb, presented: RefreshToken) -> Grant | None:
    """Return what a refresh token's session is for, if it is that of a client of OAuth; None for people's own.

    Raises RefreshTokenInvalid.
    """
    columns = sessions.c["secret_hash", "counter", "token_key", "client_id", "client_name", "resource", "scopes"]
    row = db.execute(select(*columns).where(sessions.c.id == presented.session_id)).first()
    if row is None or not presented.was_given_out(row.secret_hash, row.counter, row.token_key):
        raise RefreshTokenInvalid
    return _grant(row.client_id, row.client_name, row.resource, row.scopes)


def refresh(db: UserDb, refresh_token: str, client: Client, *, grant: Grant | None = None) -> Opened:
    """Trade a client's refresh token for the next one and a new access token; `grant` is what its session is for.

    The token before the newest is answered with the newest again, for as long as the newest was never presented: its
    holder may not have got it. An older one ends its session, since somebody else may hold it: RefreshTokenReused is
    raised then, and the transaction is to be committed all the same. Raises RefreshTokenInvalid, SessionEnded and
    AccountSuspended too.
    """
    presented = RefreshToken.read(refresh_token)
    row = _locked(db, presented.session_id)
    counter, key = row["counter"], row["token_key"]
    if not presented.was_given_out(row["secret_hash"], counter, key):
        raise RefreshTokenInvalid
    if row["client_id"] != (None if grant is None else grant.client_id):
        raise RefreshTokenInvalid
    context.act_as(row["account_id"])
    if not row["live"]:
        raise SessionEnded
    account = find_active(db, row["account_id"])
    authentication = _authentication(row["aal"], row["authenticated_at"])
    if presented.counter == counter:
        following = presented.at(counter + 1, key)
        _rotate(db, following, client)
        return _opened(account, following, authentication, grant)
    if presented.counter == counter - 1:
        return _opened(account, presented.at(counter, key), authentication, grant)
    revoke(db, presented.session_id, REUSED)
    raise RefreshTokenReused


def revoke(db: UserDb, session_id: str, reason: str) -> None:
    """End a session and emit SessionRevoked; do nothing if it was revoked before."""
    _revoke(db, sessions.c.id == session_id, reason)


def have_second_factor(db: UserDb, session_id: str) -> None:
    """Have a session count as one with two factors, as its next access tokens will tell."""
    level = {"aal": access_tokens.SECOND_FACTOR}
    db.execute(update(sessions).where(sessions.c.id == session_id).values(level))


def revoke_all(db: UserDb, account_id: str, reason: str, words: str = "") -> int:
    """End the open sessions of an account, emit SessionRevoked for each, and return how many there were.

    So do those in which it acts for others, log-ins that have yet to prove a second factor, and those of devices and
    clients that were approved.
    `words` are those of an administrator who ends them.
    """
    _withdraw(db, account_id)
    return _revoke(db, _of(account_id), reason, words)


def revoke_others(db: UserDb, account_id: str, session_id: str, reason: str) -> int:
    """End the open sessions of an account but one, as `revoke_all` does."""
    _withdraw(db, account_id)
    return _revoke(db, _of(account_id) & (sessions.c.id != session_id), reason)


def _of(account_id: str) -> ColumnElement[bool]:
    """Return whether somebody is an account in a session: its owner, or whoever acts for them."""
    return (sessions.c.account_id == account_id) | (sessions.c.impersonator_id == account_id)


def _withdraw(db: UserDb, account_id: str) -> None:
    """Let nobody go on with a log-in to an account that has begun."""
    challenges.withdraw(db, account_id)
    for approved in (device_logins, oauth_codes):
        db.execute(delete(approved).where(approved.c.account_id == account_id))


def revoke_one(db: UserDb, account_id: str, session_id: str, reason: str, words: str = "") -> None:
    """End a session of an account. Raises SessionNotFound unless it is open and the account's."""
    which = (sessions.c.account_id == account_id) & (sessions.c.id == session_id)
    if not _revoke(db, which & (sessions.c.expires_at > func.now()), reason, words):
        raise SessionNotFound


def list_open(
    db: UserDb, account_id: str, current_id: str, *, before: str | None, limit: int
) -> Sequence[Row[*tuple[object, ...]]]:
    """Return the open sessions of an account, the newest first: up to `limit`, of those opened before `before`.

    `current` tells the one with the id `current_id`.
    """
    own = sessions.c["id", "device", "network", "created_at", "refreshed_at", "expires_at"]
    granted = sessions.c["client_id", "client_name", "resource"]
    impersonated = sessions.c["impersonator_id", "impersonation_reason", "may_write"]
    query = select(*own, *granted, *impersonated, (sessions.c.id == current_id).label("current")).where(
        sessions.c.account_id == account_id, sessions.c.revoked_at.is_(None), sessions.c.expires_at > func.now()
    )
    if before is not None:
        query = query.where(sessions.c.id < before)
    return db.execute(query.order_by(sessions.c.id.desc()).limit(limit)).all()


def _revoke(db: UserDb, which: ColumnElement[bool], reason: str, words: str = "") -> int:
    statement = (
        update(sessions)
        .where(which, sessions.c.revoked_at.is_(None))
        .values(revoked_at=func.now(), revoked_reason=reason)
        .returning(*sessions.c["id", "account_id", "revoked_at", "expires_at", "impersonator_id"])
    )
    ended = db.execute(statement).all()
    for row in ended:
        # The one token of an impersonation is good as long as its session would have been.
        last = row.revoked_at + timedelta(seconds=access_tokens.LIFETIME_SECONDS)
        expires_at = (last if row.impersonator_id is None else max(last, row.expires_at)) + CLOCK_MARGIN
        about = {"session_id": row.id, "account_id": row.account_id, "expires_at": expires_at}
        emit(db, SessionRevoked(**about, reason=reason, message=words))
    return len(ended)


def _locked(db: UserDb, session_id: str) -> RowMapping:
    """Return a session, locked so that of two refreshes at once the second sees what the first did."""
    # The clock, not the transaction's start: the second may have waited for the first.
    now = func.clock_timestamp()
    statement = (
        select(
            *sessions.c["account_id", "secret_hash", "token_key", "counter", "aal", "authenticated_at", "client_id"],
            (sessions.c.revoked_at.is_(None) & (sessions.c.expires_at > now)).label("live"),
        )
        .where(sessions.c.id == session_id)
        .with_for_update()
    )
    row = db.execute(statement).mappings().first()
    if row is None:
        raise RefreshTokenInvalid
    return row


def _rotate(db: UserDb, following: RefreshToken, client: Client) -> None:
    values = {
        "counter": following.counter,
        "refreshed_at": func.clock_timestamp(),
        "expires_at": func.least(func.clock_timestamp() + IDLE, sessions.c.ends_at),
        "device": client.device,
        "network": client.network,
    }
    db.execute(update(sessions).where(sessions.c.id == following.session_id).values(values))


def _authentication(aal: int, at: datetime) -> Authentication:
    return Authentication(aal, at.timestamp())


def _grant(client_id: str | None, name: str | None, resource: str | None, scopes: Sequence[str] | None) -> Grant | None:
    if client_id is None:
        return None
    return Grant(client_id, name or "", resource or "", tuple(scopes or ()))


def _opened(account: Account, token: RefreshToken, authentication: Authentication, grant: Grant | None) -> Opened:
    may = account.scopes if grant is None else tuple(each for each in grant.scopes if each in account.scopes)
    return Opened(access_tokens.issue(account.id, token.session_id, may, authentication, grant), str(token), may)
