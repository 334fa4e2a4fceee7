"""com.botberi.account.purged.v1: leave nothing of the account in shared_psql either."""

from events.catalog.accounts import AccountPurged
from functions.domain import purging
from functions.domain.databases import SharedDb
from functions.runtime.subscriber import subscriber


@subscriber
def purge_account(event: AccountPurged, db: SharedDb) -> None:
    """Delete what there is, and ask for its instances to be deleted: what belongs to them goes once they are."""
    purging.begin(db, event.account_id)
