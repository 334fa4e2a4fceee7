"""com.botberi.user_pruning.fallen_due.v1: forget what is no longer of use in user_psql, a batch at a time."""

from events.catalog.schedules import UserPruningFallenDue
from events.outbox import emit
from functions.domain import pruning
from functions.domain.accounts import deletion
from functions.domain.databases import UserDb
from functions.runtime.subscriber import subscriber


@subscriber(schedule="7 * * * *")
def prune_user_psql(event: UserPruningFallenDue, db: UserDb) -> None:
    """Forget a batch of each."""
    forgotten = (
        pruning.forget_idempotency_keys(db),
        pruning.forget_handled_events(db),
        pruning.forget_ended_sessions(db),
        pruning.forget_ended_api_keys(db),
        pruning.forget_guesses(db),
        pruning.forget_one_time_tokens(db),
        pruning.forget_mfa_challenges(db),
        pruning.forget_email_changes(db),
        pruning.forget_exports(db),
        pruning.forget_device_logins(db),
        pruning.forget_oauth_codes(db),
    )
    if deletion.purge(db) == deletion.BATCH or max(forgotten) == pruning.BATCH:
        # There may be more: said again, so that no transaction is long.
        emit(db, event)
