"""PATCH /v1/me/passkeys/{passkey_id}: give a passkey another name."""

from functions.domain.accounts import passkeys
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn
from functions.schemas.base import Body
from functions.schemas.passkeys import Passkey, PasskeyId, PasskeyName


class PasskeyChanges(Body):
    """What to change: there is nothing but the name."""

    name: PasskeyName


@endpoint("PATCH", "/v1/me/passkeys/{passkey_id}", errors=(passkeys.PasskeyNotFound,))
def rename_passkey(caller: LoggedIn, passkey_id: PasskeyId, changes: PasskeyChanges, db: UserDb) -> Passkey:
    """Change what its owner calls it, and nothing else."""
    return Passkey.model_validate(passkeys.rename(db, caller.id, passkey_id, changes.name))
