"""An address and a password in a request."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import emails, passwords
from functions.schemas.base import Body


class Credentials(Body):
    """Whose account it is, and the proof."""

    email: Annotated[str, Field(json_schema_extra=emails.SCHEMA, examples=["ann@example.com"])]
    password: Annotated[str, Field(min_length=1, max_length=passwords.MAX_LENGTH, examples=["correct horse battery"])]
