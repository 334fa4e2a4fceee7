"""PUT /v1/me/password: choose another password."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import accounts, email_changes, passwords, sessions, throttling
from functions.domain.accounts.throttling import Guess, TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.base import Body
from functions.schemas.passwords import NewPassword


class PasswordChange(Body):
    """The present password and the one to come."""

    current_password: Annotated[
        str, Field(min_length=1, max_length=passwords.MAX_LENGTH, examples=["correct horse battery"])
    ]
    new_password: Annotated[NewPassword, Field(examples=["a staple that nobody guesses"])]


def admit(caller: LoggedIn, transaction: UserTransactions) -> Guess:
    """Count the guess, whatever becomes of it, before the password is looked at."""
    with transaction() as db:
        return throttling.count_own(db, caller.id)


@endpoint(
    "PUT",
    "/v1/me/password",
    status=204,
    errors=(
        *(accounts.CurrentPasswordWrong, accounts.PasswordNotSet, passwords.PasswordUnfit),
        *(passwords.TooManyPasswords, TooManyGuesses),
    ),
    resources=Resources(memory="256Mi", max_scale=10, group="function-passwords", settings=(passwords.SETTING,)),
    prepare=admit,
)
def change_password(caller: LoggedIn, change: PasswordChange, guess: Guess, db: UserDb) -> None:
    """Set a new password and end the caller's other sessions: whoever knew the old one is out."""
    accounts.change_password(db, caller.id, change.current_password, change.new_password)
    throttling.was_right(db, guess)
    email_changes.withdraw(db, caller.id)
    sessions.revoke_others(db, caller.id, caller.session_id, "password_changed")
