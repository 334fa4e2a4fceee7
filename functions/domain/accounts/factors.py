"""Second factors: an app that makes one-time passwords, with recovery codes for whoever loses it."""

import time
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.accounts import FactorAdded, FactorRemoved, RecoveryCodeUsed
from events.outbox import emit
from functions.domain.accounts import recovery_codes, sessions, totp
from functions.domain.accounts.accounts import hold, lock
from functions.domain.accounts.tables import accounts, totp_factors
from functions.domain.api_errors import Conflict, FieldError, Forbidden, NotFound, Unauthenticated
from functions.domain.databases import UserDb

ENROLMENT_SECONDS: Final = 600
"""How long an app that was given a secret may take until its first code is shown."""

TOTP: Final = "totp"
"""The kind of factor that there is, as events name it."""


class TotpConfirmedAlready(Conflict):
    """Your account has an app that makes its codes: remove it before you add another."""


class TotpNotBegun(Conflict):
    """There is nothing to confirm: begin with POST /v1/me/mfa/totp, and confirm within ten minutes."""


class TotpNotFound(NotFound):
    """Your account has no app that makes its codes."""


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
    recovery_codes_left: int


def of(db: UserDb, account_id: str) -> Factors:
    """Return what second factors an account has."""
    return Factors(are_needed(db, account_id), recovery_codes.left(db, account_id))


def are_needed(db: UserDb, account_id: str) -> bool:
    """Return whether a log-in takes a second factor to an account that `authenticate` has returned.

    Since then the transaction holds it: who adds a factor waits until that ends.
    """
    query = select(totp_factors.c.account_id).where(
        totp_factors.c.account_id == account_id, totp_factors.c.confirmed_at.is_not(None)
    )
    return db.execute(query).first() is not None


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
    """Have log-ins need the app from now on that showed a code, and return recovery codes.

    The session that asks counts as one with two factors; all others end. `at` is the time, in seconds since 1970, if
    it isn't this moment. Raises TotpNotBegun, TotpConfirmedAlready, CodeWrong and FactorsUnavailable.
    """
    # No session of one factor alone remains.
    lock(db, account_id)
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
    codes = recovery_codes.renew(db, account_id)
    emit(db, FactorAdded(account_id=account_id, kind=TOTP))
    sessions.have_second_factor(db, session_id)
    sessions.revoke_others(db, account_id, session_id, "factor_added")
    return codes


def renew_recovery_codes(db: UserDb, account_id: str) -> list[str]:
    """Give an account that has a second factor new recovery codes, and return them. Raises TotpNotFound."""
    hold(db, account_id)
    if not are_needed(db, account_id):
        raise TotpNotFound
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
    """Have log-ins need no second factor any more, and end all sessions but the one that asks. Raises TotpNotFound."""
    if not forget(db, account_id, "removed_by_owner"):
        raise TotpNotFound
    sessions.revoke_others(db, account_id, session_id, "factor_removed")


def forget(db: UserDb, account_id: str, reason: str) -> bool:
    """Delete the second factor of an account, and say why; return False if it had none."""
    gone = delete(totp_factors).where(totp_factors.c.account_id == account_id, totp_factors.c.confirmed_at.is_not(None))
    if db.execute(gone.returning(totp_factors.c.account_id)).first() is None:
        return False
    recovery_codes.forget(db, account_id)
    emit(db, FactorRemoved(account_id=account_id, kind=TOTP, reason=reason))
    return True


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
