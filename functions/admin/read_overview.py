"""GET /v1/admin/overview: the platform's figures in one answer, and what needs somebody."""

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path import status
from functions.domain.overview import attention, figures
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Support
from functions.schemas.dead_letters import both
from functions.schemas.overview import Need, Overview, Path, Runs


@endpoint("GET", "/v1/admin/overview")
def read_overview(_caller: Support, user: UserDb, shared: SharedDb) -> Overview:
    """Take as long however many rows there are: they are counted as they change, and what waits up to a limit."""
    databases = both(user, shared)
    due = figures.due(shared)
    return Overview(
        accounts=figures.accounts(user),
        instances=figures.instances(shared),
        desired_instances=figures.wanted_instances(shared),
        versions=figures.versions(shared),
        runs=Runs.of(figures.runs(shared)),
        event_path=[Path.model_validate({"database": name, **vars(status.of(db))}) for name, db in databases.items()],
        instances_due=due.count,
        oldest_due_seconds=due.oldest_seconds,
        kill_switches=figures.engaged_kill_switches(shared),
        needs_attention=[Need.model_validate(each) for each in attention.needs(databases)],
    )
