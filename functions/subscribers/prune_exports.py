"""com.botberi.export_pruning.fallen_due.v1: take exports out of the store of objects that are older than a day."""

from core.object_store.base import StoreUnavailable
from events.catalog.schedules import ExportPruningFallenDue
from functions.domain.accounts import exports
from functions.domain.catalog import bundle_store
from functions.domain.databases import SharedDb
from functions.runtime.declarations import Resources
from functions.runtime.subscriber import subscriber


@subscriber(
    schedule="22 * * * *",
    resources=Resources(
        group="function-publishing", settings=(bundle_store.SETTING,), secrets=bundle_store.SECRETS, timeout_seconds=60
    ),
)
def prune_exports(_event: ExportPruningFallenDue, _db: SharedDb) -> None:
    """Delete them."""
    try:
        exports.remove_old(bundle_store.store())
    except StoreUnavailable as error:
        raise exports.ExportsUnavailable from error
