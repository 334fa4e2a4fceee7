"""com.botberi.instance.desired_state_changed.v1 and what else there is to do: hand the slow work to a worker."""

from typing import Final

from events.catalog.instances import InstanceChanged, InstanceDesiredStateChanged
from functions.domain.databases import SharedDb
from functions.domain.instances.reasons import Reason
from functions.jobs import queue
from functions.jobs.settings import ADMIN_QUEUE, USER_QUEUE
from functions.runtime.declarations import Resources
from functions.runtime.subscriber import subscriber

_BY_OPERATORS: Final = frozenset(
    {
        *(Reason.STOPPED_BY_ADMINISTRATOR, Reason.STOPPED_BY_OPERATOR, Reason.RESTARTED_BY_ADMINISTRATOR),
        *(Reason.RECONCILED_BY_ADMINISTRATOR, Reason.QUARANTINED, Reason.DELETED_BY_ADMINISTRATOR),
    }
)
_SHOWN: Final = frozenset({"discoverable", "labels", "name", "quarantine"})
"""What there is nothing to do about when it changes."""


@subscriber(resources=Resources(group="function-jobs", settings=("USER_REDIS_URL",), secrets=("user-redis-jobs",)))
def converge_instance(event: InstanceDesiredStateChanged | InstanceChanged, _db: SharedDb) -> None:
    """Send the job."""
    if isinstance(event, InstanceChanged) and event.fields and _SHOWN.issuperset(event.fields):
        return
    # Sent before the inbox row commits: a crash in between sends it twice, never zero times.
    # The job takes a lease on its instance, so the second copy finds nothing to do.
    queue.converge(event.instance_id, queue=ADMIN_QUEUE if event.reason in _BY_OPERATORS else USER_QUEUE)
