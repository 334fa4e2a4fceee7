"""com.botberi.email.verified.v1: let an account launch instances."""

from events.catalog.accounts import EmailVerified
from functions.domain import verified_accounts
from functions.domain.databases import SharedDb
from functions.runtime.subscriber import subscriber


@subscriber
def record_verified_account(event: EmailVerified, db: SharedDb) -> None:
    """Remember that its address is verified."""
    verified_accounts.record(db, event.account_id)
