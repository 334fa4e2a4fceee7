"""Every event: append it to the audit trail."""

from events.wire import CloudEvent
from functions.domain import audit
from functions.domain.databases import SharedDb
from functions.runtime.subscriber import subscriber


@subscriber
def record_audit(event: CloudEvent, db: SharedDb) -> None:
    """Append it whole: events carry nothing secret."""
    audit.record(db, event)
