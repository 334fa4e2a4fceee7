"""GET /v1/auth/oidc: the OpenID providers by which people can log in here."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import openid
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Reply
from functions.schemas.identities import ProviderId


class IdentityProvider(Reply):
    """A provider."""

    id: ProviderId
    name: Annotated[str, Field(description="How people know it.", examples=["Example"])]


class IdentityProviders(Reply):
    """All that there are; none if nobody logs in like that here."""

    items: list[IdentityProvider]


@endpoint("GET", "/v1/auth/oidc", resources=Resources(settings=(openid.PROVIDERS_SETTING,)))
def read_identity_providers() -> IdentityProviders:
    """Read them, in the order in which they are to be shown."""
    return IdentityProviders(items=[IdentityProvider.model_validate(each) for each in openid.providers()])
