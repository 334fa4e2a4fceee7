"""Links to exports: with one, anybody fetches the one export that it is for, for some minutes.

A store that is reached over the network gives out links of its own, and S3 signs them. Where it is a folder, the link
leads to the function `fetch_export`.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from core.object_store.base import CHUNK, ObjectMissing, ObjectStore
from functions.domain import signed_links
from functions.domain.accounts import exports
from functions.domain.accounts.exports import Export, ExportNotFound
from functions.domain.api_errors import Gone

SECONDS: Final = 300
"""For which a link is good."""

PATH: Final = "/v1/me/export/{export_id}/content"

_PURPOSE: Final = "export link"


class LinkExpired(Gone):
    """This link isn't good any more, or was never given out: ask `GET /v1/me/export/{export_id}` for another."""


@dataclass(frozen=True)
class ExportLink:
    """Where somebody gets an export, without a token."""

    url: str
    expires_at: datetime


def give(store: ObjectStore, export: Export) -> ExportLink:
    """Return a link to an export that is finished. Raises StoreUnavailable."""
    now = int(time.time())
    seconds = max(1, min(SECONDS, int(export.expires_at.timestamp()) - now))
    until = now + seconds
    url = store.link(str(export.place), name=export.name, content_type=exports.CONTENT_TYPE, seconds=seconds)
    url = url or signed_links.give(PATH.format(export_id=export.id), _PURPOSE, export.id, until)
    return ExportLink(url, datetime.fromtimestamp(until, UTC))


def check(export_id: str, expires: int, signature: str) -> None:
    """Raise LinkExpired unless a link to this export was given out that is good until then, and it is."""
    if not signed_links.is_good(_PURPOSE, export_id, expires, signature):
        raise LinkExpired


def fetch(store: ObjectStore, export: Export) -> Iterator[bytes]:
    """Yield an export that is finished, in pieces. Raises ExportNotFound and StoreUnavailable."""
    with tempfile.TemporaryFile() as whole:
        try:
            store.get(str(export.place), whole, exports.LARGEST)
        except ObjectMissing:
            raise ExportNotFound from None
        whole.seek(0)
        yield from iter(partial(whole.read, CHUNK), b"")
