"""GET /v1/me/passkeys: the caller's passkeys, newest first."""

from functions.domain.accounts import passkeys
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn
from functions.schemas.base import Page, PageQuery
from functions.schemas.passkeys import Passkey


@endpoint("GET", "/v1/me/passkeys")
def list_passkeys(caller: LoggedIn, query: PageQuery, db: UserDb) -> Page[Passkey]:
    """Read one page of the passkeys."""
    rows = passkeys.list_all(db, caller.id, before=query.after(), limit=query.limit + 1)
    return query.page(rows, Passkey)
