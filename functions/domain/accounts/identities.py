"""Identities: who people are to OpenID providers, by which they log in.

An identity is a provider's issuer and its word for somebody, which stays theirs. An e-mail address isn't: by one alone
nobody gets into an account that there is. Whoever has an account with the address logs in to it, and links the
identity.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from core import context
from core.ids import new_id
from events.catalog.accounts import IdentityLinked, IdentityUnlinked
from events.outbox import emit
from functions.domain.accounts import accounts, challenges, emails, openid, sessions, throttling, verification
from functions.domain.accounts.accounts import Account, EmailTaken
from functions.domain.accounts.challenges import Purpose
from functions.domain.accounts.emails import EmailInvalid
from functions.domain.accounts.openid import Answer, Proved
from functions.domain.accounts.tables import identities
from functions.domain.api_errors import Conflict, Forbidden, NotFound
from functions.domain.databases import Begin, UserDb


class IdentityNotLinked(Forbidden):
    """No account is linked to this, and the OpenID provider doesn't say that your address is verified: sign up here."""


class AccountExists(Conflict):
    """There is an account with your address: log in to it as you always do, and link the OpenID provider to it."""


class IdentityTaken(Conflict):
    """This is linked to another account."""


class ProviderLinkedAlready(Conflict):
    """Your account is linked to this OpenID provider already: unlink it first."""


class IdentityNotFound(NotFound):
    """Your account isn't linked to this OpenID provider."""


@dataclass(frozen=True)
class Identity:
    """An identity of an account, as its owner sees it."""

    provider: str
    issuer: str
    created_at: datetime
    last_used_at: datetime | None


_PUBLIC: Final = tuple(identities.c["provider", "issuer", "created_at", "last_used_at"])


def prove(begin: Begin, provider_id: str, answer: Answer, network: str) -> Proved:
    """Return who somebody is, by what they bring back from a provider, once; each answer is counted for a network.

    No transaction is open while the provider is asked. Raises ProviderNotFound, IdentityNotProved, ChallengeExpired,
    TooManyGuesses, ProviderUnavailable and ProviderFailed.
    """
    with begin() as db:
        provider = openid.find(provider_id)
        openid.check_begun(provider, answer)
        guess = throttling.count_identity(db, network)
        challenges.use_up(db, answer.challenge, Purpose.IDENTITY, None)
    proved = openid.prove(provider, answer)
    with begin() as db:
        throttling.was_no_guess(db, guess)
    return proved


def log_in(db: UserDb, proved: Proved) -> Account:
    """Return the account of whoever was proved, held, and make it the actor of what follows.

    Of whom no account is known, one is made, if the provider says that their address is verified. Raises
    IdentityNotLinked, AccountExists, AccountSuspended and AccountDeleted.
    """
    account_id = _owner(db, proved) or _join(db, proved)
    # Whoever unlinks it, or ends all sessions, was waited for.
    accounts.hold(db, account_id)
    used = update(identities).where(_is(proved), identities.c.account_id == account_id)
    if db.execute(used.values(last_used_at=func.now()).returning(identities.c.account_id)).first() is None:
        raise IdentityNotLinked
    return accounts.become(db, account_id)


def link(db: UserDb, account_id: str, proved: Proved) -> None:
    """Let an account be logged in to by whoever was proved, and emit IdentityLinked.

    Raises AccountSuspended, AccountDeleted, IdentityTaken and ProviderLinkedAlready.
    """
    accounts.lock(db, account_id)
    accounts.find_active(db, account_id)
    owner = _owner(db, proved)
    if owner is None:
        owner = _add(db, account_id, proved)
    elif owner == account_id:
        raise ProviderLinkedAlready
    if owner != account_id:
        raise IdentityTaken


def of(db: UserDb, account_id: str) -> list[Identity]:
    """Return the identities of an account, by the names of their providers."""
    query = select(*_PUBLIC).where(identities.c.account_id == account_id).order_by(identities.c.provider)
    return [Identity(*row) for row in db.execute(query)]


def unlink(db: UserDb, account_id: str, session_id: str, provider_id: str) -> None:
    """Let an account be logged in to by a provider no more, and end all sessions but one. Emit IdentityUnlinked.

    Raises IdentityNotFound and LastLogin.
    """
    accounts.lock(db, account_id)
    if not _remove(db, identities.c.provider == provider_id, account_id, "removed_by_owner"):
        raise IdentityNotFound
    accounts.check_login_left(db, account_id)
    sessions.revoke_others(db, account_id, session_id, "identity_unlinked")


def forget(db: UserDb, account_id: str, reason: str) -> None:
    """Unlink all providers from a locked account, and say why."""
    _remove(db, identities.c.account_id == account_id, account_id, reason)


def _remove(db: UserDb, which: ColumnElement[bool], account_id: str, reason: str) -> bool:
    gone = delete(identities).where(identities.c.account_id == account_id, which).returning(identities.c.provider)
    removed = list(db.scalars(gone))
    for provider_id in removed:
        emit(db, IdentityUnlinked(account_id=account_id, provider=provider_id, reason=reason))
    return bool(removed)


def _is(proved: Proved) -> ColumnElement[bool]:
    return (identities.c.issuer == proved.provider.issuer) & (identities.c.subject == proved.subject)


def _owner(db: UserDb, proved: Proved) -> str | None:
    account_id: str | None = db.scalar(select(identities.c.account_id).where(_is(proved)))
    return account_id


def _add(db: UserDb, account_id: str, proved: Proved) -> str:
    """Add an identity to an account, unless somebody has been faster, and return whose it is.

    Raises ProviderLinkedAlready.
    """
    values = {
        "issuer": proved.provider.issuer,
        "subject": proved.subject,
        "account_id": account_id,
        "provider": proved.provider.id,
    }
    statement = insert(identities).values(values).on_conflict_do_nothing().returning(identities.c.account_id)
    if db.scalar(statement) is not None:
        emit(db, IdentityLinked(account_id=account_id, provider=proved.provider.id))
        return account_id
    owner = _owner(db, proved)
    if owner is None:
        # It is the provider that the account has already.
        raise ProviderLinkedAlready
    return owner


def _join(db: UserDb, proved: Proved) -> str:
    """Make an account without a password for somebody whose address is verified, and return its id."""
    if proved.email is None:
        raise IdentityNotLinked
    try:
        email = emails.normalise(proved.email)
    except EmailInvalid:
        raise IdentityNotLinked from None
    account_id = new_id("usr")
    context.act_as(account_id)
    try:
        accounts.add(db, email, None, account_id=account_id)
    except EmailTaken:
        # Perhaps by the same person, a moment ago.
        owner = _owner(db, proved)
        if owner is None:
            raise AccountExists from None
        return owner
    verification.note(db, account_id)
    return _add(db, account_id, proved)
