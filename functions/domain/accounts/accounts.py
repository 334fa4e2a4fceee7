"""Accounts: who may log in, and with which scopes."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy import Row, bindparam, func, select, union_all, update
from sqlalchemy.dialects.postgresql import insert

from core import context
from core.ids import new_id
from events.catalog.accounts import AccountRegistered, PasswordChanged
from events.outbox import emit
from functions.domain.accounts import passwords
from functions.domain.accounts.emails import normalise
from functions.domain.accounts.tables import accounts, identities, passkeys
from functions.domain.api_errors import Conflict, FieldError, Forbidden, NotFound, Unauthenticated
from functions.domain.databases import UserDb

USER: Final = "user"
"""The scope of everybody, which a new account has."""

ROLES: Final = ("admin", "broker", "catalog", "support", "auditor")
"""The scopes of those who look after the platform."""

SCOPES: Final = (USER, *ROLES)
"""Every scope that exists."""


class EmailTaken(Conflict):
    """There is an account with this e-mail address already."""


class CredentialsWrong(Unauthenticated):
    """The e-mail address and the password don't belong together."""


class CurrentPasswordWrong(Forbidden):
    """This is not the password of your account."""


class PasswordNotSet(Conflict):
    """Your account has no password: POST /v1/auth/password/forgot has a token sent to you, by which you set one."""


class LastLogin(Conflict):
    """This is the only way to log in that your account has: set a password first, or add another way."""


class AccountSuspended(Forbidden):
    """This account is suspended: ask whoever runs this service."""


class AccountDeleted(Forbidden):
    """This account is deleted. Until it is purged, POST /v1/auth/restore brings it back."""


@dataclass(frozen=True)
class Account:
    """An account, without its secrets."""

    id: str
    """`usr_…`"""
    email: str
    """In lower case."""
    scopes: tuple[str, ...]
    suspended: bool
    created_at: datetime
    verified_at: datetime | None
    """When its owner proved that mail to the address reaches them; None for as long as nobody has."""
    purge_at: datetime | None
    """When all of it is purged, since its owner has deleted it; None unless they have."""

    @property
    def email_verified(self) -> bool:
        """Whether its owner proved that."""
        return self.verified_at is not None


PUBLIC: Final = tuple(accounts.c["id", "email", "scopes", "suspended", "created_at", "verified_at", "purge_at"])

# Compiled once: a log-in is little besides its hash.
_BY_EMAIL: Final = select(*PUBLIC, accounts.c.password_hash).where(accounts.c.email == bindparam("email"))

_HELD: Final = (
    select(accounts.c.password_hash).where(accounts.c.id == bindparam("id")).with_for_update(read=True, key_share=True)
)


def create_account(
    db: UserDb, email: str, password: str, scopes: Sequence[str] = (), *, account_id: str | None = None
) -> Account:
    """Create an account as an administrator, emit AccountRegistered, and return the account.

    `scopes` default to those of anybody who signs up, and `account_id` to a new id. Raises EmailInvalid, EmailTaken and
    PasswordUnfit, and ValueError for a scope that doesn't exist.
    """
    email = normalise(email)
    passwords.check(password, email)
    return add(db, email, passwords.hashed(password), scopes, account_id=account_id)


def add(
    db: UserDb, email: str, password_hash: str | None, scopes: Sequence[str] = (), *, account_id: str | None = None
) -> Account:
    """Create an account of a normal e-mail address and the hash of a password, as `create_account` does.

    Without a hash its owner has to log in another way.

    Raises EmailTaken, and ValueError for a scope that doesn't exist.
    """
    if unknown := set(scopes) - set(SCOPES):
        message = f"there is no scope {', '.join(sorted(unknown))}"
        raise ValueError(message)
    row: dict[str, JsonValue] = {"id": account_id or new_id("usr"), "email": email, "password_hash": password_hash}
    if scopes:
        row["scopes"] = list(scopes)
    statement = insert(accounts).values(row).on_conflict_do_nothing(index_elements=["email"]).returning(*PUBLIC)
    created = db.execute(statement).first()
    if created is None:
        error = FieldError("/email", "email_taken", EmailTaken.message())
        raise EmailTaken(errors=[error])
    emit(db, AccountRegistered(account_id=created.id))
    return of_row(created)


def set_verified(db: UserDb, account_id: str) -> bool:
    """Note that mail to the address of an account reaches its owner; return False when that was known before.

    `verification.note` does so and says it, which is what lets the account launch instances.
    """
    statement = update(accounts).where(accounts.c.id == account_id, accounts.c.verified_at.is_(None))
    return db.execute(statement.values(verified_at=func.now()).returning(accounts.c.id)).first() is not None


def authenticate(db: UserDb, email: str, password: str) -> Account:
    """Return the account with an e-mail address and a password, and make it the actor of what follows.

    Raises EmailInvalid, CredentialsWrong whichever of the two is wrong, AccountSuspended and AccountDeleted.
    """
    return active(prove(db, email, password))


def prove(db: UserDb, email: str, password: str) -> Account:
    """Return what `authenticate` does, also if the account is suspended or deleted.

    Raises EmailInvalid and CredentialsWrong.
    """
    row = db.execute(_BY_EMAIL, {"email": normalise(email)}).first()
    if not passwords.matches(password, row.password_hash if row else None) or row is None:
        raise _wrong(row.id if row else None)
    # Whoever gives the account another password waits from here on until this log-in is over, and ends its session.
    # Who has done so meanwhile is waited for, and this is the old one then.
    password_hash = db.execute(_HELD, {"id": row.id}).scalar_one()
    if password_hash != row.password_hash and not passwords.matches(password, password_hash):
        raise _wrong(row.id)
    context.act_as(row.id)
    if passwords.is_outdated(row.password_hash):
        set_password(db, row.id, password)
    return of_row(row)


def _wrong(account_id: str | None) -> CredentialsWrong:
    """Return the API error for a password that isn't that of an account, if there is one."""
    wrong = CredentialsWrong()
    wrong.about = () if account_id is None else (account_id,)
    return wrong


def become(db: UserDb, account_id: str) -> Account:
    """Return the account of somebody who has proved who they are, and make it the actor of what follows.

    Raises NotFound, AccountSuspended and AccountDeleted.
    """
    context.act_as(account_id)
    return find_active(db, account_id)


def change_password(db: UserDb, account_id: str, current: str, new: str) -> None:
    """Give an account a new password, of whoever knows the present one, and emit PasswordChanged.

    Raises CurrentPasswordWrong, PasswordNotSet and PasswordUnfit.
    """
    check_password(db, account_id, current)
    passwords.check(new, find(db, account_id).email, "/new_password")
    set_password(db, account_id, new)
    emit(db, PasswordChanged(account_id=account_id))


def check_password(db: UserDb, account_id: str, current: str | None) -> None:
    """Lock an account, and check that this is its present password. Raises CurrentPasswordWrong and PasswordNotSet."""
    lock(db, account_id)
    kept = db.execute(select(accounts.c.password_hash).where(accounts.c.id == account_id)).scalar_one()
    if kept is None:
        raise PasswordNotSet
    if current is None or not passwords.matches(current, kept):
        raise CurrentPasswordWrong(errors=[FieldError("/current_password", "wrong", CurrentPasswordWrong.message())])


def check_owner(db: UserDb, account_id: str, current: str | None) -> None:
    """Lock an account, and check its present password, if it has one, for somebody who has just logged in to it.

    Without a password they have logged in by something else, which is as good. Raises CurrentPasswordWrong.
    """
    with suppress(PasswordNotSet):
        check_password(db, account_id, current)


def check_login_left(db: UserDb, account_id: str) -> None:
    """Check that there is a way left to log in to a locked account, of which one was taken away. Raises LastLogin."""
    ways = (
        select(accounts.c.id).where(accounts.c.id == account_id, accounts.c.password_hash.is_not(None)),
        select(passkeys.c.account_id).where(passkeys.c.account_id == account_id),
        select(identities.c.account_id).where(identities.c.account_id == account_id),
    )
    if db.execute(union_all(*ways).limit(1)).first() is None:
        raise LastLogin


def lock(db: UserDb, account_id: str) -> None:
    """Lock an account, for whoever changes what a log-in goes by and then ends sessions.

    A log-in holds the account, and a session refers to it: those that are going on are waited for and seen, and those
    that begin wait and see the change. What a statement after this one reads is so.
    """
    db.execute(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update())


def hold(db: UserDb, account_id: str) -> None:
    """Let those who lock an account wait until this transaction ends; who has done so meanwhile is waited for.

    What a statement after this one reads is as they have left it.
    """
    db.execute(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update(read=True, key_share=True))


def set_password(db: UserDb, account_id: str, password: str) -> None:
    """Keep the hash of a password in the place of the one that an account has."""
    values = {"password_hash": passwords.hashed(password)}
    db.execute(update(accounts).where(accounts.c.id == account_id).values(values))


def find(db: UserDb, account_id: str) -> Account:
    """Return an account. Raises NotFound."""
    row = db.execute(select(*PUBLIC).where(accounts.c.id == account_id)).first()
    if row is None:
        raise NotFound
    return of_row(row)


def find_by_email(db: UserDb, email: str) -> Account:
    """Return the account with an e-mail address. Raises EmailInvalid and NotFound."""
    row = db.execute(select(*PUBLIC).where(accounts.c.email == normalise(email))).first()
    if row is None:
        raise NotFound
    return of_row(row)


def find_active(db: UserDb, account_id: str) -> Account:
    """Return an account that is neither suspended nor deleted. Raises NotFound, AccountSuspended and AccountDeleted."""
    return active(find(db, account_id))


def active(account: Account) -> Account:
    """Return an account that is neither suspended nor deleted. Raises AccountSuspended and AccountDeleted."""
    if account.suspended:
        raise AccountSuspended
    if account.purge_at is not None:
        until = f"{account.purge_at:%Y-%m-%d %H:%M} UTC"
        raise AccountDeleted(f"This account is deleted. Until {until}, POST /v1/auth/restore brings it back.")
    return account


def of_row(row: Row[*tuple[object, ...]]) -> Account:
    """Return the account of a row with the columns PUBLIC."""
    scopes = tuple(row.scopes)
    return Account(row.id, row.email, scopes, row.suspended, row.created_at, row.verified_at, row.purge_at)
