"""POST /v1/auth/restore: have an account back that you have deleted."""

from functions.domain.accounts import accounts, deletion, emails, passwords, throttling
from functions.domain.accounts.throttling import Guess, TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.credentials import Credentials


def admit(credentials: Credentials, client: Client, transaction: UserTransactions) -> Guess:
    """Count the guess, whatever becomes of it, before the password is looked at."""
    with transaction() as db:
        return throttling.count(db, emails.normalise(credentials.email), client.network)


@endpoint(
    "POST",
    "/v1/auth/restore",
    status=204,
    errors=(
        *(accounts.CredentialsWrong, accounts.AccountSuspended, deletion.AccountNotDeleted, emails.EmailInvalid),
        *(TooManyGuesses, passwords.TooManyPasswords),
    ),
    resources=Resources(memory="256Mi", max_scale=10, group="function-passwords", settings=(passwords.SETTING,)),
    prepare=admit,
)
def restore_me(credentials: Credentials, guess: Guess, db: UserDb) -> None:
    """Undo the deletion. Log in next, start your instances, and make new API keys."""
    deletion.restore(db, credentials.email, credentials.password)
    throttling.was_right(db, guess)
