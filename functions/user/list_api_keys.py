"""GET /v1/me/api-keys: the caller's API keys, newest first."""

from functions.domain.accounts import api_keys
from functions.domain.databases import SharedDb, UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn
from functions.schemas.api_keys import ApiKey
from functions.schemas.base import Page, PageQuery


@endpoint("GET", "/v1/me/api-keys")
def list_api_keys(caller: LoggedIn, query: PageQuery, db: UserDb, shared: SharedDb) -> Page[ApiKey]:
    """Read one page of the keys that weren't revoked."""
    rows = api_keys.list_open(db, shared, caller.id, before=query.after(), limit=query.limit + 1)
    return query.page(rows, ApiKey)
