"""POST /v1/auth/device: log in from a program without a browser, once somebody elsewhere approves it."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import device_logins, pages
from functions.domain.databases import UserDb
from functions.runtime import oauth
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.schemas.base import Reply
from functions.schemas.device_logins import DeviceRequest, DeviceRequestForm


class DeviceCodes(Reply):
    """Show the user code and the address to whoever runs the program, and ask for tokens with the device code."""

    device_code: str
    user_code: Annotated[str, Field(examples=["WDJB-MJHT"])]
    verification_uri: Annotated[str, Field(description="The page on which the user code is typed in.")]
    verification_uri_complete: Annotated[str, Field(description="The same with the code in it, behind a #.")]
    expires_in: Annotated[int, Field(description="Seconds for which both codes are good.")]
    interval: Annotated[int, Field(description="Seconds to wait between two requests for tokens.")]


@endpoint(
    "POST",
    "/v1/auth/device",
    resources=Resources(settings=pages.SETTINGS),
    protocol=oauth.PROTOCOL,
)
def begin_device_login(wanted: DeviceRequest | DeviceRequestForm, client: Client, db: UserDb) -> DeviceCodes:
    """RFC 8628: the request is a form or JSON, and errors are those of OAuth."""
    return DeviceCodes.model_validate(device_logins.begin(db, wanted.client_id, client))
