"""Every event: append it to the audit trail, whole, since events carry nothing secret."""

from collections.abc import Sequence

from events.wire import CloudEvent
from functions.domain.audit import events
from functions.domain.databases import SharedDb
from functions.runtime.subscriber import subscriber


@subscriber
def record_audit(told: Sequence[CloudEvent], db: SharedDb) -> None:
    """Append each, once."""
    events.record(db, told)
