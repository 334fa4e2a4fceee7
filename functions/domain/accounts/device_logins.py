"""Device log-ins (RFC 8628): a program without a browser logs in, once somebody elsewhere has approved its code.

The program is given two codes: a long one with which it asks again and again, and a short one that it shows to its
user. Who is logged in types the short one in, sees who asked, and approves or denies. Of both codes there are hashes;
the short one is good for ten minutes, and guesses at it are throttled.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.accounts import DeviceApproved
from events.outbox import emit
from functions.domain.accounts import accounts, live_sessions, pages, sessions
from functions.domain.accounts.sessions import Opened, SessionEnded
from functions.domain.accounts.tables import device_logins
from functions.domain.api_errors import Forbidden, Gone, Malformed, NotFound
from functions.domain.client import Client
from functions.domain.databases import UserDb

LIFETIME_SECONDS: Final = 600

INTERVAL_SECONDS: Final = 5
"""How long a program waits before it asks again, at first; who doesn't has to wait so much longer from then on."""

ALPHABET: Final = "BCDFGHJKMNPQRTVWX"
"""Letters of user codes: no vowels, which would make words, and none that looks like a digit or another of them."""

_LETTERS: Final = 8
_PREFIX: Final = "dev_"


class AuthorizationPending(Malformed):
    """Nobody has approved this yet: ask again after the interval."""

    commits = True


class SlowDown(Malformed):
    """You ask too often: wait five seconds longer than before between two requests, from now on."""

    commits = True


class AccessDenied(Forbidden):
    """Somebody has denied this log-in."""


class ExpiredToken(Gone):
    """Nobody has approved this in time: begin anew."""


class InvalidGrant(Malformed):
    """There is no such device code, it was used or withdrawn, or it is another client's: begin anew."""


class UserCodeNotFound(NotFound):
    """No program waits with this code: it is mistyped, was used, or is more than ten minutes old."""


@dataclass(frozen=True)
class Begun:
    """What a program is given that wants to log in."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int = LIFETIME_SECONDS
    interval: int = INTERVAL_SECONDS


@dataclass(frozen=True)
class Asking:
    """A program that waits to be approved."""

    client: str
    """What it calls itself."""
    device: str
    network: str
    requested_at: datetime
    expires_at: datetime


_ASKING: Final = tuple(device_logins.c["client", "device", "network", "created_at", "expires_at"])


def begin(db: UserDb, client_id: str, client: Client) -> Begun:
    """Return codes for a program that calls itself `client_id` and asks from somewhere."""
    device_code = _PREFIX + secrets.token_urlsafe(32)
    row = {
        "device_code_hash": _hash(device_code),
        "client": client_id,
        "device": client.device,
        "network": client.network,
        "expires_at": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, LIFETIME_SECONDS),
        "interval_seconds": INTERVAL_SECONDS,
    }
    user_code = _user_code()
    # Of seven thousand million codes somebody may have the same: then another is made.
    while not _add(db, {**row, "user_code_hash": _hash(user_code)}):
        user_code = _user_code()
    shown = f"{user_code[:4]}-{user_code[4:]}"
    page = pages.address("device")
    # Behind a # the code reaches the page's script, and no server's log on the way.
    return Begun(device_code, shown, page, f"{page}#user_code={shown}")


def asking(db: UserDb, user_code: str) -> Asking:
    """Return who waits with a user code, however it is written. Raises UserCodeNotFound."""
    return _asking(db.execute(select(*_ASKING).where(_waits(user_code))).first())


def decide(db: UserDb, user_code: str, account_id: str, session_id: str, *, approve: bool) -> Asking:
    """Approve or deny a log-in to an account, in a session of it, once; emit DeviceApproved if it is approved.

    Raises UserCodeNotFound, SessionEnded, AccountSuspended and AccountDeleted.
    """
    accounts.hold(db, account_id)
    accounts.find_active(db, account_id)
    # Whoever ends sessions was waited for, and may have ended this one.
    if not live_sessions.is_live(db, session_id):
        raise SessionEnded
    values = {"account_id": account_id, "approved": approve}
    # Of two at once the second waits for the first, and finds that it was decided.
    decided = update(device_logins).where(_waits(user_code)).values(values).returning(*_ASKING)
    found = _asking(db.execute(decided).first())
    if approve:
        emit(db, DeviceApproved(account_id=account_id))
    return found


def finish(db: UserDb, device_code: str, client_id: str, client: Client) -> Opened:
    """Open a session of the account that has approved a program, once.

    It counts as one with a single factor. Raises AuthorizationPending and SlowDown, after which the transaction is to
    be committed, AccessDenied, ExpiredToken, InvalidGrant, AccountSuspended and AccountDeleted.
    """
    which = (device_logins.c.device_code_hash == _hash(device_code)) & (device_logins.c.client == client_id)
    # The account first, as everybody does who ends its sessions: they delete what was approved.
    approved_by = db.scalar(select(device_logins.c.account_id).where(which))
    if approved_by is not None:
        accounts.hold(db, approved_by)
    row = _locked(db, which)
    if row.expired:
        raise ExpiredToken
    # Who approved it since its account was read is seen the next time.
    if row.account_id is None or row.account_id != approved_by:
        raise _not_yet(db, which, early=row.early)
    if not row.approved:
        raise AccessDenied
    db.execute(delete(device_logins).where(which))
    account = accounts.become(db, row.account_id)
    return sessions.open_session(db, account, client)


def _user_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(_LETTERS))


def _add(db: UserDb, row: Mapping[str, object]) -> bool:
    statement = insert(device_logins).values(row).on_conflict_do_nothing(index_elements=["user_code_hash"])
    return db.execute(statement.returning(device_logins.c.user_code_hash)).first() is not None


def _locked(db: UserDb, which: ColumnElement[bool]) -> Row[*tuple[object, ...]]:
    columns = device_logins.c
    now = func.clock_timestamp()
    wait = func.make_interval(0, 0, 0, 0, 0, 0, columns.interval_seconds)
    statement = select(
        columns.account_id,
        columns.approved,
        (columns.expires_at <= now).label("expired"),
        func.coalesce(columns.asked_at + wait > now, False).label("early"),
    )
    row = db.execute(statement.where(which).with_for_update()).first()
    if row is None:
        raise InvalidGrant
    return row


def _not_yet(db: UserDb, which: ColumnElement[bool], *, early: bool) -> AuthorizationPending | SlowDown:
    longer = INTERVAL_SECONDS if early else 0
    values = {
        "asked_at": func.clock_timestamp(),
        "interval_seconds": func.least(device_logins.c.interval_seconds + longer, LIFETIME_SECONDS),
    }
    db.execute(update(device_logins).where(which).values(values))
    return SlowDown() if early else AuthorizationPending()


def _waits(user_code: str) -> ColumnElement[bool]:
    letters = re.sub("[^A-Z]", "", user_code.upper())
    columns = device_logins.c
    undecided = columns.account_id.is_(None) & (columns.expires_at > func.clock_timestamp())
    return (columns.user_code_hash == _hash(letters)) & undecided


def _asking(row: Row[*tuple[object, ...]] | None) -> Asking:
    if row is None:
        raise UserCodeNotFound
    return Asking(row.client, row.device, row.network, row.created_at, row.expires_at)


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
