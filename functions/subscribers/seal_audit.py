"""com.botberi.audit_sealing.fallen_due.v1: seal the entries of the audit trails that were appended since."""

from events.catalog.schedules import AuditSealingFallenDue
from events.outbox import emit
from functions.domain.audit import sealing
from functions.domain.databases import SharedDb, UserDb
from functions.runtime.declarations import Resources
from functions.runtime.subscriber import subscriber


@subscriber(schedule="* * * * *", resources=Resources(concurrency=1, max_scale=1))
def seal_audit(event: AuditSealingFallenDue, user: UserDb, shared: SharedDb) -> None:
    """Seal a batch of each."""
    if max(sealing.seal(user), sealing.seal(shared)) == sealing.BATCH:
        # There may be more: said again, so that no transaction is long.
        emit(shared, event)
