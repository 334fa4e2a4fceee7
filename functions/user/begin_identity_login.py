"""POST /v1/auth/oidc/{provider}/begin: begin to prove who you are by an OpenID provider."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import challenges, openid
from functions.domain.accounts.challenges import Purpose
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.base import Reply
from functions.schemas.identities import ProviderId
from functions.schemas.passkeys import Challenge


class IdentityLogin(Reply):
    """Keep the challenge in the browser, and have it go to the address: the provider sends it back to the page."""

    challenge: Annotated[Challenge, Field(description="Good once; to be sent with what the provider answers.")]
    authorization_url: str
    expires_in: Annotated[int, Field(description="Seconds until the challenge expires.")]


@endpoint(
    "POST",
    "/v1/auth/oidc/{provider}/begin",
    errors=(openid.ProviderNotFound, openid.ProviderUnavailable, openid.ProviderFailed),
    resources=Resources(
        settings=openid.SETTINGS, group="function-identities", timeout_seconds=openid.SECONDS + 3, calls_out=True
    ),
)
def begin_identity_login(provider: ProviderId, audit: Audit, transaction: UserTransactions) -> IdentityLogin:
    """Begin a log-in, or the linking of an account that you are logged in to: both go on from the same answer."""
    with transaction() as db:
        found = openid.find(provider)
        challenge = challenges.issue(db, Purpose.IDENTITY)
        audit.enter(db)
    return IdentityLogin(
        challenge=challenge,
        authorization_url=openid.authorization_url(found, challenge),
        expires_in=challenges.LIFETIME_SECONDS,
    )
