"""com.botberi.account.suspended.v1 and its end: nothing runs of an account for as long as it is suspended."""

from contextlib import suppress

from events.catalog.accounts import AccountRestored, AccountSuspended
from functions.domain.databases import SharedDb
from functions.domain.instances import kill_switches
from functions.domain.instances.kill_switches import KillSwitchEngagedAlready, Scope
from functions.runtime.subscriber import subscriber


@subscriber
def suspend_instances(event: AccountSuspended | AccountRestored, db: SharedDb) -> None:
    """Engage a kill switch of the account, or release it."""
    if isinstance(event, AccountRestored):
        kill_switches.release_suspension(db, event.account_id)
        return
    with suppress(KillSwitchEngagedAlready):
        kill_switches.engage(db, Scope.SUSPENSION, event.account_id, "The account is suspended.")
