"""com.botberi.audit_anchoring.fallen_due.v1: put what the chains of the audit trails are where nobody can change it."""

from core.object_store.base import StoreUnavailable
from events.catalog.schedules import AuditAnchoringFallenDue
from functions.domain.audit import anchor_store, anchoring, sealing
from functions.domain.databases import SharedDb, UserDb
from functions.runtime.declarations import Resources
from functions.runtime.subscriber import subscriber


@subscriber(
    schedule="*/15 * * * *",
    resources=Resources(
        memory="256Mi",
        concurrency=1,
        max_scale=1,
        timeout_seconds=60,
        group="function-publishing",
        settings=anchor_store.SETTINGS,
        secrets=anchor_store.SECRETS,
    ),
)
def anchor_audit(_event: AuditAnchoringFallenDue, user: UserDb, shared: SharedDb) -> None:
    """Anchor what is sealed, of each; what is more than an anchor covers is left to the next time."""
    store = anchor_store.store()
    try:
        for database, db in (("user_psql", user), ("shared_psql", shared)):
            sealing.seal(db)
            anchoring.anchor(db, database, store)
    except StoreUnavailable as error:
        raise anchor_store.AnchorsUnavailable from error
