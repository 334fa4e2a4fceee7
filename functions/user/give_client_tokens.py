"""POST /v1/oauth/token: trade a code, or a refresh token, for a client's tokens (RFC 6749)."""

from functions.domain.accounts import accounts, device_logins, keys, oauth_grants, pages, sessions
from functions.domain.accounts.oauth_grants import Refresh, Shown
from functions.domain.accounts.sessions import Opened
from functions.domain.api_errors import FieldError, Invalid
from functions.domain.databases import UserDb
from functions.runtime import oauth
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.schemas.oauth import ClientPair, TokenRequest, TokenRequestForm


@endpoint(
    "POST",
    "/v1/oauth/token",
    errors=(
        *(device_logins.InvalidGrant, oauth_grants.CodeReused, sessions.RefreshTokenReused, oauth.UnsupportedGrantType),
        *(oauth_grants.InvalidScope, oauth_grants.InvalidTarget, accounts.AccountSuspended, accounts.AccountDeleted),
    ),
    resources=Resources(secrets=(keys.PRIVATE,), settings=pages.SETTINGS),
    protocol=oauth.PROTOCOL,
)
def give_client_tokens(asked: TokenRequest | TokenRequestForm, client: Client, db: UserDb) -> ClientPair:
    """Take a form or JSON, and answer in OAuth's words. A code or refresh token that comes back ends the session."""
    match asked.grant_type:
        case "authorization_code":
            opened = _first(asked, client, db)
        case "refresh_token":
            refresh = Refresh(asked.client_id, _needed(asked, "refresh_token"), asked.scope, asked.resource)
            opened = oauth_grants.refresh(db, refresh, client)
        case _:
            raise oauth.UnsupportedGrantType
    return ClientPair(**vars(opened), scope=" ".join(opened.scopes))


def _first(asked: TokenRequest, client: Client, db: UserDb) -> Opened:
    code, redirect_uri, verifier = (_needed(asked, each) for each in ("code", "redirect_uri", "code_verifier"))
    return oauth_grants.finish(db, Shown(asked.client_id, code, redirect_uri, verifier, asked.resource), client)


def _needed(asked: TokenRequest, name: str) -> str:
    value: str | None = getattr(asked, name)
    if value is None:
        raise Invalid(errors=[FieldError(f"/{name}", "missing", "Field required")])
    return value
