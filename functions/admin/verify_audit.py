"""GET /v1/admin/audit/verify: whether a part of an audit trail is what it was, by its chain and its anchors."""

from typing import Annotated, Final, Literal

from pydantic import Field

from core.object_store.base import StoreUnavailable
from functions.domain.api_errors import FieldError, Invalid
from functions.domain.audit import anchor_store, checking
from functions.domain.audit.anchor_store import AnchorsUnavailable
from functions.domain.audit.reading import LAST
from functions.domain.audit.verifying import Kind
from functions.domain.databases import SharedDb, UserDb
from functions.runtime.declarations import Resources
from functions.runtime.endpoint import endpoint
from functions.runtime.providers.callers import Auditor
from functions.schemas.base import Query, Reply

MOST: Final = 10_000
"""Seals that are looked at in one request."""

Seq = Annotated[int, Field(ge=1, le=LAST)]


class VerifyQuery(Query):
    """Which part."""

    database: Annotated[Literal["user_psql", "shared_psql"], Field(description="Whose trail.")] = "shared_psql"
    from_seq: Annotated[Seq, Field(description="The first seal.")] = 1
    to_seq: Annotated[
        Seq | None, Field(description=f"The last seal; at most {MOST:,} are looked at. Without it, to the end.")
    ] = None


class FirstBreak(Reply):
    """Where a trail isn't what it was."""

    seq: Annotated[int, Field(description="Of the seal; of an anchor, its number; 0 for an entry without a seal.")]
    kind: Annotated[Kind, Field(description="How it isn't.")]
    entry_id: str | None


class ComparedAnchor(Reply):
    """An anchor that the chain was compared with."""

    number: int
    last_seq: int
    at: Annotated[str, Field(description="When it was made.")]


class Verified(Reply):
    """What was found."""

    ok: Annotated[bool, Field(description="Whether all that was looked at is what it was.")]
    checked: Annotated[int, Field(description="How many seals, with their entries, were looked at.")]
    first_break: FirstBreak | None
    anchor: Annotated[
        ComparedAnchor | None,
        Field(description="The last one that the chain was compared with; what is behind it is yet to be anchored."),
    ]
    next_seq: Annotated[int | None, Field(description="Send it as `from_seq` to go on; null at the end.")]


@endpoint(
    "GET",
    "/v1/admin/audit/verify",
    errors=(Invalid, AnchorsUnavailable),
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
def verify_audit(_caller: Auditor, query: VerifyQuery, user: UserDb, shared: SharedDb) -> Verified:
    """Entries that were appended a moment ago are sealed within a minute, and anchored within fifteen."""
    first, last = query.from_seq, query.to_seq or LAST
    if last < first:
        raise Invalid(errors=[FieldError("?to_seq", "range", "It is before from_seq.")])
    db = user if query.database == "user_psql" else shared
    try:
        found = checking.check(db, query.database, anchor_store.store(), first=first, last=last, most=MOST)
    except StoreUnavailable as error:
        raise AnchorsUnavailable from error
    ended = found.first_break is not None or found.checked < MOST or found.last_seq == last
    return Verified(
        ok=found.first_break is None,
        checked=found.checked,
        first_break=found.first_break and FirstBreak.model_validate(found.first_break),
        anchor=found.anchor and ComparedAnchor.model_validate(found.anchor),
        next_seq=None if ended else found.last_seq + 1,
    )
