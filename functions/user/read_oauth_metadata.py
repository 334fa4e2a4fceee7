"""GET /.well-known/oauth-authorization-server: how clients get tokens here by a person's browser (RFC 8414)."""

from typing import ClassVar

from functions.domain.accounts import oauth_grants, pages
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Reply


class AuthorizationServerMetadata(Reply):
    """What there is of OAuth, by the names that it has for it."""

    cache_control: ClassVar[str] = "public, max-age=3600"

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[str]
    code_challenge_methods_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    authorization_response_iss_parameter_supported: bool
    client_id_metadata_document_supported: bool
    service_documentation: str


@endpoint("GET", "/.well-known/oauth-authorization-server", resources=Resources(settings=pages.SETTINGS))
def read_oauth_metadata() -> AuthorizationServerMetadata:
    """Clients are public, and known by a document of theirs: none is registered."""
    issuer = oauth_grants.issuer()
    return AuthorizationServerMetadata(
        issuer=issuer,
        authorization_endpoint=pages.address("consent"),
        token_endpoint=f"{issuer}/v1/oauth/token",
        revocation_endpoint=f"{issuer}/v1/oauth/revoke",
        jwks_uri=f"{issuer}/.well-known/jwks.json",
        scopes_supported=list(oauth_grants.SCOPES),
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=["authorization_code", "refresh_token"],
        code_challenge_methods_supported=["S256"],
        token_endpoint_auth_methods_supported=["none"],
        revocation_endpoint_auth_methods_supported=["none"],
        authorization_response_iss_parameter_supported=True,
        client_id_metadata_document_supported=True,
        service_documentation=f"{issuer}/docs",
    )
