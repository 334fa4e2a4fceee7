"""GET /v1/me/export/{export_id}: how far an export of your account is, and where it is."""

from functions.domain.accounts import exports
from functions.domain.databases import UserDb
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import RecentUser
from functions.schemas.exports import Export, ExportId


@endpoint("GET", "/v1/me/export/{export_id}", errors=(exports.ExportNotFound,))
def read_export(caller: RecentUser, export_id: ExportId, db: UserDb) -> Export:
    """Show it, until it is deleted a day after it was asked for."""
    return Export.of(exports.find(db, caller.id, export_id))
