"""com.botberi.kill_switch.engaged.v1 and what was done of it: ask the next instances that it concerns to stop."""

from events.catalog.kill_switches import KillSwitchApplied, KillSwitchEngaged
from functions.domain.databases import SharedDb
from functions.domain.instances import kill_switches
from functions.runtime.subscriber import subscriber


@subscriber
def apply_kill_switch(event: KillSwitchEngaged | KillSwitchApplied, db: SharedDb) -> None:
    """Ask a portion of them, so that no transaction is long; what this says of it brings the next."""
    if isinstance(event, KillSwitchEngaged) or not event.finished:
        kill_switches.apply(db, event.kill_switch_id)
