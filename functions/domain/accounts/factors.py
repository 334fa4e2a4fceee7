"""Second factors: an app that makes one-time passwords, and passkeys, with recovery codes for whoever loses all of it.

What concerns passkeys alone is in the module of that name.
"""

import time
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import BindParameter, ColumnElement, Row, Text, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.accounts import FactorAdded, FactorRemoved, RecoveryCodeUsed
from events.outbox import emit
from functions.domain.accounts import recovery_codes, sessions, totp
from functions.domain.accounts.accounts import hold, lock
from functions.domain.accounts.tables import accounts, passkeys, totp_factors
from functions.domain.api_errors import Conflict, FieldError, Forbidden, NotFound, Unauthenticated
from functions.domain.databases import UserDb

ENROLMENT_SECONDS: Final = 600
"""How long an app that was given a secret may take until its first code is shown."""

TOTP: Final = "totp"
PASSKEY: Final = "passkey"
"""The kinds of factors that there are, as events name them."""


class TotpConfirmedAlready(Conflict):
    """Your account has an app that makes its codes: remove it before you add another."""


class TotpNotBegun(Conflict):
    """There is nothing to confirm: begin with POST /v1/me/mfa/totp, and confirm within ten minutes."""


class TotpNotFound(NotFound):
    """Your account has no app that makes its codes."""


class NoSecondFactor(NotFound):
    """Your account has no second factor."""


class CodeWrong(Forbidden):
    """This is not the code of this moment: look whether your clock is right, and wait for the next code."""


class SecondFactorWrong(Unauthenticated):
    """This code is wrong, or was used before."""


@dataclass(frozen=True)
class Enrolment:
    """What an app is given."""

    secret: str = field(repr=False)
    """In Base32."""
    otpauth_uri: str = field(repr=False)


@dataclass(frozen=True)
class Factors:
    """What second factors an account has."""

    totp: bool
    passkeys: int
    recovery_codes_left: int


def of(db: UserDb, account_id: str) -> Factors:
    """Return what second factors an account has."""
    number = select(func.count()).select_from(passkeys).where(passkeys.c.account_id == account_id).scalar_subquery()
    found = db.execute(select(_has_app(account_id).label("totp"), number.label("passkeys"))).one()
    return Factors(found.totp, found.passkeys, recovery_codes.left(db, account_id))


def are_needed(db: UserDb, account_id: str) -> bool:
    """Return whether a log-in with the password takes a second factor too: the account has one of any kind.

    Who adds a factor waits for a transaction that holds the account, as that of `authenticate` does, until it ends.
    """
    return db.execute(_NEEDED, {"account": account_id}).scalar_one()


def has_app(db: UserDb, account_id: str) -> bool:
    """Return whether an account has an app that makes its codes."""
    return db.execute(select(_has_app(account_id))).scalar_one()


def begin(db: UserDb, account_id: str) -> Enrolment:
    """Make a secret for an app, which counts as soon as it is confirmed; the one before it is forgotten.

    Raises TotpConfirmedAlready and FactorsUnavailable.
    """
    secret = totp.new_secret()
    sealed = totp.seal(account_id, secret)
    values = {
        "key_id": sealed.data_key.key_id,
        "wrapped_key": sealed.data_key.wrapped,
        "sealed": sealed.text,
        "created_at": func.now(),
    }
    statement = insert(totp_factors).values(account_id=account_id, **values)
    statement = statement.on_conflict_do_update(
        index_elements=["account_id"], set_=values, where=totp_factors.c.confirmed_at.is_(None)
    )
    if db.execute(statement.returning(totp_factors.c.account_id)).first() is None:
        raise TotpConfirmedAlready
    email = db.execute(select(accounts.c.email).where(accounts.c.id == account_id)).scalar_one()
    return Enrolment(secret, totp.uri(secret, email))


def confirm(db: UserDb, account_id: str, session_id: str, code: str, *, at: float | None = None) -> list[str]:
    """Have the app that showed a code be a second factor from now on, and return recovery codes if it is the first.

    The session that asks counts as one with two factors; all others end. `at` is the time, in seconds since 1970, if
    it isn't this moment. Raises TotpNotBegun, TotpConfirmedAlready, CodeWrong and FactorsUnavailable.
    """
    # No session of one factor alone remains.
    lock(db, account_id)
    is_first = not are_needed(db, account_id)
    begun = _row(db, account_id)
    if begun is None or not (begun.confirmed_at or begun.fresh):
        raise TotpNotBegun
    if begun.confirmed_at is not None:
        raise TotpConfirmedAlready
    step = totp.step_of(_secret(begun), code, at=time.time() if at is None else at, after=-1)
    if step is None:
        raise CodeWrong(errors=[FieldError("/code", "wrong", CodeWrong.message())])
    confirmed = {"confirmed_at": func.now(), "last_step": step}
    db.execute(update(totp_factors).where(totp_factors.c.account_id == account_id).values(confirmed))
    return added(db, account_id, session_id, TOTP, is_first=is_first)


def added(db: UserDb, account_id: str, session_id: str, kind: str, *, is_first: bool) -> list[str]:
    """Say that a locked account has one more factor, and end all its sessions but one, which counts as one with two.

    Return recovery codes if the factor is the first; else those stay good that there are.
    """
    codes = recovery_codes.renew(db, account_id) if is_first else []
    emit(db, FactorAdded(account_id=account_id, kind=kind))
    sessions.have_second_factor(db, session_id)
    sessions.revoke_others(db, account_id, session_id, "factor_added")
    return codes


def removed(db: UserDb, account_id: str, session_id: str, kind: str) -> None:
    """Say that the owner of a locked account has removed a factor, and end all sessions but the one that asks.

    Without any factor left, recovery codes are worth nothing.
    """
    if not are_needed(db, account_id):
        recovery_codes.forget(db, account_id)
    emit(db, FactorRemoved(account_id=account_id, kind=kind, reason="removed_by_owner"))
    sessions.revoke_others(db, account_id, session_id, "factor_removed")


def renew_recovery_codes(db: UserDb, account_id: str) -> list[str]:
    """Give an account that has a second factor new recovery codes, and return them. Raises NoSecondFactor."""
    hold(db, account_id)
    if not are_needed(db, account_id):
        raise NoSecondFactor
    return recovery_codes.renew(db, account_id)


def prove(
    db: UserDb, account_id: str, *, code: str | None = None, recovery_code: str | None = None, at: float | None = None
) -> None:
    """Use up a code of the app of an account, or a recovery code. Raises SecondFactorWrong and FactorsUnavailable.

    `at` is the time, in seconds since 1970, if it isn't this moment.
    """
    if recovery_code is not None:
        if not recovery_codes.use(db, account_id, recovery_code):
            raise SecondFactorWrong
        emit(db, RecoveryCodeUsed(account_id=account_id, left=recovery_codes.left(db, account_id)))
    elif code is None or not _use_step(db, account_id, code, time.time() if at is None else at):
        raise SecondFactorWrong


def remove(db: UserDb, account_id: str, session_id: str) -> None:
    """Have the app of an account be no second factor any more, and end all sessions but the one that asks.

    Raises TotpNotFound.
    """
    lock(db, account_id)
    if not _delete_app(db, account_id):
        raise TotpNotFound
    removed(db, account_id, session_id, TOTP)


def forget(db: UserDb, account_id: str, reason: str) -> bool:
    """Delete all second factors of a locked account, and say why; return False if it had none."""
    kinds = [TOTP] if _delete_app(db, account_id) else []
    gone = delete(passkeys).where(passkeys.c.account_id == account_id)
    kinds += [PASSKEY] if db.execute(gone.returning(passkeys.c.account_id)).all() else []
    recovery_codes.forget(db, account_id)
    for kind in kinds:
        emit(db, FactorRemoved(account_id=account_id, kind=kind, reason=reason))
    return bool(kinds)


def _delete_app(db: UserDb, account_id: str) -> bool:
    """Delete the app that makes an account's codes; return False if it had none."""
    gone = delete(totp_factors).where(_is_app(account_id)).returning(totp_factors.c.account_id)
    return db.execute(gone).first() is not None


def _has_app(account_id: str | BindParameter[str]) -> ColumnElement[bool]:
    return exists().where(_is_app(account_id))


def _is_app(account_id: str | BindParameter[str]) -> ColumnElement[bool]:
    return (totp_factors.c.account_id == account_id) & totp_factors.c.confirmed_at.is_not(None)


_ACCOUNT: Final = bindparam("account", type_=Text())

_NEEDED: Final = select(_has_app(_ACCOUNT) | exists().where(passkeys.c.account_id == _ACCOUNT))


def _use_step(db: UserDb, account_id: str, code: str, at: float) -> bool:
    """Use up the step that a code is of. Of two at once the second waits for the first, and finds the step used."""
    factor = _row(db, account_id)
    if factor is None or factor.confirmed_at is None:
        return False
    step = totp.step_of(_secret(factor), code, at=at, after=factor.last_step)
    if step is None:
        return False
    db.execute(update(totp_factors).where(totp_factors.c.account_id == account_id).values(last_step=step))
    return True


def _row(db: UserDb, account_id: str) -> Row[*tuple[object, ...]] | None:
    """Return the factor of an account, locked."""
    columns = totp_factors.c
    fresh = columns.created_at > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, ENROLMENT_SECONDS)
    query = select(*columns, fresh.label("fresh")).where(columns.account_id == account_id).with_for_update()
    return db.execute(query).first()


def _secret(row: Row[*tuple[object, ...]]) -> str:
    return totp.unseal(row.account_id, row.key_id, row.wrapped_key, row.sealed)
