"""POST /v1/oauth/revoke: end a client's session, whose refresh token is of no more use (RFC 7009)."""

from functions.domain.accounts import oauth_grants
from functions.domain.databases import UserDb
from functions.runtime import oauth
from functions.runtime.endpoint import endpoint
from functions.schemas.oauth import RevocationRequest, RevocationRequestForm


@endpoint("POST", "/v1/oauth/revoke", errors=(oauth.UnsupportedTokenType,), protocol=oauth.PROTOCOL)
def revoke_client_token(asked: RevocationRequest | RevocationRequestForm, db: UserDb) -> None:
    """Answer the same for what is no such token. Access tokens end with their session, within seconds."""
    if asked.token.startswith("ey"):
        raise oauth.UnsupportedTokenType
    oauth_grants.revoke(db, asked.token, asked.client_id)
