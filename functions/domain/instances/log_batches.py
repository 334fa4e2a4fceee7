"""Batches of log lines: what an agent host hands on of what its agents write, and how it is signed.

A host has no database. It calls the function `keep_agent_logs` as the dispatcher calls subscribers: with a CloudEvent,
signed by keys of the hosts' own.
"""

import json
from datetime import UTC, datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from events import signing
from events.wire import CONTENT_TYPE, CloudEvent, document
from shared_psql_models.instance_logs import Level, Stream

KEYS_NAME: Final = "agent-log-keys"
"""The secret that holds the keys, one a line, as those of deliveries."""

SETTING: Final = "AGENT_LOGS_URL"
"""Where the function answers."""

FUNCTION: Final = "keep-agent-logs"
"""The function, as deployed, for which batches are signed."""

TYPE: Final = "com.botberi.agent_logs.written.v1"

TEXT_CHARACTERS: Final = 8 * 1024
"""How long a line may be."""


class Line(BaseModel):
    """A line that an agent has written, without its instance's secrets; or one of the platform's about the log."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    at: AwareDatetime
    stream: Stream
    level: Level
    message_id: str | None = None
    text: str = Field(max_length=TEXT_CHARACTERS)


class InstanceLines(BaseModel):
    """Lines of one instance, in the order in which they were written."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    instance_id: str
    lines: list[Line]


class Batch(BaseModel):
    """Lines of several instances."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    number: int = Field(ge=1)
    """Counts the batches of its source. One that is sent again has the number that it had."""
    logs: list[InstanceLines]


def request(batch: Batch, source: str, keys: tuple[bytes, ...]) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of the call that hands on a batch; `source` names the host since it was started."""
    number = str(batch.number)
    event = CloudEvent(
        id=number,
        source=source,
        type=TYPE,
        subject=source,
        time=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        data=batch.model_dump(mode="json"),
    )
    body = json.dumps(document(event), ensure_ascii=False).encode()
    signed = signing.headers(keys, signing.message_id(FUNCTION, source, number), body)
    return body, {"Content-Type": CONTENT_TYPE, **signed}
