"""GET /v1/admin/audit/{entry_id}/receipt: what proves that an entry is in an audit trail, and what it says."""

from functions.domain.audit import receipts
from functions.domain.audit.receipts import EntryNotFound, ReceiptNotReady
from functions.domain.databases import SharedDb, UserDb
from functions.runtime.declarations import SCALE_LIMITED
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Auditor
from functions.schemas.audit import EntryId, Receipt


@endpoint(
    "GET",
    "/v1/admin/audit/{entry_id}/receipt",
    errors=(EntryNotFound, ReceiptNotReady),
    resources=SCALE_LIMITED,
)
def read_receipt(_caller: Auditor, entry_id: EntryId, user: UserDb, shared: SharedDb) -> Receipt:
    """Verify it without this platform, by the anchor, which is kept elsewhere: a page of ours has the script."""
    for database, db in (("user_psql", user), ("shared_psql", shared)):
        entry = receipts.find(db, database, entry_id)
        if entry is not None:
            return Receipt.of(receipts.receipt(db, entry))
    raise EntryNotFound
