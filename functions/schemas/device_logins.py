"""Device log-ins, as RFC 8628 has them: as JSON or as a form, and what is answered."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from functions.schemas.base import FORM, LINE, Body

ClientId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=LINE,
        description="What the program calls itself; whoever approves it is shown this.",
        examples=["build-tool"],
    ),
]


class DeviceRequest(Body):
    """Which program wants to log in."""

    # RFC 6749, 3.1: what isn't known is ignored.
    model_config = ConfigDict(extra="ignore")

    client_id: ClientId


class DeviceRequestForm(DeviceRequest):
    """The same as a form."""

    media_type: ClassVar[str] = FORM


class DeviceGrant(Body):
    """With which code a program asks for its tokens."""

    model_config = ConfigDict(extra="ignore")

    grant_type: Annotated[
        str, Field(min_length=1, max_length=128, examples=["urn:ietf:params:oauth:grant-type:device_code"])
    ]
    device_code: Annotated[
        str, Field(min_length=1, max_length=128, examples=["dev_6mCHz3V6gCC7LrwPhpC4"], description="From the answer.")
    ]
    client_id: ClientId


class DeviceGrantForm(DeviceGrant):
    """The same as a form."""

    media_type: ClassVar[str] = FORM
