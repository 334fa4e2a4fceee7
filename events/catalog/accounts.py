"""Events about accounts, their sessions and their API keys, from user_psql."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from events.event import Event


class AccountRegistered(
    Event,
    type="com.botberi.account.registered.v1",
    subject="account_id",
    produced_by=("user_psql/user", "user_psql/admin"),
):
    """Somebody signed up.

    Said when the account is created. Who they are isn't in it: whoever may know asks for the account.
    """

    account_id: str
    """The new account, `usr_…`."""


class RegistrationRepeated(
    Event, type="com.botberi.registration.repeated.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """Somebody tried to sign up with an address that has an account.

    Said when they try, whoever they are, in place of `com.botberi.account.registered.v1`. The account stays as it is,
    and its owner is told by mail.
    """

    account_id: str
    """The account that has the address, `usr_…`."""


class AccountSuspended(
    Event, type="com.botberi.account.suspended.v1", subject="account_id", produced_by=("user_psql/admin",)
):
    """An account was suspended: nobody can log in to it, and its sessions have ended.

    Said when that is done, before the end of each session is said.
    """

    account_id: str
    """The account, `usr_…`."""
    reason: str
    """Why, in the words of whoever did it; the account's owner may see them."""


class AccountDeleted(
    Event, type="com.botberi.account.deleted.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """An account was deleted by its owner: nobody can log in to it, and its sessions and API keys have ended.

    Said when that is done, before the end of each is said. Until it is purged it can be restored.
    """

    account_id: str
    """The account, `usr_…`."""
    purge_at: datetime
    """When it is purged."""


class AccountPurged(
    Event, type="com.botberi.account.purged.v1", subject="account_id", produced_by=("user_psql/subscribers",)
):
    """Nothing is left of an account in user_psql; whoever else keeps something of it is to delete that.

    Said when its rows are deleted, some time after its owner has deleted it.
    """

    account_id: str
    """The account that was, `usr_…`."""


class AccountRestored(
    Event,
    type="com.botberi.account.restored.v1",
    subject="account_id",
    produced_by=("user_psql/user", "user_psql/admin"),
):
    """An account that was suspended, or deleted by its owner, may be used again.

    Said when that is done. Its sessions stay ended.
    """

    account_id: str
    """The account, `usr_…`."""
    reason: str
    """`restored_by_owner`, or why, in the words of the administrator who did it; the account's owner may see them."""


class AccountScopesChanged(
    Event, type="com.botberi.account.scopes_changed.v1", subject="account_id", produced_by=("user_psql/admin",)
):
    """An account may do more or less than before.

    Said when its scopes are others. When one was taken away, its sessions have ended, which is said after this.
    """

    account_id: str
    """The account, `usr_…`."""
    scopes: Annotated[list[str], Field(examples=[["user"]])]
    """What it may do from now on: `user`, `admin`, `broker`; there may be more."""
    scopes_before: Annotated[list[str], Field(examples=[["user", "broker"]])]
    """What it was allowed to do."""
    reason: str
    """Why, in the words of whoever did it; the account's owner may see them."""


class AccountChanged(
    Event, type="com.botberi.account.changed.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """The owner of an account changed what it says of them.

    Said when something is another. Neither what it was nor what it is now is in the event.
    """

    account_id: str
    """The account, `usr_…`."""
    fields: Annotated[list[str], Field(examples=[["name", "timezone"]])]
    """What has changed: `name`, `locale`, `timezone`; there may be more."""


class EmailVerificationRequested(
    Event, type="com.botberi.email.verification_requested.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """Somebody asks that an account's address be verified by another mail.

    Said when they ask, whoever they are, and the address isn't verified yet. A mail with a new token follows.
    """

    account_id: str
    """The account, `usr_…`."""


class EmailVerified(
    Event,
    type="com.botberi.email.verified.v1",
    subject="account_id",
    produced_by=("user_psql/user", "user_psql/admin"),
):
    """An account's owner has proved that mail to its address reaches them, or an administrator says so.

    Said when a token is shown that was sent to the address, for the first time. From then on the account may launch
    instances.
    """

    account_id: str
    """The account, `usr_…`."""


class EmailChangeRequested(
    Event, type="com.botberi.email.change_requested.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """The owner of an account asks for another address; neither is in the event.

    Said when they ask. A mail to each address follows, with a token. The address is changed when both were used.
    """

    account_id: str
    """The account, `usr_…`."""


class EmailChangeCancelled(
    Event, type="com.botberi.email.change_cancelled.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """The owner of an account doesn't want the other address any more that they have asked for.

    Said when they say so. The tokens that were sent for it are good no more.
    """

    account_id: str
    """The account, `usr_…`."""


class EmailChangeRefused(
    Event, type="com.botberi.email.change_refused.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """An account stays at its address: the other one, for which its owner had asked, has an account by now.

    Said when both tokens were used. A mail to that address follows.
    """

    account_id: str
    """The account that stays as it is, `usr_…`."""


class EmailChanged(Event, type="com.botberi.email.changed.v1", subject="account_id", produced_by=("user_psql/user",)):
    """An account has another address; neither is in the event.

    Said when that is done, by tokens that were sent to both. The sessions of the account have ended, but the one that
    asked for it, which is said after this.
    """

    account_id: str
    """The account, `usr_…`."""


class PasswordResetRequested(
    Event,
    type="com.botberi.password.reset_requested.v1",
    subject="account_id",
    produced_by=("user_psql/user", "user_psql/admin"),
):
    """Somebody says that they have forgotten the password of an account, or an administrator wants another to be set.

    Said when they say so, whoever they are. A mail with a token follows, by which the owner can set another.
    """

    account_id: str
    """The account, `usr_…`."""
    message: str = ""
    """Why, in the words of an administrator who asked for it; the account's owner may see them."""


class PasswordChanged(
    Event, type="com.botberi.password.changed.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """An account has a new password.

    Said when that is done, by whoever knew the one before or was sent a token to the account's address. The other
    sessions of the account have ended, which is said after this.
    """

    account_id: str
    """The account, `usr_…`."""


class FactorAdded(Event, type="com.botberi.factor.added.v1", subject="account_id", produced_by=("user_psql/user",)):
    """An account has a second factor, or one more: from now on a log-in takes more than the password.

    Said when the factor is confirmed. The other sessions of the account have ended, which is said after this.
    """

    account_id: str
    """The account, `usr_…`."""
    kind: str
    """What the factor is: `totp`, an app that makes one-time passwords, or `passkey`; there may be more."""


class FactorRemoved(
    Event,
    type="com.botberi.factor.removed.v1",
    subject="account_id",
    produced_by=("user_psql/user", "user_psql/admin"),
):
    """An account has a second factor no more; with the last, it has no recovery codes either.

    Said when that is done, by its owner, or by an administrator, who removes all: then it is said once for each kind.
    Sessions of the account have ended, which is said after this.
    """

    account_id: str
    """The account, `usr_…`."""
    kind: str
    """What the factor was: `totp` or `passkey`; there may be more."""
    reason: str
    """`removed_by_owner`, `address_verified`, or why, in the words of the administrator who did it; the account's owner
    may see them.
    """


class PasskeySuspected(
    Event, type="com.botberi.passkey.suspected.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """A passkey of an account may have been copied: its authenticator has counted no further than it had before.

    Said when somebody has proved to have the passkey, and was refused for this. Nothing else is changed by it.
    """

    account_id: str
    """The account, `usr_…`."""
    passkey_id: str
    """The passkey, `psk_…`."""


class RecoveryCodeUsed(
    Event, type="com.botberi.recovery_code.used.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """Somebody logged in to an account with a recovery code in place of its second factor.

    Said when the session is opened. The code is worth nothing any more.
    """

    account_id: str
    """The account, `usr_…`."""
    left: int
    """How many codes are left."""


class IdentityLinked(
    Event, type="com.botberi.identity.linked.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """An account can be logged in to by an OpenID provider.

    Said when its owner links it, or signs up by the provider. Who they are to the provider isn't in it.
    """

    account_id: str
    """The account, `usr_…`."""
    provider: str
    """The installation's word for the provider."""


class IdentityUnlinked(
    Event, type="com.botberi.identity.unlinked.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """An account can be logged in to by an OpenID provider no more.

    Said when that is done. Other sessions of the account have ended, which is said after this.
    """

    account_id: str
    """The account, `usr_…`."""
    provider: str
    """The installation's word for the provider."""
    reason: str
    """Why: `removed_by_owner`, or `address_verified` if the account's address turned out to be somebody else's."""


class DeviceApproved(
    Event, type="com.botberi.device.approved.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """The owner of an account approved that a program logs in to it.

    Said when they approve, before the program has its session. Which program it is isn't in the event.
    """

    account_id: str
    """The account, `usr_…`."""


class ClientApproved(
    Event, type="com.botberi.client.approved.v1", subject="account_id", produced_by=("user_psql/user",)
):
    """The owner of an account consented that a client of OAuth acts for it.

    Said when they consent, before the client has its session. Which client it is isn't in the event.
    """

    account_id: str
    """The account, `usr_…`."""


class SessionOpenedElsewhere(
    Event, type="com.botberi.session.opened_elsewhere.v1", subject="session_id", produced_by=("user_psql/user",)
):
    """An account was logged in to from a network, or with a program, of which it had no session before.

    Said when the session is opened, and never of an account's first. From where and with what isn't in it: whoever may
    know asks for the account's sessions.
    """

    session_id: str
    """The session, `ses_…`."""
    account_id: str
    """Its owner, `usr_…`."""


class SessionRevoked(
    Event,
    type="com.botberi.session.revoked.v1",
    subject="session_id",
    produced_by=("user_psql/user", "user_psql/admin"),
):
    """A session ended before its time: by its owner, by a spent refresh token, or because the account may do less now.

    Said when its tokens stop being good in user_psql. Others who accept access tokens refuse these from then on.
    """

    session_id: str
    """The session, `ses_…`."""
    account_id: str
    """Whose it was, `usr_…`."""
    reason: str
    """`logged_out`, `ended_by_owner`, `password_changed`, `password_reset`, `refresh_token_reused`,
    `account_suspended`, `scopes_withdrawn`, `factor_added`, `factor_removed`, `factors_reset`, `email_changed`,
    `account_deleted` or `ended_by_administrator`; there may be more.
    """
    message: str = ""
    """Why, in the words of an administrator who ended it; the account's owner may see them."""
    expires_at: datetime
    """When the last access token of the session will have expired by itself."""


class AccountImpersonated(
    Event, type="com.botberi.account.impersonated.v1", subject="account_id", produced_by=("user_psql/admin",)
):
    """Somebody who helps people acts for an account, for a while, and sees what its owner sees.

    Said when it begins. Its owner sees the session among their own and can end it, which is said as of any session.
    """

    account_id: str
    """The account, `usr_…`."""
    session_id: str
    """The session in which they do, `ses_…`."""
    impersonator_id: str
    """Who does, `usr_…`."""
    reason: str
    """Why, in their words; the account's owner may see them."""
    may_write: bool
    """Whether they may change anything."""
    expires_at: datetime
    """When it ends by itself."""


class ApiKeyCreated(Event, type="com.botberi.api_key.created.v1", subject="key_id", produced_by=("user_psql/user",)):
    """The owner of an account made an API key.

    Said when the key is made. Neither the key nor anything made from it is in the event: whoever has to know keys asks
    user_psql, by the id.
    """

    key_id: str
    """The key's id, `key_…`."""
    account_id: str
    """Whose it is, `usr_…`."""
    scopes: Annotated[list[str], Field(examples=[["user"]])]
    """What it may do: `user`, `admin`, `broker`; there may be more."""
    expires_at: datetime
    """When it ends by itself."""


class ApiKeyRevoked(
    Event,
    type="com.botberi.api_key.revoked.v1",
    subject="key_id",
    produced_by=("user_psql/user", "user_psql/admin"),
):
    """An API key ended before its time: by its owner, or because the account may do less now.

    Said when it stops being good in user_psql. Others who accept API keys refuse it from then on.
    """

    key_id: str
    """The key's id, `key_…`."""
    account_id: str
    """Whose it was, `usr_…`."""
    reason: str
    """`revoked_by_owner`, `account_suspended`, `account_deleted`, `scopes_withdrawn` or `address_verified`; there may
    be more.
    """
    expires_at: datetime
    """When it would have ended by itself."""


class ExportRequested(
    Event, type="com.botberi.export.requested.v1", subject="export_id", produced_by=("user_psql/user",)
):
    """The owner of an account wants to take along everything that is known of them.

    Said when they ask. It is collected after that.
    """

    export_id: str
    """The export, `exp_…`."""
    account_id: str
    """Whose it is, `usr_…`."""


class ExportFinished(
    Event, type="com.botberi.export.finished.v1", subject="export_id", produced_by=("user_psql/subscribers",)
):
    """Everything that is known of an account's owner is written down, and can be fetched for a day.

    Said when it is in the store of objects. Nothing of it is in the event.
    """

    export_id: str
    """The export, `exp_…`."""
    account_id: str
    """Whose it is, `usr_…`."""
