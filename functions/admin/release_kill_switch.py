"""POST /v1/admin/kill-switches/{kill_switch_id}/release: let what a kill switch concerns run again."""

from functions.domain.databases import SharedDb
from functions.domain.instances import kill_switches
from functions.domain.instances.kill_switches import KillSwitchNotFound
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.audit import Audit
from functions.runtime.providers.callers import Admin
from functions.schemas.kill_switches import KillSwitch, KillSwitchId
from functions.schemas.reasons import GivenReason


@endpoint("POST", "/v1/admin/kill-switches/{kill_switch_id}/release", errors=(KillSwitchNotFound,))
def release_kill_switch(
    _caller: Admin, kill_switch_id: KillSwitchId, because: GivenReason, audit: Audit, db: SharedDb
) -> KillSwitch:
    """Leave what it has stopped as it is, until its owner starts it. Asking again changes nothing."""
    audit.was(KillSwitch.model_validate(kill_switches.locked(db, kill_switch_id)))
    return KillSwitch.model_validate(kill_switches.release(db, kill_switch_id, because.reason))
