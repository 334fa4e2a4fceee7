"""DELETE /v1/me/email: let your address stay as it is after all."""

from functions.domain.accounts import email_changes
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import LoggedIn


@endpoint("DELETE", "/v1/me/email", status=204, errors=(email_changes.EmailChangeNotFound,))
def cancel_email_change(caller: LoggedIn, db: UserDb) -> None:
    """Have the tokens that were sent be good for nothing, whether or not one of them was used."""
    email_changes.cancel(db, caller.id)
