"""The light client: how functions hand jobs to the workers. Celery is imported when a job is sent, and not before."""

from typing import TYPE_CHECKING

from core import context
from core.once import once
from functions.domain.api_errors import Unavailable
from functions.jobs.settings import CONVERGE, USER_QUEUE, configuration
from functions.runtime.databases import DependencyDownError

if TYPE_CHECKING:
    from celery.app.base import Celery


class JobQueueUnavailable(Unavailable):
    """The service is not available just now: try again shortly."""


def converge(instance_id: str, *, queue: str = USER_QUEUE) -> None:
    """Have a worker look at an instance. Raises JobQueueUnavailable.

    Trace, actor and causation of the call in progress go with it.
    """
    from kombu.exceptions import OperationalError

    try:
        _client().send_task(CONVERGE, [instance_id], queue=queue, headers=headers(), retry=False)
    except (OperationalError, OSError) as error:
        raise JobQueueUnavailable from DependencyDownError("user_redis", error)


def headers() -> dict[str, str]:
    """Return the call in progress as headers of a message."""
    now = context.current()
    carried = {
        "traceparent": now.traceparent,
        "actor": now.actor,
        "correlationid": now.correlation_id,
        "causationid": now.causation_id,
    }
    return {name: value for name, value in carried.items() if value is not None}


@once
def _client() -> "Celery":
    # Not from the package: it puts another module in its place when it is first imported, and a thread that comes
    # meanwhile is given one without anything in it.
    from celery.app.base import Celery

    # Not the current app: in a worker that is the one which runs the jobs.
    client = Celery("botberi-client", set_as_current=False)
    # Whoever sends has somebody waiting: one more try at once, and then it is their turn to try again.
    client.conf.update(configuration(max_retries=1, interval_start=0, interval_step=0))
    return client
