"""DELETE /v1/me/api-keys/{key_id}: revoke an API key."""

from functions.domain.accounts import api_keys
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn
from functions.schemas.api_keys import ApiKeyId


@endpoint("DELETE", "/v1/me/api-keys/{key_id}", status=204, errors=(api_keys.ApiKeyNotFound,))
def delete_api_key(caller: LoggedIn, key_id: ApiKeyId, db: UserDb) -> None:
    """End a key for good: within five seconds it opens nothing anywhere, and what it holds open is closed."""
    api_keys.revoke_own(db, caller.id, key_id)
