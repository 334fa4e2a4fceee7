"""The data of large events, which stays in the database they come from: the event says where (`dataref`)."""

import json
import re
from dataclasses import replace
from typing import Final

from sqlalchemy import text

from events.wire import CloudEvent
from functions.domain.api_errors import Invalid
from functions.runtime.databases import shared_transaction, user_transaction

_PLACE: Final = re.compile(r"/botberi/(user_psql|shared_psql)/bodies/.+")
_BODY: Final = text("select event_body(:source, :id)")


class EventBodyMissing(Invalid):
    """The event's data is not where its dataref says, or no longer."""


def whole(event: CloudEvent, role: str) -> CloudEvent:
    """Return `event` with its data, read as `role` if it travels apart; raises EventBodyMissing."""
    reference = event.extension("dataref")
    if reference is None or event.data:
        return event
    place = _PLACE.fullmatch(reference)
    if place is None:
        raise EventBodyMissing
    begin = user_transaction if place[1] == "user_psql" else shared_transaction
    with begin(role) as db:
        body = db.scalar(_BODY, {"source": event.source, "id": event.id})
    if body is None:
        raise EventBodyMissing
    return replace(event, data=json.loads(body))
