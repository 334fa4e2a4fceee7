"""com.botberi.instance.desired_state_changed.v1: hand the slow work to a worker."""

from events.catalog.instances import InstanceDesiredStateChanged
from functions.domain.databases import SharedDb
from functions.domain.instances.reasons import Reason
from functions.jobs import queue
from functions.jobs.settings import ADMIN_QUEUE, USER_QUEUE
from functions.runtime.declarations import Resources
from functions.runtime.subscriber import subscriber


@subscriber(resources=Resources(group="function-jobs", settings=("USER_REDIS_URL",), secrets=("user-redis-jobs",)))
def converge_instance(event: InstanceDesiredStateChanged, _db: SharedDb) -> None:
    """Send the job."""
    # Sent before the inbox row commits: a crash in between sends it twice, never zero times.
    # The job takes a lease on its instance, so the second copy finds nothing to do.
    by_administrator = event.reason == Reason.STOPPED_BY_ADMINISTRATOR
    queue.converge(event.instance_id, queue=ADMIN_QUEUE if by_administrator else USER_QUEUE)
