"""POST /v1/dead-letters/discard: give many dead letters or parked events up; they stay to be read."""

from functions.domain.databases import SharedDb, UserDb
from functions.domain.event_path.resolving import Act
from functions.runtime.declarations import RARELY
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Broker
from functions.schemas.dead_letters import Resolved, Selection, Trial, Why, both, resolve_selected


class Discarding(Selection):
    """Which of those that are open, and why nobody shall hear of them."""

    why: Why


@endpoint("POST", "/v1/dead-letters/discard", needs=RARELY)
def discard_dead_letters(caller: Broker, query: Trial, body: Discarding, user: UserDb, shared: SharedDb) -> Resolved:
    """Those that were resolved before or don't exist are skipped. Try it with `dry_run` first."""
    act = Act("discarded", by=caller.id, why=body.why, dry_run=query.dry_run)
    return resolve_selected(both(user, shared), act, body)
