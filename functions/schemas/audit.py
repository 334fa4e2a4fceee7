"""The audit trail as it is shown."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from core.ids import pattern
from functions.domain.audit import anchors, receipts
from functions.domain.audit.anchors import Anchor
from functions.domain.audit.entries import Origin, Outcome
from functions.domain.audit.listing import Entry
from functions.schemas.base import Reply

EntryId = Annotated[str, Field(pattern=pattern("aud"), examples=["aud_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]


class AuditEntry(Reply):
    """Who did what to what."""

    id: EntryId
    database: Annotated[str, Field(description="Whose chain it is in.", examples=["user_psql"])]
    recorded_at: datetime
    origin: Annotated[
        Origin,
        Field(
            description="`request` and `command` are from the transaction that did it, `event` is what an event tells."
        ),
    ]
    actor: Annotated[
        str,
        Field(
            description="An account's id, with `/` and an API key's behind it if it was shown; another part's name; or "
            "`anonymous`.",
            examples=["usr_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"],
        ),
    ]
    action: Annotated[
        str, Field(description="The function's name, the command's, or the event's type.", examples=["suspend_account"])
    ]
    targets: Annotated[tuple[str, ...], Field(description="The ids of what it was done to.")]
    outcome: Outcome
    details: Annotated[
        dict[str, object] | None,
        Field(
            description="Reason, context, what was there before and after, as far as there is something to tell; of an "
            "event its id, source, time and data. Null once it was erased, since its account was purged."
        ),
    ]


Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="A SHA-256 in hex.")]


class ProvenEntry(AuditEntry):
    """An entry with what its hash is made of."""

    salt: Annotated[
        str | None,
        Field(description="By which the details are checked, in hex; null if they are erased, or not told whole."),
    ]
    details_commitment: Hash
    entry_hash: Hash

    @classmethod
    def of(cls, entry: Entry) -> "ProvenEntry":
        """Return it as it is shown."""
        hashes = {name: value.hex() for name, value in vars(entry).items() if isinstance(value, bytes)}
        return cls.model_validate({**vars(entry), **hashes, "salt": hashes.get("salt") or None})


class Receipt(Reply):
    """What proves that an entry is in a trail, to whoever has the anchor from where it is kept."""

    entry: ProvenEntry
    seq: Annotated[int, Field(description="Its number in the chain.")]
    path: Annotated[
        list[Hash],
        Field(description="The hashes by which the anchor's root is made from the entry's, from the bottom."),
    ]
    anchor: Annotated[str, Field(description="The anchor's document, whose `root` the path has to lead to.")]
    anchor_key: Annotated[str, Field(description="Where that document is in the store of anchors.")]

    @classmethod
    def of(cls, found: receipts.Receipt) -> "Receipt":
        """Return it as it is shown."""
        anchor = Anchor.of(found.document)
        return cls(
            entry=ProvenEntry.of(found.entry),
            seq=found.seq,
            path=[each.hex() for each in found.path],
            anchor=found.document,
            anchor_key=anchors.key(anchor.database, anchor.number),
        )
