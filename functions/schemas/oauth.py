"""What clients of OAuth send, and browsers for them, and what they are told."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from functions.domain.accounts import oauth_clients, oauth_grants
from functions.domain.accounts.oauth_grants import Request
from functions.schemas.base import FORM, Body
from functions.schemas.token_pairs import ProgramPair

OAuthClientId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=oauth_clients.MAX_ID,
        description="The https URL of the client's metadata document.",
        examples=["https://client.example.com/oauth/client.json"],
    ),
]

RedirectUri = Annotated[
    str,
    Field(
        min_length=1,
        max_length=oauth_clients.MAX_REDIRECT,
        description="One of those in the document; on the person's own machine with any port.",
        examples=["http://127.0.0.1:33418/callback"],
    ),
]

Resource = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        description="The address of an MCP endpoint, for which the tokens are to be good.",
        examples=["http://localhost:8080/v1/mcp"],
    ),
]

Scope = Annotated[str, Field(min_length=1, max_length=512, examples=["user"])]

_OPEN = ConfigDict(extra="ignore")
"""RFC 6749, 3.1: what isn't known is ignored."""


class AuthorizationRequest(Body):
    """What a client asks for, as the browser was sent with it, and what becomes of it."""

    model_config = _OPEN

    client_id: OAuthClientId
    redirect_uri: RedirectUri
    response_type: Annotated[str, Field(max_length=64, examples=["code"])]
    code_challenge: Annotated[
        str | None, Field(max_length=128, examples=["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"])
    ] = None
    code_challenge_method: Annotated[str | None, Field(max_length=16, examples=["S256"])] = None
    resource: Resource | None = None
    scope: Scope | None = None
    state: Annotated[str | None, Field(max_length=2048, description="Given back to the client as it is.")] = None
    decision: Annotated[
        Literal["approve", "deny"] | None, Field(description="Left out, you are told who asks, and nothing changes.")
    ] = None

    def told(self) -> Request:
        """Return it as it is checked."""
        return Request(
            self.redirect_uri,
            self.response_type,
            self.code_challenge,
            self.code_challenge_method,
            self.resource,
            self.scope,
            self.state,
        )


class TokenRequest(Body):
    """A code for the first tokens, or a refresh token for the next."""

    model_config = _OPEN

    grant_type: Annotated[str, Field(min_length=1, max_length=128, examples=["authorization_code"])]
    client_id: OAuthClientId
    code: Annotated[
        str | None, Field(min_length=1, max_length=oauth_grants.MAX_CODE, examples=["oac_6mCHz3V6gCC7LrwPhpC4"])
    ] = None
    redirect_uri: Annotated[RedirectUri | None, Field(examples=["http://127.0.0.1:33418/callback"])] = None
    code_verifier: Annotated[
        str | None,
        Field(min_length=1, max_length=128, examples=["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"]),
    ] = None
    refresh_token: Annotated[str | None, Field(min_length=1, max_length=256)] = None
    resource: Resource | None = None
    scope: Scope | None = None


class TokenRequestForm(TokenRequest):
    """The same as a form."""

    media_type: ClassVar[str] = FORM


class RevocationRequest(Body):
    """The refresh token that is of no more use."""

    model_config = _OPEN

    token: Annotated[str, Field(min_length=1, max_length=2048, examples=["rt_6mCHz3V6gCC7LrwPhpC4"])]
    client_id: OAuthClientId


class RevocationRequestForm(RevocationRequest):
    """The same as a form."""

    media_type: ClassVar[str] = FORM


class ClientPair(ProgramPair):
    """A client's session: an access token for one resource, and a refresh token to trade for the next pair."""

    scope: Annotated[str, Field(description="What the client may do.", examples=["user"])]
