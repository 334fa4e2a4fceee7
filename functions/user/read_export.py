"""GET /v1/me/export/{export_id}: how far an export of your account is, and a link to it."""

from core.object_store.base import StoreUnavailable
from functions.domain import signed_links
from functions.domain.accounts import export_links, exports
from functions.domain.catalog import bundle_store
from functions.domain.databases import UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import RecentUser
from functions.schemas.exports import Export, ExportId


@endpoint(
    "GET",
    "/v1/me/export/{export_id}",
    errors=(exports.ExportNotFound, exports.ExportsUnavailable),
    resources=Resources(
        memory="256Mi",
        group="function-publishing",
        settings=("API_URL", bundle_store.SETTING),
        secrets=(*bundle_store.SECRETS, signed_links.KEYS_NAME),
    ),
)
def read_export(caller: RecentUser, export_id: ExportId, db: UserDb) -> Export:
    """Show it until it is deleted, a day after it was asked for; each time with another link, good for minutes."""
    export = exports.find(db, caller.id, export_id)
    if export.finished_at is None:
        return Export.of(export, None)
    try:
        return Export.of(export, export_links.give(bundle_store.store(), export))
    except StoreUnavailable as error:
        raise exports.ExportsUnavailable from error
