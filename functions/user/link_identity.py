"""POST /v1/me/identities/{provider}: let your account be logged in to by an OpenID provider."""

from functions.domain.accounts import accounts, challenges, factors, identities, openid
from functions.domain.accounts.openid import Proved
from functions.domain.accounts.throttling import TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.identities import ProviderAnswer, ProviderId


def admit(
    caller: RecentUser, provider: ProviderId, brought: ProviderAnswer, client: Client, transaction: UserTransactions
) -> Proved:
    """Use the challenge up, and ask the provider who it is."""
    with transaction() as db:
        caller.have_proved_what_there_is(factors.are_needed(db, caller.id))
    return identities.prove(transaction, provider, brought.told(), client.network)


@endpoint(
    "POST",
    "/v1/me/identities/{provider}",
    status=204,
    errors=(
        *(openid.ProviderNotFound, openid.ProviderUnavailable, openid.ProviderFailed, openid.IdentityNotProved),
        *(challenges.ChallengeExpired, identities.IdentityTaken, identities.ProviderLinkedAlready),
        *(accounts.AccountSuspended, accounts.AccountDeleted, InsufficientAal, TooManyGuesses),
    ),
    resources=Resources(
        secrets=(openid.SECRETS,),
        settings=openid.SETTINGS,
        group="function-identities",
        timeout_seconds=openid.SECONDS + 3,
        calls_out=True,
    ),
    prepare=admit,
)
def link_identity(caller: RecentUser, proved: Proved, db: UserDb) -> None:
    """Link it, with what the provider has answered; you are told by mail."""
    identities.link(db, caller.id, proved)
