"""POST /v1/auth/verify-email/resend: have another mail sent to verify your address with."""

from functions.domain.accounts import emails, mail_requests
from functions.domain.accounts.throttling import TooManyMails
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.client import Client
from functions.schemas.emails import EmailAddress


@endpoint("POST", "/v1/auth/verify-email/resend", status=202, errors=(emails.EmailInvalid, TooManyMails))
def resend_verification(to: EmailAddress, client: Client, db: UserDb) -> None:
    """Send a new token, if there is such an account and it isn't verified; the answer is the same if not."""
    mail_requests.verification(db, to.email, client.network)
