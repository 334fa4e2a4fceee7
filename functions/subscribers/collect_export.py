"""com.botberi.export.requested.v1: write down everything that is known of an account."""

from core.object_store.base import StoreUnavailable
from events.catalog.accounts import ExportRequested
from functions.domain.accounts import exports
from functions.domain.catalog import bundle_store
from functions.runtime.declarations import Resources
from functions.runtime.providers.databases import SharedTransactions, UserTransactions
from functions.runtime.subscriber import subscriber


@subscriber(
    resources=Resources(
        memory="256Mi",
        concurrency=1,
        timeout_seconds=580,
        group="function-publishing",
        settings=(bundle_store.SETTING,),
        secrets=bundle_store.SECRETS,
    )
)
def collect_export(event: ExportRequested, user: UserTransactions, shared: SharedTransactions) -> None:
    """Put it into the store and say that it is there; who is told twice finds it done."""
    with user.reading() as db:
        if not exports.is_wanted(db, event.export_id):
            return
    try:
        # Not those that only read, in which each statement is a transaction of its own and no cursor stays open.
        with user() as mine, shared() as theirs:
            written = exports.write(mine, theirs, event.account_id, event.export_id, bundle_store.store())
    except StoreUnavailable as error:
        raise exports.ExportsUnavailable from error
    with user() as db:
        exports.finish(db, event.account_id, event.export_id, written)
