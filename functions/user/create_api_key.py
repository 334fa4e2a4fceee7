"""POST /v1/me/api-keys: make a key for a program of one's own."""

from typing import Annotated, get_args

from pydantic import Field

from functions.domain.accounts import accounts, api_keys
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import RecentUser
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.api_keys import ApiKey, ApiKeyName, Scope
from functions.schemas.base import Body

DAYS = 90
"""For how many days a key is good that doesn't say."""


class NewApiKey(Body):
    """A key to be made."""

    name: ApiKeyName
    scopes: Annotated[
        list[Scope],
        Field(
            min_length=1,
            max_length=len(get_args(Scope)),
            description="What it may do, of what your account may.",
            examples=[["user"]],
        ),
    ]
    expires_in_days: Annotated[int, Field(ge=1, le=api_keys.LONGEST_DAYS)] = DAYS


class CreatedApiKey(ApiKey):
    """The new key. Its text is told here and never again: keep it where secrets are kept."""

    key: Annotated[
        str,
        Field(
            description="Show it as the bearer token. It is known at once where accounts are, and everywhere else "
            "within a second or two.",
            examples=["bbk_live_3vLQ8mYwT0kZr5HsX1cNeB2pRkd9"],
        ),
    ]


# The transaction is the handler's own, and so no Idempotency-Key is taken: its answer would be kept, and the key in it.
@endpoint(
    "POST",
    "/v1/me/api-keys",
    status=201,
    errors=(accounts.AccountSuspended, accounts.AccountDeleted, api_keys.ScopesNotGranted, api_keys.TooManyApiKeys),
    resources=Resources(settings=(api_keys.SETTING,)),
)
def create_api_key(caller: RecentUser, wanted: NewApiKey, audit: Audit, transaction: UserTransactions) -> CreatedApiKey:
    """Make a key with which a program does what you may do, without logging in. An account may have twenty."""
    with transaction() as db:
        made = api_keys.create(db, caller.id, name=wanted.name, scopes=wanted.scopes, days=wanted.expires_in_days)
        audit.about(made.id)
        audit.enter(db)
    return CreatedApiKey(**vars(made), last_used_at=None)
