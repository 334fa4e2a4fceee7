"""Every event: append it to the audit trail, whole, since events carry nothing secret."""

from events.wire import CloudEvent
from functions.domain.audit import events
from functions.domain.databases import SharedDb
from functions.runtime.subscriber import subscriber


@subscriber
def record_audit(event: CloudEvent, db: SharedDb) -> None:
    """Append it, once."""
    events.record(db, event)
