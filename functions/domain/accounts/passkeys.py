"""Passkeys: keys in authenticators, by which people log in without a password, or prove a second factor.

An authenticator verifies who uses it, so that a passkey alone is worth two factors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.ids import new_id
from events.catalog.accounts import PasskeySuspected
from events.outbox import emit
from functions.domain.accounts import challenges, factors, webauthn
from functions.domain.accounts.accounts import Account, become, check_login_left, find_active, hold, lock
from functions.domain.accounts.challenges import Purpose
from functions.domain.accounts.tables import passkeys
from functions.domain.accounts.webauthn import Assertion, Attestation, NotAcceptedError, Signed
from functions.domain.api_errors import Conflict, Invalid, NotFound, Unauthenticated
from functions.domain.databases import UserDb

MOST: Final = 20
"""Passkeys that an account may have."""


class PasskeyNotFound(NotFound):
    """You have no passkey with this id."""


class TooManyPasskeys(Conflict):
    """Your account has twenty passkeys already: delete one first."""


class PasskeyKnownAlready(Conflict):
    """This passkey was registered before."""


class PasskeyInvalid(Invalid):
    """This passkey can't be registered: `detail` says why."""


class PasskeyWrong(Unauthenticated):
    """This passkey isn't registered here, or it hasn't signed what was asked for."""


class PasskeyCounterOutdated(Unauthenticated):
    """This passkey has counted backwards, so it may have been copied: log in another way, and delete it."""

    commits = True


@dataclass(frozen=True)
class Passkey:
    """A passkey of an account, as its owner sees it."""

    id: str
    """`psk_…`"""
    name: str
    created_at: datetime
    last_used_at: datetime | None
    backup_eligible: bool
    """Whether its private key may be kept elsewhere too."""
    backed_up: bool
    """Whether it is, as far as is known."""


@dataclass(frozen=True)
class Registration:
    """A passkey that an authenticator has made, as it is to be registered."""

    challenge: str
    """That it was made for."""
    name: str
    attestation: Attestation
    transports: Sequence[str]


@dataclass(frozen=True)
class Known:
    """A passkey of an account, as browsers are told of it."""

    credential_id: bytes
    transports: Sequence[str]


_PUBLIC: Final = tuple(
    passkeys.c["id", "name", "created_at", "last_used_at", "backup_eligible", "backed_up"],
)


def known(db: UserDb, account_id: str) -> list[Known]:
    """Return the passkeys of an account, the oldest first."""
    query = select(*passkeys.c["credential_id", "transports"]).where(passkeys.c.account_id == account_id)
    return [Known(row.credential_id, tuple(row.transports)) for row in db.execute(query.order_by(passkeys.c.id))]


def begin(db: UserDb, account_id: str) -> str:
    """Return a challenge for a passkey to be registered. Raises TooManyPasskeys."""
    _check_number(db, account_id)
    return challenges.issue(db, Purpose.PASSKEY_REGISTRATION, account_id)


def add(db: UserDb, account_id: str, session_id: str, new: Registration) -> tuple[Passkey, list[str]]:
    """Register a passkey that was made for a challenge, and return it with recovery codes if it is the first factor.

    The session that asks counts as one with two factors; all others end. Raises AccountSuspended, AccountDeleted,
    ChallengeExpired, PasskeyInvalid, PasskeyKnownAlready and TooManyPasskeys.
    """
    # No session of one factor alone remains, and of two at once the second counts the first.
    lock(db, account_id)
    find_active(db, account_id)
    challenges.use_up(db, new.challenge, Purpose.PASSKEY_REGISTRATION, account_id)
    try:
        made = webauthn.registered(new.attestation, new.challenge)
    except NotAcceptedError as error:
        raise PasskeyInvalid(str(error)) from None
    _check_number(db, account_id)
    is_first = not factors.are_needed(db, account_id)
    values = {
        "id": new_id("psk"),
        "account_id": account_id,
        "credential_id": made.id,
        "public_key": made.public_key,
        "sign_count": made.state.sign_count,
        "transports": list(new.transports),
        "backup_eligible": made.state.backup_eligible,
        "backed_up": made.state.backed_up,
        "name": new.name,
    }
    statement = insert(passkeys).values(values).on_conflict_do_nothing(index_elements=["credential_id"])
    row = db.execute(statement.returning(*_PUBLIC)).first()
    if row is None:
        raise PasskeyKnownAlready
    codes = factors.added(db, account_id, session_id, factors.PASSKEY, is_first=is_first)
    return _passkey(row), codes


def list_all(db: UserDb, account_id: str, *, before: str | None, limit: int) -> list[Passkey]:
    """Return the passkeys of an account, the newest first: up to `limit`, made before `before`."""
    query = select(*_PUBLIC).where(passkeys.c.account_id == account_id)
    if before is not None:
        query = query.where(passkeys.c.id < before)
    return [_passkey(row) for row in db.execute(query.order_by(passkeys.c.id.desc()).limit(limit))]


def rename(db: UserDb, account_id: str, passkey_id: str, name: str) -> Passkey:
    """Give a passkey another name, and return it. Raises PasskeyNotFound unless it is the account's."""
    which = (passkeys.c.account_id == account_id) & (passkeys.c.id == passkey_id)
    row = db.execute(update(passkeys).where(which).values(name=name).returning(*_PUBLIC)).first()
    if row is None:
        raise PasskeyNotFound
    return _passkey(row)


def remove(db: UserDb, account_id: str, session_id: str, passkey_id: str) -> None:
    """Delete a passkey, and end all sessions of its account but the one that asks.

    Raises PasskeyNotFound unless it is the account's, and LastLogin.
    """
    lock(db, account_id)
    which = (passkeys.c.account_id == account_id) & (passkeys.c.id == passkey_id)
    if db.execute(delete(passkeys).where(which).returning(passkeys.c.id)).first() is None:
        raise PasskeyNotFound
    check_login_left(db, account_id)
    factors.removed(db, account_id, session_id, factors.PASSKEY)


def owner_of(db: UserDb, credential_id: bytes) -> str | None:
    """Return whose a passkey is, by the authenticator's id of it; None if nobody's."""
    account_id = db.execute(select(passkeys.c.account_id).where(passkeys.c.credential_id == credential_id)).scalar()
    return None if account_id is None else str(account_id)


def log_in(db: UserDb, challenge: str, assertion: Assertion) -> Account:
    """Return the account whose passkey has signed a challenge of PASSKEY_LOGIN, and make it the actor of what follows.

    Raises ChallengeExpired, PasskeyWrong, PasskeyCounterOutdated, AccountSuspended and AccountDeleted.
    """
    signed = _read(assertion)
    challenges.use_up(db, challenge, Purpose.PASSKEY_LOGIN, None)
    account_id = owner_of(db, assertion.credential_id)
    if account_id is None or assertion.user_handle is None:
        raise PasskeyWrong
    hold(db, account_id)
    signature = _verified(db, account_id, challenge, signed)
    account = become(db, account_id)
    _note_use(db, signature)
    return account


def prove(db: UserDb, account_id: str, challenge: str, assertion: Assertion) -> None:
    """Take a passkey of a held account that has signed the challenge of a log-in for a second factor.

    Raises PasskeyWrong and PasskeyCounterOutdated.
    """
    _note_use(db, _verified(db, account_id, challenge, _read(assertion)))


@dataclass(frozen=True)
class _Signature:
    """What is known of a passkey that has signed what it was asked, and what its authenticator tells now."""

    row: Row[*tuple[object, ...]]
    state: webauthn.State


def _read(assertion: Assertion) -> Signed:
    # Before anything is looked up: what is said of it tells nobody which passkeys there are.
    try:
        return webauthn.read(assertion)
    except NotAcceptedError as error:
        raise PasskeyWrong(str(error)) from None


def _verified(db: UserDb, account_id: str, challenge: str, signed: Signed) -> _Signature:
    """Check what a passkey of an account has signed. Of two at once the second waits, and sees what the first counted.

    Raises PasskeyWrong.
    """
    columns = passkeys.c["id", "account_id", "public_key", "sign_count", "backup_eligible"]
    credential_id, handle = signed.assertion.credential_id, signed.assertion.user_handle
    which = (passkeys.c.account_id == account_id) & (passkeys.c.credential_id == credential_id)
    row = db.execute(select(*columns).where(which).with_for_update()).first()
    if row is None or handle not in (None, account_id.encode()):
        raise PasskeyWrong
    try:
        state = webauthn.verified(signed, challenge, row.public_key)
    except NotAcceptedError:
        raise PasskeyWrong from None
    if state.backup_eligible != row.backup_eligible:
        # It never changes for a passkey: something else has signed.
        raise PasskeyWrong
    return _Signature(row, state)


def _note_use(db: UserDb, signature: _Signature) -> None:
    """Note that a passkey was used. Raises PasskeyCounterOutdated, and says so, if its count isn't past the last."""
    row, state = signature.row, signature.state
    if (state.sign_count or row.sign_count) and state.sign_count <= row.sign_count:
        emit(db, PasskeySuspected(account_id=row.account_id, passkey_id=row.id))
        raise PasskeyCounterOutdated
    values = {"sign_count": state.sign_count, "backed_up": state.backed_up, "last_used_at": func.now()}
    db.execute(update(passkeys).where(passkeys.c.id == row.id).values(values))


def _check_number(db: UserDb, account_id: str) -> None:
    number = select(func.count()).select_from(passkeys).where(passkeys.c.account_id == account_id)
    if db.execute(number).scalar_one() >= MOST:
        raise TooManyPasskeys


def _passkey(row: Row[*tuple[object, ...]]) -> Passkey:
    return Passkey(row.id, row.name, row.created_at, row.last_used_at, row.backup_eligible, row.backed_up)
