"""GET /v1/me/export/{export_id}/content: all of an export of an account, for whoever has a link to it."""

from typing import ClassVar

from pydantic import JsonValue

from core.object_store.base import StoreUnavailable
from functions.domain import signed_links
from functions.domain.accounts import export_links, exports
from functions.domain.catalog import bundle_store
from functions.runtime.declarations import Answer, Resources
from functions.runtime.download import Download
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.databases import UserTransactions
from functions.schemas.exports import ExportId
from functions.schemas.signed_links import LinkQuery


class Packed(Answer):
    """Compressed lines of JSON, each with a row and the table that it is from."""

    media_type: ClassVar[str] = exports.CONTENT_TYPE
    schema: ClassVar[dict[str, JsonValue]] = {"type": "string", "format": "binary"}


@endpoint(
    "GET",
    export_links.PATH,
    errors=(export_links.LinkExpired, exports.ExportNotFound, exports.ExportsUnavailable),
    resources=Resources(
        memory="256Mi",
        concurrency=2,
        timeout_seconds=580,
        group="function-publishing",
        settings=(bundle_store.SETTING,),
        secrets=(*bundle_store.SECRETS, signed_links.KEYS_NAME),
    ),
)
def fetch_export(export_id: ExportId, link: LinkQuery, transaction: UserTransactions) -> Packed | Download:
    """Get it by the link that you were given, which has the rest of the query. Exports in S3 are fetched from there."""
    export_links.check(export_id, link.expires, link.signature)
    with transaction() as db:
        export = exports.find_any(db, export_id)
    if export.place is None:
        raise exports.ExportNotFound
    try:
        return Download(export_links.fetch(bundle_store.store(), export), exports.CONTENT_TYPE, export.name)
    except StoreUnavailable as error:
        raise exports.ExportsUnavailable from error
