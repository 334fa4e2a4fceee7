"""POST /v1/auth/oidc/{provider}/finish: log in with what an OpenID provider has answered."""

from functions.domain.accounts import accounts, challenges, identities, keys, log_ins, openid, webauthn
from functions.domain.accounts.openid import Proved
from functions.domain.accounts.throttling import TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
from functions.runtime.providers.refresh_cookie import RefreshCookie
from functions.schemas.identities import ProviderAnswer, ProviderId
from functions.schemas.log_ins import MfaRequired, answer
from functions.schemas.token_pairs import TokenPair


def admit(provider: ProviderId, brought: ProviderAnswer, client: Client, transaction: UserTransactions) -> Proved:
    """Use the challenge up, and ask the provider who it is."""
    return identities.prove(transaction, provider, brought.told(), client.network)


@endpoint(
    "POST",
    "/v1/auth/oidc/{provider}/finish",
    errors=(
        *(openid.ProviderNotFound, openid.ProviderUnavailable, openid.ProviderFailed, openid.IdentityNotProved),
        *(challenges.ChallengeExpired, identities.IdentityNotLinked, identities.AccountExists),
        *(accounts.AccountSuspended, accounts.AccountDeleted, TooManyGuesses),
    ),
    resources=Resources(
        secrets=(keys.PRIVATE, openid.SECRETS),
        settings=(*openid.SETTINGS, webauthn.RP_ID_SETTING),
        group="function-identities",
        timeout_seconds=openid.SECONDS + 3,
        calls_out=True,
    ),
    prepare=admit,
)
def finish_identity_login(client: Client, cookie: RefreshCookie, proved: Proved, db: UserDb) -> TokenPair | MfaRequired:
    """Open a session, or ask for the account's second factor; somebody new with a verified address has an account."""
    return cookie.keep(answer(log_ins.enter(db, identities.log_in(db, proved), client)))
