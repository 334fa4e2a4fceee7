"""POST /v1/auth/device/token: ask whether a device log-in was approved, and have its session if it was."""

from typing import Annotated, Final

from pydantic import Field

from functions.domain.accounts import accounts, device_logins, keys
from functions.domain.databases import UserDb
from functions.runtime import oauth
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.schemas.device_logins import DeviceGrant, DeviceGrantForm
from functions.schemas.token_pairs import ProgramPair

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"


class DevicePair(ProgramPair):
    """A session of one factor: an access token for the Authorization header, and a refresh token for the next pair."""

    scope: Annotated[str, Field(description="What the account may do, whatever was asked for.", examples=["user"])]


@endpoint(
    "POST",
    "/v1/auth/device/token",
    errors=(
        *(device_logins.AuthorizationPending, device_logins.SlowDown, device_logins.AccessDenied),
        *(device_logins.ExpiredToken, device_logins.InvalidGrant, oauth.UnsupportedGrantType),
        *(accounts.AccountSuspended, accounts.AccountDeleted),
    ),
    resources=Resources(secrets=(keys.PRIVATE,)),
    protocol=oauth.PROTOCOL,
)
def finish_device_login(grant: DeviceGrant | DeviceGrantForm, client: Client, db: UserDb) -> DevicePair:
    """RFC 8628: the request is a form or JSON, and errors are those of OAuth, `authorization_pending` until then."""
    if grant.grant_type != GRANT_TYPE:
        raise oauth.UnsupportedGrantType
    opened = device_logins.finish(db, grant.device_code, grant.client_id, client)
    return DevicePair(**vars(opened), scope=" ".join(opened.scopes))
