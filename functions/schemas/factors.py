"""What endpoints say about second factors."""

from typing import Annotated

from pydantic import Field

from functions.schemas.base import Reply

Code = Annotated[
    str, Field(pattern=r"^[0-9]{6}$", description="The six digits that the app shows.", examples=["492039"])
]


class RecoveryCodes(Reply):
    """Codes that stand in for the app, each once; they are shown this one time."""

    recovery_codes: Annotated[list[str], Field(examples=[["k3fw-7d2q-xn5c-ab6l-uz4e-rt2y"]])]
