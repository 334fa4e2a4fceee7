"""GET /v1/admin/audit/export: all of an audit trail, in the order of its chain, as lines that end with an end."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, JsonValue

from functions.domain.audit import exporting, reading
from functions.domain.audit.verifying import Sealed
from functions.runtime.declarations import Answer, Resources
from functions.runtime.download import Download
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Auditor
from functions.runtime.providers.databases import SharedTransactions, UserTransactions
from functions.schemas.base import Query

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"


class Format(StrEnum):
    """What an export is written as."""

    NDJSON = "ndjson"
    CSV = "csv"


class ExportQuery(Query):
    """Which trail, and how it is written."""

    database: Annotated[Literal["user_psql", "shared_psql"], Field(description="Whose trail.")] = "shared_psql"
    format: Annotated[
        Format, Field(description="Lines of JSON, which `botberi audit verify --file` verifies, or CSV.")
    ] = Format.NDJSON


class ExportedTrail(Answer):
    """A line for each entry, and a last one that says how many there are and what the chain's tip is."""

    media_type: ClassVar[str] = NDJSON
    schema: ClassVar[dict[str, JsonValue]] = {"type": "string"}


class ExportedTable(ExportedTrail):
    """The same, as a table."""

    media_type: ClassVar[str] = CSV


@endpoint(
    "GET",
    "/v1/admin/audit/export",
    resources=Resources(memory="256Mi", concurrency=2, max_scale=1, timeout_seconds=580),
)
def export_audit(
    _caller: Auditor, query: ExportQuery, user: UserTransactions, shared: SharedTransactions
) -> ExportedTrail | ExportedTable | Download:
    """Entries that were appended within the last minute may not be sealed yet, and so not in it."""
    write = exporting.as_csv if query.format is Format.CSV else exporting.as_json
    kind = CSV if query.format is Format.CSV else NDJSON
    batches = _batches(user if query.database == "user_psql" else shared, query.database)
    return Download(write(batches, query.database), kind, f"audit-{query.database}.{query.format}".replace("-", "_"))


def _batches(transaction: UserTransactions | SharedTransactions, database: str) -> Iterator[list[Sealed]]:
    """Yield what there is, each batch from a transaction of its own: none is open for as long as somebody reads."""
    first = 1
    while True:
        with transaction.reading() as db:
            found = reading.batch(db, database, first)
        if not found:
            return
        yield found
        first = found[-1].seq + 1
