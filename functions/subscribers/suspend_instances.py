"""com.botberi.account.suspended.v1, deletion, and the end of both: nothing runs of an account meanwhile."""

from contextlib import suppress

from events.catalog.accounts import AccountDeleted, AccountRestored, AccountSuspended
from functions.domain.databases import SharedDb
from functions.domain.instances import kill_switches
from functions.domain.instances.kill_switches import KillSwitchEngagedAlready, Scope
from functions.runtime.subscriber import subscriber


@subscriber
def suspend_instances(event: AccountDeleted | AccountSuspended | AccountRestored, db: SharedDb) -> None:
    """Engage a kill switch of the account, or release it."""
    if isinstance(event, AccountRestored):
        kill_switches.release_suspension(db, event.account_id, event.reason)
        return
    reason = f"The account is {'deleted' if isinstance(event, AccountDeleted) else 'suspended'}."
    with suppress(KillSwitchEngagedAlready):
        kill_switches.engage(db, Scope.SUSPENSION, event.account_id, reason)
