"""POST /v1/auth/login: trade an e-mail address and a password for a session."""

from functions.domain.accounts import accounts, emails, keys, log_ins, passwords, throttling, webauthn
from functions.domain.accounts.throttling import Guess, TooManyGuesses
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.runtime.providers.databases import UserTransactions
from functions.runtime.providers.refresh_cookie import RefreshCookie
from functions.schemas.credentials import Credentials
from functions.schemas.log_ins import MfaRequired, answer
from functions.schemas.token_pairs import TokenPair


def admit(credentials: Credentials, client: Client, transaction: UserTransactions) -> Guess:
    """Count the guess, whatever becomes of it, before the password is looked at."""
    with transaction() as db:
        return throttling.count(db, emails.normalise(credentials.email), client.network)


@endpoint(
    "POST",
    "/v1/auth/login",
    errors=(
        *(accounts.CredentialsWrong, accounts.AccountSuspended, accounts.AccountDeleted, emails.EmailInvalid),
        *(TooManyGuesses, passwords.TooManyPasswords),
    ),
    resources=Resources(
        memory="256Mi",
        max_scale=10,
        secrets=(keys.PRIVATE,),
        group="function-passwords",
        settings=(passwords.SETTING, webauthn.RP_ID_SETTING),
    ),
    prepare=admit,
)
def login(
    credentials: Credentials, client: Client, cookie: RefreshCookie, guess: Guess, db: UserDb
) -> TokenPair | MfaRequired:
    """Open a session, or ask for the second factor; a wrong address and a wrong password are told apart by nobody."""
    account = accounts.authenticate(db, credentials.email, credentials.password)
    throttling.was_right(db, guess)
    return cookie.keep(answer(log_ins.enter(db, account, client)))
