"""An e-mail address in a request."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import emails
from functions.schemas.base import Body


class EmailAddress(Body):
    """Where the mail is to go."""

    email: Annotated[str, Field(json_schema_extra=emails.SCHEMA, examples=["ann@example.com"])]
