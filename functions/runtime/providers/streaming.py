"""Whether the caller wants a stream of events instead of a page, and from where on."""

import re
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from functions.domain.api_errors import Malformed
from functions.runtime.event_stream import CONTENT_TYPE
from functions.runtime.providers.base import Call, Provider, Schema, Schemas, header

NUMBER: Final = re.compile(r"[0-9]{1,18}")
"""The id of an event: the number of what it is about."""


class LastEventIdMalformed(Malformed):
    """Last-Event-ID is the id of the last event that you have seen, which is a number."""


@dataclass(frozen=True)
class StreamRequest:
    """What the headers Accept and Last-Event-ID say."""

    wanted: bool
    """Whether events are to be streamed."""
    last_event_id: int | None
    """The last that the caller has seen; None for a stream that is opened for the first time."""


class Streaming(Provider):
    """Fills a parameter that is a `StreamRequest`."""

    types = (StreamRequest,)
    errors = (LastEventIdMalformed,)

    @override
    def value(self, call: Call) -> StreamRequest:
        """Return what the headers say. Raises LastEventIdMalformed."""
        headers = call.request.headers
        told = headers.get("Last-Event-ID")
        if told is not None and not NUMBER.fullmatch(told):
            raise LastEventIdMalformed
        # A caller who takes anything takes a page.
        wanted = CONTENT_TYPE in (
            each.partition(";")[0].strip().lower() for each in headers.get("Accept", "").split(",")
        )
        return StreamRequest(wanted, None if told is None else int(told))

    @override
    def openapi(self, method: str, schemas: Schemas) -> Schema:
        """Return the header as a parameter."""
        about = f"Of a stream (`Accept: {CONTENT_TYPE}`): the id of the last event that you have seen."
        return {"parameters": [header("Last-Event-ID", about)]}
