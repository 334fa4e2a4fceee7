"""GET /v1/me/export/{export_id}/content: all of an export of your account, as lines of JSON."""

from typing import ClassVar, Final

from pydantic import JsonValue

from core.object_store.base import StoreUnavailable
from functions.domain.accounts import exports
from functions.domain.catalog import bundle_store
from functions.runtime.declarations import Answer, Resources
from functions.runtime.download import Download
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import RecentUser
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.exports import ExportId

NDJSON: Final = "application/x-ndjson"


class Lines(Answer):
    """Lines of JSON, each with a row and the table that it is from."""

    media_type: ClassVar[str] = NDJSON
    schema: ClassVar[dict[str, JsonValue]] = {"type": "string"}


@endpoint(
    "GET",
    "/v1/me/export/{export_id}/content",
    errors=(exports.ExportNotFound, exports.ExportsUnavailable),
    resources=Resources(
        memory="256Mi",
        concurrency=2,
        timeout_seconds=580,
        group="function-publishing",
        settings=(bundle_store.SETTING,),
        secrets=bundle_store.SECRETS,
    ),
)
def fetch_export(caller: RecentUser, export_id: ExportId, transaction: UserTransactions) -> Lines | Download:
    """Get it, as often as you like: who has an access token of a recent log-in needs no link besides."""
    with transaction() as db:
        export = exports.find(db, caller.id, export_id)
    if export.finished_at is None:
        raise exports.ExportNotFound
    try:
        return Download(exports.fetch(bundle_store.store(), export), NDJSON, f"{export.id}.ndjson")
    except StoreUnavailable as error:
        raise exports.ExportsUnavailable from error
