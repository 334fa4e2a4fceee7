"""What endpoints take as a password that somebody chooses."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import passwords

NewPassword = Annotated[
    str,
    Field(
        min_length=passwords.MIN_LENGTH,
        max_length=passwords.MAX_LENGTH,
        description="Anything but the e-mail address itself, and what others would try first.",
    ),
]
