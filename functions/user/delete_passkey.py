"""DELETE /v1/me/passkeys/{passkey_id}: have a passkey open the account no more."""

from functions.domain.accounts import accounts, passkeys
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import RecentAal2User
from functions.schemas.passkeys import PasskeyId


@endpoint("DELETE", "/v1/me/passkeys/{passkey_id}", status=204, errors=(passkeys.PasskeyNotFound, accounts.LastLogin))
def delete_passkey(caller: RecentAal2User, passkey_id: PasskeyId, db: UserDb) -> None:
    """End the caller's other sessions; with the last second factor, recovery codes are forgotten too."""
    passkeys.remove(db, caller.id, caller.session_id, passkey_id)
