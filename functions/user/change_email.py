"""POST /v1/me/email: ask for your account to have another address."""

from typing import Annotated

from pydantic import Field

from functions.domain.accounts import accounts, email_changes, emails, factors, passwords, throttling
from functions.domain.accounts.access_tokens import SECOND_FACTOR
from functions.domain.accounts.throttling import Guess, TooManyGuesses, TooManyMails
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import InsufficientAal, RecentUser
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.emails import EmailAddress


class EmailChange(EmailAddress):
    """The address to come, and the present password, if the account has one."""

    current_password: Annotated[
        str | None, Field(min_length=1, max_length=passwords.MAX_LENGTH, examples=["correct horse battery"])
    ] = None


def admit(caller: RecentUser, transaction: UserTransactions) -> Guess:
    """Count the guess, whatever becomes of it, before the password is looked at."""
    with transaction() as db:
        return throttling.count_own(db, caller.id)


@endpoint(
    "POST",
    "/v1/me/email",
    status=202,
    errors=(
        *(accounts.CurrentPasswordWrong, emails.EmailInvalid, email_changes.EmailUnchanged, InsufficientAal),
        *(TooManyGuesses, TooManyMails, passwords.TooManyPasswords),
    ),
    resources=Resources(memory="256Mi", max_scale=10, group="function-passwords", settings=(passwords.SETTING,)),
    prepare=admit,
)
def change_email(caller: RecentUser, change: EmailChange, client: Client, guess: Guess, db: UserDb) -> None:
    """Send a token to both addresses, whether or not the new one has an account: both are to be used within a day."""
    if factors.are_needed(db, caller.id) and caller.authentication.aal < SECOND_FACTOR:
        raise InsufficientAal
    accounts.check_owner(db, caller.id, change.current_password)
    throttling.was_right(db, guess)
    email_changes.request(db, caller.id, caller.session_id, change.email, client.network)
