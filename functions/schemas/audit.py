"""The audit trail as it is shown."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from functions.domain.audit.entries import Origin, Outcome
from functions.schemas.base import Reply


class AuditEntry(Reply):
    """Who did what to what."""

    id: Annotated[str, Field(examples=["aud_0197c1f2a8b47c3e9d5f6a7b8c9d0e1f"])]
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
