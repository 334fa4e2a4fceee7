"""DELETE /v1/me/identities/{provider}: let your account be logged in to by an OpenID provider no more."""

from functions.domain.accounts import accounts, factors, identities
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.schemas.identities import ProviderId


@endpoint(
    "DELETE",
    "/v1/me/identities/{provider}",
    status=204,
    errors=(identities.IdentityNotFound, accounts.LastLogin, InsufficientAal),
)
def unlink_identity(caller: RecentUser, provider: ProviderId, db: UserDb) -> None:
    """End the caller's other sessions, too. The only way in to an account isn't taken away."""
    caller.have_proved_what_there_is(factors.are_needed(db, caller.id))
    identities.unlink(db, caller.id, caller.session_id, provider)
