"""What people are told by mail about their accounts.

An event says what happened and to which account, and nothing else of it. Where the mail goes is read when it is
written, and a token that it needs is made then: neither is in an event, a queue or a log.
"""

from typing import Final

from sqlalchemy import select

from events.catalog.accounts import (
    AccountRegistered,
    AccountSuspended,
    ApiKeyCreated,
    EmailVerificationRequested,
    FactorAdded,
    FactorRemoved,
    PasswordChanged,
    PasswordResetRequested,
    RecoveryCodeUsed,
    RegistrationRepeated,
    SessionOpenedElsewhere,
    SessionRevoked,
)
from events.event import Event
from functions.domain.accounts import one_time_tokens, sessions
from functions.domain.accounts.one_time_tokens import Purpose
from functions.domain.accounts.sessions import REUSED
from functions.domain.accounts.tables import accounts
from functions.domain.databases import Begin, UserDb
from functions.domain.mail import messages, transport
from functions.domain.mail.messages import Mail, Token

Told = (
    AccountRegistered
    | AccountSuspended
    | ApiKeyCreated
    | EmailVerificationRequested
    | FactorAdded
    | FactorRemoved
    | PasswordChanged
    | PasswordResetRequested
    | RecoveryCodeUsed
    | RegistrationRepeated
    | SessionOpenedElsewhere
    | SessionRevoked
)
"""The events that people may be told of."""


def send(begin: Begin, event: Told, event_id: str) -> None:
    """Tell the owner of an account by mail what happened to it, if it is something to be told.

    Raises MailNotAccepted, MailRejected and AddressRejected.
    """
    # Committed before the mail goes: whoever reads it may use its token at once, whatever becomes of the rest.
    with begin() as db:
        query = select(*accounts.c["email", "verified_at"]).where(accounts.c.id == event.account_id)
        account = db.execute(query).first()
        mail = _mail(db, event, verified=account.verified_at is not None) if account else None
    if account and mail:
        transport.send(messages.message(mail, account.email, event_id))


def _mail(db: UserDb, event: Told, *, verified: bool) -> Mail | None:
    """Return the mail about an event; None if there is nothing to be told."""
    match event:
        case AccountRegistered() | EmailVerificationRequested():
            return None if verified else _verification(db, event.account_id)
        case AccountSuspended():
            return _suspended(event.reason)
        case (
            ApiKeyCreated()
            | FactorAdded()
            | FactorRemoved()
            | PasswordChanged()
            | RecoveryCodeUsed()
            | RegistrationRepeated()
        ):
            return _NOTICES[type(event)]
        case PasswordResetRequested():
            return _reset(db, event.account_id)
        case SessionOpenedElsewhere():
            return _elsewhere(db, event.session_id)
        case SessionRevoked():
            return _REUSED if event.reason == REUSED else None


_NOT_YOU: Final = "If that wasn't you, set another password at once: somebody else may know the present one."

_NOTICES: Final[dict[type[Event], Mail]] = {
    PasswordChanged: Mail(
        "Your password was changed",
        (
            "The password of your account was changed. Wherever else you were logged in, you aren't any more.",
            _NOT_YOU,
        ),
    ),
    ApiKeyCreated: Mail(
        "Your account has a new API key",
        (
            "An API key was made, with which a program may act for your account until the key expires.",
            "If it is none of yours, delete it.",
            _NOT_YOU,
        ),
    ),
    FactorAdded: Mail(
        "A second factor was added",
        ("Your account has a second factor: from now on a log-in takes more than the password.", _NOT_YOU),
    ),
    FactorRemoved: Mail(
        "Your second factor was removed",
        ("Your account has no second factor any more: from now on the password is enough for a log-in.", _NOT_YOU),
    ),
    RecoveryCodeUsed: Mail(
        "A recovery code was used",
        (
            "Somebody has logged in to your account with your password and one of your recovery codes.",
            _NOT_YOU,
        ),
    ),
    RegistrationRepeated: Mail(
        "You have an account already",
        (
            "Somebody has tried to sign up with this address, which has an account: yours. Nothing has changed.",
            "If it was you, log in, or have a token sent to set another password, if you have forgotten it.",
            "If it wasn't you, there is nothing to do.",
        ),
    ),
}

_REUSED: Final = Mail(
    "Somebody may have copied your log-in",
    (
        "A token of one of your log-ins was used a second time: somebody may have copied it.",
        "That log-in has ended, for everybody who had it: log in again.",
        "If this happens again, or you don't know why it happened, set another password.",
    ),
)


def _elsewhere(db: UserDb, session_id: str) -> Mail | None:
    found = sessions.client_of(db, session_id)
    if found is None:
        return None
    client, at = found
    where, what = client.network or "an unknown network", client.device or "something unknown"
    return Mail(
        "Your account was logged in to from somewhere new",
        (
            "Somebody has logged in to your account from a network, or with a program, from which you never have:",
            f"{at:%Y-%m-%d %H:%M} UTC, from {where}, with {what}",
            _NOT_YOU,
        ),
    )


def _suspended(reason: str) -> Mail:
    return Mail(
        "Your account is suspended",
        (
            "Your account was suspended. You can't log in, and what ran for you is being stopped.",
            f"The reason: {reason}",
            "Whoever runs this service can tell you more.",
        ),
    )


def _verification(db: UserDb, account_id: str) -> Mail:
    return Mail(
        "Verify your address",
        (
            "Somebody has signed up with this address. If it was you, show that by using this within a day:",
            Token("verify-email", one_time_tokens.issue(db, account_id, Purpose.EMAIL_VERIFICATION)),
            "If it wasn't you, there is nothing to do.",
        ),
    )


def _reset(db: UserDb, account_id: str) -> Mail:
    return Mail(
        "Set another password",
        (
            "Somebody says that they have forgotten the password of your account.",
            "If it was you, use this within ten minutes to set another:",
            Token("reset-password", one_time_tokens.issue(db, account_id, Purpose.PASSWORD_RESET)),
            "If it wasn't you, there is nothing to do: your password stays as it is.",
        ),
    )
