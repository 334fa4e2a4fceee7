"""Dead letters as they are shown: the shape that several endpoints answer with."""

from datetime import datetime

from functions.runtime.shapes import Reply


class DeadLetter(Reply):
    """An event that a subscriber could not handle."""

    id: str
    queue: str
    event_id: str
    source: str
    type: str
    subject: str
    reason: str
    detail: str
    attempts: int
    died_at: datetime
    resolution: str | None
    resolved_by: str | None
    resolved_at: datetime | None
