"""POST /v1/auth/password/forgot: have a mail sent to set another password with."""

from functions.domain.accounts import emails, mail_requests
from functions.domain.accounts.throttling import TooManyMails
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.schemas.emails import EmailAddress


@endpoint("POST", "/v1/auth/password/forgot", status=202, errors=(emails.EmailInvalid, TooManyMails))
def forgot_password(to: EmailAddress, client: Client, db: UserDb) -> None:
    """Send a token that is good for ten minutes, if there is such an account; the answer is the same if not."""
    mail_requests.password_reset(db, to.email, client.network)
