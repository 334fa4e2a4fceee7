"""Setting a forgotten password: by a token that was sent to the account's address."""

from core import context
from events.catalog.accounts import PasswordChanged
from events.outbox import emit
from functions.domain.accounts import (
    accounts,
    api_keys,
    email_changes,
    factors,
    identities,
    one_time_tokens,
    passwords,
    sessions,
    throttling,
    verification,
)
from functions.domain.accounts.one_time_tokens import Purpose
from functions.domain.databases import UserDb


def reset(db: UserDb, token: str, new: str) -> None:
    """Use a token up, give its account a new password, end its sessions, and emit PasswordChanged.

    The token came to the account's address, which is verified by that. If it wasn't before, somebody else may have
    signed up with it: nothing stays by which they would get in. Raises TokenExpiredOrUsed and PasswordUnfit.
    """
    account_id = one_time_tokens.redeem(db, token, Purpose.PASSWORD_RESET)
    context.act_as(account_id)
    accounts.lock(db, account_id)
    email = accounts.find(db, account_id).email
    passwords.check(new, email, "/new_password")
    accounts.set_password(db, account_id, new)
    email_changes.withdraw(db, account_id)
    emit(db, PasswordChanged(account_id=account_id))
    if verification.note(db, account_id):
        api_keys.revoke_all(db, account_id, "address_verified")
        factors.forget(db, account_id, "address_verified")
        identities.forget(db, account_id, "address_verified")
    sessions.revoke_all(db, account_id, "password_reset")
    throttling.forget(db, account_id, email)
