"""POST /v1/auth/register: create an account."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.accounts import accounts, emails, passwords
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Body, Reply
from functions.schemas.passwords import NewPassword


class Registration(Body):
    """Who signs up."""

    email: Annotated[
        str,
        Field(
            json_schema_extra=emails.SCHEMA,
            description="Upper and lower case are the same.",
            examples=["ann@example.com"],
        ),
    ]
    password: Annotated[NewPassword, Field(examples=["correct horse battery"])]


class Registered(Reply):
    """The new account."""

    id: str
    email: str
    scopes: tuple[str, ...]
    created_at: datetime


@endpoint(
    "POST",
    "/v1/auth/register",
    status=201,
    errors=(accounts.EmailTaken, passwords.PasswordUnfit, passwords.TooManyPasswords, emails.EmailInvalid),
    resources=Resources(memory="256Mi", max_scale=10, group="function-passwords", settings=(passwords.SETTING,)),
)
def register(registration: Registration, db: UserDb) -> Registered:
    """Create an account with the scope `user`; log in next."""
    return Registered.model_validate(accounts.register(db, registration.email, registration.password))
