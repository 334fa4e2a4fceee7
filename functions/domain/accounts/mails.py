"""What people are told by mail about their accounts.

An event says what happened and to which account, and nothing else of it. Where the mail goes is read when it is
written, and a token that it needs is made then: neither is in an event, a queue or a log.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import select

from events.catalog.accounts import (
    AccountDeleted,
    AccountImpersonated,
    AccountRegistered,
    AccountRestored,
    AccountSuspended,
    ApiKeyCreated,
    ClientApproved,
    DeviceApproved,
    EmailChanged,
    EmailChangeRefused,
    EmailChangeRequested,
    EmailVerificationRequested,
    ExportFinished,
    FactorAdded,
    FactorRemoved,
    IdentityLinked,
    IdentityUnlinked,
    PasskeySuspected,
    PasswordChanged,
    PasswordResetRequested,
    RecoveryCodeUsed,
    RegistrationRepeated,
    SessionOpenedElsewhere,
    SessionRevoked,
)
from events.event import Event
from functions.domain.accounts import email_changes, factors, one_time_tokens, sessions
from functions.domain.accounts.one_time_tokens import Purpose
from functions.domain.accounts.sessions import REUSED
from functions.domain.accounts.tables import accounts
from functions.domain.accounts.tables import email_changes as changes
from functions.domain.databases import Begin, UserDb
from functions.domain.mail import messages, transport
from functions.domain.mail.messages import Mail, Token

Told = (
    AccountDeleted
    | AccountImpersonated
    | AccountRegistered
    | AccountRestored
    | AccountSuspended
    | ApiKeyCreated
    | ClientApproved
    | DeviceApproved
    | EmailChanged
    | EmailChangeRequested
    | EmailVerificationRequested
    | ExportFinished
    | FactorAdded
    | FactorRemoved
    | IdentityLinked
    | IdentityUnlinked
    | PasskeySuspected
    | PasswordChanged
    | PasswordResetRequested
    | RecoveryCodeUsed
    | RegistrationRepeated
    | SessionOpenedElsewhere
    | SessionRevoked
)
"""The events that people may be told of."""

ToldElsewhere = EmailChanged | EmailChangeRefused | EmailChangeRequested
"""The events of which an address is told that isn't the account's."""


def send(begin: Begin, event: Told, event_id: str) -> None:
    """Tell the owner of an account by mail what happened to it, if it is something to be told.

    Raises MailNotAccepted, MailRejected and AddressRejected.
    """
    # Committed before the mail goes: whoever reads it may use its token at once, whatever becomes of the rest.
    with begin() as db:
        own = accounts.c.id == event.account_id
        account = db.execute(select(accounts.c.verified_at).where(own)).first()
        mail = _mail(db, event, verified=account.verified_at is not None) if account else None
        # Read after its token is made: who changes the address then withdraws the token, or has changed it already.
        email = db.scalar(select(accounts.c.email).where(own))
    if email and mail:
        transport.send(messages.message(mail, email, event_id))


def send_elsewhere(begin: Begin, event: ToldElsewhere, event_id: str) -> None:
    """Tell the address that an account had, or is to have, by mail what happens, if it is something to be told.

    Raises MailNotAccepted, MailRejected and AddressRejected.
    """
    with begin() as db:
        told = _to_other(db, event)
    if told:
        email, mail = told
        transport.send(messages.message(mail, email, f"{event_id}.other"))


def _mail(db: UserDb, event: Told, *, verified: bool) -> Mail | None:
    """Return the mail about an event; None if there is nothing to be told."""
    match event:
        case AccountRegistered() | EmailChangeRequested() | EmailVerificationRequested() | PasswordResetRequested():
            return _with_token(db, event, verified=verified)
        case AccountDeleted() | AccountSuspended():
            return _deleted(event.purge_at) if isinstance(event, AccountDeleted) else _suspended(event.reason)
        case (
            AccountRestored()
            | ApiKeyCreated()
            | ClientApproved()
            | DeviceApproved()
            | EmailChanged()
            | ExportFinished()
            | FactorAdded()
            | FactorRemoved()
            | IdentityLinked()
            | IdentityUnlinked()
            | PasskeySuspected()
            | PasswordChanged()
            | RecoveryCodeUsed()
            | RegistrationRepeated()
        ):
            return _notice(event)
        case AccountImpersonated():
            return _impersonated(event)
        case SessionOpenedElsewhere():
            return _elsewhere(db, event.session_id)
        case SessionRevoked():
            return _REUSED if event.reason == REUSED else None


def _with_token(
    db: UserDb,
    event: AccountRegistered | EmailChangeRequested | EmailVerificationRequested | PasswordResetRequested,
    *,
    verified: bool,
) -> Mail | None:
    """Return the mail with a new token for which an event asks; None if there is nothing to use one for."""
    match event:
        case EmailChangeRequested():
            asked = email_changes.was_asked_for_consent(db, event.account_id)
            return _consent(db, event.account_id) if asked and email_changes.requested(db, event.account_id) else None
        case PasswordResetRequested():
            return _reset(db, event.account_id)
        case _:
            return None if verified else _verification(db, event.account_id)


_NOT_YOU: Final = "If that wasn't you, set another password at once: somebody else may know the present one."

_NOTICES: Final[dict[type[Event], Mail]] = {
    PasswordChanged: Mail(
        "Your password was changed",
        (
            "The password of your account was changed. Wherever else you were logged in, you aren't any more.",
            _NOT_YOU,
        ),
    ),
    AccountRestored: Mail(
        "Your account can be used again",
        (
            "Your account was suspended or deleted, and can be used again.",
            "Log in, start your instances, and make new API keys.",
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
    ClientApproved: Mail(
        "A program may act for your account",
        (
            "Somebody who is logged in to your account has consented that a program acts for it.",
            "If you don't know it, end its session: your sessions are listed with the programs that have them.",
            _NOT_YOU,
        ),
    ),
    DeviceApproved: Mail(
        "A device may log in to your account",
        (
            "Somebody who is logged in to your account has approved that a program on a device logs in, too.",
            "If you don't know it, end its session: your sessions are listed with their devices.",
            _NOT_YOU,
        ),
    ),
    EmailChanged: Mail(
        "Your address was changed",
        (
            "This is the address of your account from now on: log in with it.",
            "Wherever else you were logged in, you aren't any more.",
        ),
    ),
    IdentityLinked: Mail(
        "Your account can be logged in to another way",
        (
            "Your account was linked to an OpenID provider: whoever has your account there can log in to this one.",
            "If it wasn't you, unlink it, and set another password at once.",
        ),
    ),
    IdentityUnlinked: Mail(
        "Your account was unlinked from a provider",
        (
            "Nobody can log in to your account any more with the OpenID provider that it was unlinked from.",
            _NOT_YOU,
        ),
    ),
    PasskeySuspected: Mail(
        "One of your passkeys may have been copied",
        (
            "Somebody has tried to log in to your account with one of your passkeys, and was refused.",
            "The passkey has counted backwards, as a copy does: delete it. If you have it, you can add it anew.",
        ),
    ),
    ExportFinished: Mail(
        "Your data is ready",
        (
            "Everything that is known of you is written down, as you have asked, and can be fetched for a day.",
            _NOT_YOU,
        ),
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

_FACTORS: Final[dict[tuple[type[Event], str], Mail]] = {
    (FactorAdded, factors.TOTP): Mail(
        "A second factor was added",
        ("Your account has a second factor: from now on a log-in takes more than the password.", _NOT_YOU),
    ),
    (FactorRemoved, factors.TOTP): Mail(
        "Your second factor was removed",
        (
            "The app that made codes for your account is no second factor of it any more.",
            "If your account has no passkey, the password is enough for a log-in from now on.",
            _NOT_YOU,
        ),
    ),
    (FactorAdded, factors.PASSKEY): Mail(
        "A passkey was added",
        (
            "Your account has a new passkey: whoever has it can log in without the password.",
            "The password alone is not enough for a log-in any more.",
            "If the passkey is none of yours, delete it, and set another password at once.",
        ),
    ),
    (FactorRemoved, factors.PASSKEY): Mail(
        "A passkey was removed",
        (
            "Nobody can log in to your account any more with a passkey that was removed.",
            "If your account has no other second factor, the password is enough for a log-in from now on.",
            _NOT_YOU,
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


def _notice(event: Event) -> Mail:
    if isinstance(event, FactorAdded | FactorRemoved):
        return _FACTORS[type(event), event.kind]
    return _NOTICES[type(event)]


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


_LEFT: Final = Mail(
    "Your address was changed",
    (
        "This isn't the address of your account any more: it has another one, and no more mail about it comes here.",
        "Somebody has consented to that by a mail to this address, and knew your password.",
        "If that wasn't you, ask whoever runs this service at once.",
    ),
)

_HAS_ACCOUNT: Final = Mail(
    "This address has an account already",
    (
        "Somebody asks for another account to have this address. It has one already, so nothing changes.",
        "If it was you, log in with this address; if you have forgotten the password, set another.",
        "If it wasn't you, there is nothing to do.",
    ),
)


def _to_other(db: UserDb, event: ToldElsewhere) -> tuple[str, Mail] | None:
    """Return the mail about an event to the address that isn't the account's, and that address; None for no mail."""
    row = select(*changes.c["email", "email_before", "ended_at"]).where(changes.c.account_id == event.account_id)
    match event:
        case EmailChanged():
            # Of an address that was never verified nobody knows whose it is.
            change = db.execute(row.where(~email_changes.is_unasked())).first()
            return (change.email_before, _LEFT) if change and change.email_before else None
        case EmailChangeRefused():
            change = db.execute(row).first()
            return (change.email, _HAS_ACCOUNT) if change and change.ended_at and not change.email_before else None
        case EmailChangeRequested():
            mail = _proof(db, event.account_id) if email_changes.requested(db, event.account_id) else None
            # Read after the token is made: who asks for another address then withdraws it, or has asked already.
            email = email_changes.requested(db, event.account_id)
            if email is None or mail is None:
                return None
            taken = db.execute(select(accounts.c.id).where(accounts.c.email == email)).first()
            return email, _HAS_ACCOUNT if taken else mail


def _proof(db: UserDb, account_id: str) -> Mail:
    asked = email_changes.was_asked_for_consent(db, account_id)
    then = "The address is changed once you have used what was sent to the present address too."
    return Mail(
        "Confirm your new address",
        (
            "Somebody wants this to be the address of their account.",
            "If it was you, show that mail reaches you here by using this within a day:",
            Token("confirm-email", one_time_tokens.issue(db, account_id, Purpose.EMAIL_PROOF)),
            then if asked else "The address is changed then.",
            "If it wasn't you, there is nothing to do.",
        ),
    )


def _consent(db: UserDb, account_id: str) -> Mail:
    return Mail(
        "Another address for your account",
        (
            "Somebody who knows your password wants your account to have another address.",
            "If it was you, consent by using this within a day:",
            Token("confirm-email", one_time_tokens.issue(db, account_id, Purpose.EMAIL_CONSENT)),
            "The address is changed once you have used what was sent to the new address too.",
            "If it wasn't you, don't use it, and set another password at once: that stops it, and logs everybody out.",
        ),
    )


def _deleted(purge_at: datetime) -> Mail:
    return Mail(
        "Your account is deleted",
        (
            "Your account was deleted. You can't log in, and what ran for you is being stopped.",
            f"On {purge_at:%Y-%m-%d} everything that is known of you is deleted too.",
            "Until then you can have your account back, with your address and your password.",
            "If it wasn't you who deleted it, do that at once, and set another password.",
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


def _impersonated(event: AccountImpersonated) -> Mail:
    may = "They may change things for you, but" if event.may_write else "They can change nothing, and certainly"
    return Mail(
        "Somebody who helps people here acts for you",
        (
            "Somebody who looks after this service has begun to see what you see, to help you.",
            f"The reason: {event.reason}",
            f"{may} not your password, or any other way in.",
            f"It ends at {event.expires_at:%Y-%m-%d %H:%M} UTC. It is among your sessions: you can end it there.",
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
