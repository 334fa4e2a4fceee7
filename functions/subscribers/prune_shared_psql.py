"""com.botberi.shared_pruning.fallen_due.v1: forget what is no longer of use in shared_psql, a batch at a time."""

from events.catalog.schedules import SharedPruningFallenDue
from events.outbox import emit
from functions.domain import pruning, purging
from functions.domain.databases import SharedDb
from functions.domain.runs import forgetting, usage
from functions.runtime.declarations import Resources
from functions.runtime.subscriber import subscriber


@subscriber(
    schedule="37 * * * *",
    resources=Resources(
        settings=(
            *(pruning.EVENT_DAYS_SETTING, pruning.LOG_DAYS_SETTING),
            *(forgetting.DAYS_SETTING, usage.DAYS_SETTING),
        )
    ),
)
def prune_shared_psql(event: SharedPruningFallenDue, db: SharedDb) -> None:
    """Forget a batch of each."""
    forgetting.rotate(db)
    purging.go_on(db)
    forgotten = (
        pruning.forget_idempotency_keys(db),
        pruning.forget_handled_events(db),
        pruning.forget_slots(db),
        pruning.forget_instance_logs(db),
        pruning.forget_agent_log_sources(db),
        forgetting.forget(db, pruning.BATCH),
        pruning.forget_account_events(db),
        pruning.forget_api_keys(db),
        pruning.forget_account_purges(db),
        usage.forget(db, pruning.BATCH),
    )
    if max(forgotten) == pruning.BATCH:
        # There may be more: said again, so that no transaction is long.
        emit(db, event)
