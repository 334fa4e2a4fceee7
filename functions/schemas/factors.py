"""What endpoints say about second factors."""

from typing import Annotated

from pydantic import Field

from functions.schemas.base import Reply

Code = Annotated[
    str, Field(pattern=r"^[0-9]{6}$", description="The six digits that the app shows.", examples=["492039"])
]


class RecoveryCodes(Reply):
    """Codes that stand in for a second factor, each once; they are shown this one time."""

    recovery_codes: Annotated[
        list[str],
        Field(
            description="Empty if your account had a second factor before: its codes stay as they are.",
            examples=[["k3fw-7d2q-xn5c-ab6l-uz4e-rt2y-gm"]],
        ),
    ]
