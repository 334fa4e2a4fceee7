"""POST /v1/auth/register: sign up."""

from typing import Annotated, Literal

from pydantic import Field

from functions.domain.accounts import emails, passwords, registration
from functions.domain.accounts.registration import Candidate
from functions.domain.accounts.throttling import TooManyMails
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
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
    """What follows: a mail."""

    status: Annotated[
        Literal["verification_sent"], Field(description="Always this, whether or not the address has an account.")
    ]


def admit(wanted: Registration, client: Client, transaction: UserTransactions) -> Candidate:
    """Check and count it, and hash the password: as much work for an address that has an account as for another."""
    return registration.admit(transaction, wanted.email, wanted.password, client.network)


@endpoint(
    "POST",
    "/v1/auth/register",
    status=202,
    errors=(passwords.PasswordUnfit, passwords.TooManyPasswords, emails.EmailInvalid, TooManyMails),
    resources=Resources(memory="256Mi", max_scale=10, group="function-passwords", settings=(passwords.SETTING,)),
    prepare=admit,
)
def register(candidate: Candidate, db: UserDb) -> Registered:
    """Create an account with the scope `user`, and send a token that verifies its address; log in at once.

    If the address has an account, that stays as it is: its owner is told by mail, and the answer is the same.
    """
    registration.register(db, candidate)
    return Registered(status="verification_sent")
