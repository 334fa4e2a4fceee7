"""POST /v1/dead-letters/redrive: send many dead letters or parked events on their way once more, oldest first."""

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path.resolving import Act
from functions.runtime.declarations import RARELY
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Broker
from functions.schemas.dead_letters import Resolved, Selection, Trial, Why, both, resolve_selected


class Redriving(Selection):
    """Which of those that are open, and why."""

    why: Why | None = None


@endpoint("POST", "/v1/dead-letters/redrive", needs=RARELY)
def redrive_dead_letters(caller: Broker, query: Trial, body: Redriving, user: UserDb, shared: SharedDb) -> Resolved:
    """Those that are no event, were resolved before or don't exist are skipped. Try it with `dry_run` first."""
    act = Act("redriven", by=caller.id, why=body.why, dry_run=query.dry_run)
    return resolve_selected(both(user, shared), act, body)
