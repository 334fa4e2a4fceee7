"""POST /v1/auth/password/reset: set another password, by the token of a mail."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import one_time_tokens, password_resets, passwords
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.schemas.base import Body
from functions.schemas.passwords import NewPassword


class PasswordReset(Body):
    """The token of the newest mail, and the password to come."""

    token: Annotated[str, Field(min_length=1, max_length=one_time_tokens.MAX_LENGTH)]
    new_password: Annotated[NewPassword, Field(examples=["a staple that nobody guesses"])]


@endpoint(
    "POST",
    "/v1/auth/password/reset",
    status=204,
    errors=(one_time_tokens.TokenExpiredOrUsed, passwords.PasswordUnfit, passwords.TooManyPasswords),
    resources=Resources(memory="256Mi", max_scale=10, group="function-passwords", settings=(passwords.SETTING,)),
)
def reset_password(reset: PasswordReset, db: UserDb) -> None:
    """Use the token up and end every session; log in with the new password next."""
    password_resets.reset(db, reset.token, reset.new_password)
