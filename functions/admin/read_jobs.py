"""GET /v1/admin/jobs: how many jobs wait in the queues, and how many instances wait for one."""

from typing import Annotated

from pydantic import Field

from functions.domain.databases import SharedDb
from functions.domain.overview import figures
from functions.jobs import depths
from functions.jobs.depths import JobsUnavailable
from functions.runtime import redis_users
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.base import Reply


class Jobs(Reply):
    """What the queues say, beside what the rows say: every instance that is due should be in a queue, or soon is."""

    waiting: Annotated[dict[str, int] | None, Field(description="Jobs by queue. Null when Redis can't be reached.")]
    at_work: Annotated[int | None, Field(description="Jobs that workers were given and have not finished.")]
    put_aside: Annotated[int | None, Field(description="What stood in a queue and was no job.")]
    due: Annotated[int, Field(description="Instances that no worker looks at, though it is time; 10,000 at most.")]
    oldest_due_seconds: Annotated[
        float | None, Field(description="For how long the oldest of them has been due; null without any.")
    ]


@endpoint(
    "GET",
    "/v1/admin/jobs",
    resources=Resources(
        group="function-cache",
        settings=("USER_REDIS_URL",),
        secrets=(redis_users.secret_name(depths.PART),),
    ),
)
def read_jobs(_caller: Support, db: SharedDb) -> Jobs:
    """Many due and none waiting: no worker sweeps. Many waiting and none at work: no worker runs."""
    due = figures.due(db)
    try:
        found = vars(depths.read())
    except JobsUnavailable:
        found = dict.fromkeys(("waiting", "at_work", "put_aside"))
    return Jobs(**found, due=due.count, oldest_due_seconds=due.oldest_seconds)
