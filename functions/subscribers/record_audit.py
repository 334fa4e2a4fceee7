"""Every event: append it to the audit trail, whole, since events carry nothing secret."""

from events.wire import CloudEvent
from functions.domain import audit
from functions.domain.databases import SharedDb
from functions.runtime.subscriber import subscriber


@subscriber
def record_audit(event: CloudEvent, db: SharedDb) -> None:
    """Append it, once."""
    audit.record(db, event)
