"""Logs of instances as they are asked for and shown: the shapes that several endpoints have."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from core.ids import pattern
from functions.domain.instances.log_reading import Filter
from functions.schemas.base import PageQuery, Reply
from shared_psql_models.instance_logs import Level, Stream


class LogQuery(PageQuery):
    """Which lines, and which page of them."""

    level: Annotated[Level | None, Field(description="Only those that are at least as serious.")] = None
    message_id: Annotated[
        str | None, Field(pattern=pattern("msg"), description="Only those of while this message was being answered.")
    ] = None

    @property
    def filter(self) -> Filter:
        """Return which lines are meant."""
        return Filter(self.level, self.message_id)


class InstanceLogLine(Reply):
    """A line that an agent wrote, or the platform about its log."""

    sequence: Annotated[int, Field(description="Counts the lines of the instance, from 1 without gaps.")]
    at: datetime
    stream: Annotated[Stream, Field(description="`platform`: not the agent's own words.")]
    level: Annotated[
        Level,
        Field(description="As the agent told it; otherwise that of the stream: `info` of stdout, `error` of stderr."),
    ]
    message_id: Annotated[
        str | None,
        Field(description="The message that was being answered: null between messages, and while there were several."),
    ]
    text: str
