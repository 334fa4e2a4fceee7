"""GET /v1/admin/accounts: everybody's accounts, newest first."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import emails, searching
from functions.domain.accounts.accounts import SCOPES
from functions.domain.accounts.searching import Which
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.any_accounts import AnyAccount
from functions.schemas.base import Page, PageQuery


class AccountQuery(PageQuery):
    """Which accounts, and which page of them. All that is given has to hold."""

    email: Annotated[
        str | None, Field(json_schema_extra=emails.SCHEMA, description="Only the one with this address.")
    ] = None
    scope: Annotated[
        str | None, Field(pattern=f"^({'|'.join(SCOPES)})$", description="Only those that have this scope.")
    ] = None
    suspended: Annotated[bool | None, Field(description="Only those that are suspended, or aren't.")] = None


@endpoint("GET", "/v1/admin/accounts", errors=(emails.EmailInvalid,))
def list_accounts(_caller: Support, query: AccountQuery, db: UserDb) -> Page[AnyAccount]:
    """Read one page of them."""
    which = Which(query.email, query.scope, query.suspended)
    rows = searching.search(db, which, before=query.after(), limit=query.limit + 1)
    return query.page(rows, AnyAccount)
