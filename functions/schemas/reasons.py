"""Why somebody who looks after the platform does something to somebody: one way of saying it for all endpoints."""

from typing import Annotated

from pydantic import Field

from functions.schemas.base import LINE, Body, Query

Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        pattern=LINE,
        description="Why: kept in the audit trail, and shown to whoever is concerned.",
        examples=["They have asked for it by phone."],
    ),
]


class GivenReason(Body):
    """Why something is done."""

    reason: Reason


class ReasonGiven(Query):
    """Why something is taken away: a DELETE has no body."""

    reason: Reason
