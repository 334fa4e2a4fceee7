"""GET /v1/me/identities: the OpenID providers by which your account can be logged in to."""

from functions.domain.accounts import identities
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn
from functions.schemas.base import Reply
from functions.schemas.identities import Identity


class Identities(Reply):
    """All that there are: one of a provider at most."""

    items: list[Identity]


@endpoint("GET", "/v1/me/identities")
def read_identities(caller: LoggedIn, db: UserDb) -> Identities:
    """Read them, by the word for the provider."""
    return Identities(items=[Identity.model_validate(each) for each in identities.of(db, caller.id)])
