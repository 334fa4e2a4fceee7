"""What a browser and the gateway say to each other over a WebSocket; docs/services/gateway.md tells it to people.

Every message is a text of JSON. Those of the client, and the gateway's own, are objects with one key, which names the
message. `event` has a CloudEvent in structured JSON, as it is everywhere else, and its number.
"""

import json
import re
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError, model_validator

from functions.domain.api_errors import ApiError, Forbidden, Unauthenticated, Unavailable
from functions.services.realtime import run_events

PATH: Final = "/v1/realtime"

SUBPROTOCOL: Final = "botberi.realtime.v1"
"""Offered by the client, so that a later protocol can be told from this one."""

MAX_MESSAGE: Final = 16 * 1024
"""Bytes of a client's message."""

MAX_TYPES: Final = 64
MAX_SUBJECTS: Final = 200

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]

Sequence = Annotated[int, Field(ge=0, lt=2**63)]
"""The number of an event among those of its account, counted from 1; 0 is before the first."""


class CloseCode(IntEnum):
    """The codes that the gateway closes a connection with; the reason beside it is a word that programs can read."""

    GOING_AWAY = 1001
    """The gateway stops: connect again, after a random second or two."""
    BINARY = 1003
    """A binary message came: everything here is text."""
    TOO_BIG = 1009
    """A message was larger than 16 KiB."""
    BUG = 1011
    """Something is wrong with the gateway."""
    TRY_AGAIN_LATER = 1013
    """The connection was too slow for its events, or something that is needed is away: connect again shortly."""
    MALFORMED = 4400
    """A message was not understood: the reason says where."""
    UNAUTHENTICATED = 4401
    """The token or API key is missing, malformed or expired, or has ended, as with its session."""
    FORBIDDEN = 4403
    """The account may not do this."""
    TOO_LATE = 4408
    """No token came in time."""
    TOO_MANY = 4429
    """The account has too many connections, or this one sent too many messages."""


class MissedReason(StrEnum):
    """Why events could not be sent."""

    FORGOTTEN = "forgotten"
    """They are older than events are kept."""
    UNKNOWN = "unknown"
    """The account has not had so many: it was another database that numbered them."""
    INTERRUPTED = "interrupted"
    """Events of others, while RabbitMQ was away."""
    OVERFLOWED = "overflowed"
    """Events of others, of which there were more than the gateway could take."""


class CloseError(Exception):
    """The connection has to end."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        """`reason` is public: a word, and after a colon perhaps where."""
        super().__init__(f"{code.value} {reason}")
        self.code = code
        self.reason = reason[:120]

    @classmethod
    def of(cls, api_error: ApiError) -> Self:
        """Return what ends a connection where a function would have answered with an API error."""
        kinds: dict[type[ApiError], CloseCode] = {
            Unauthenticated: CloseCode.UNAUTHENTICATED,
            Forbidden: CloseCode.FORBIDDEN,
            Unavailable: CloseCode.TRY_AGAIN_LATER,
        }
        code = next(code for kind, code in kinds.items() if isinstance(api_error, kind))
        return cls(code, api_error.code)


class Message(BaseModel):
    """Something that is said."""

    # A message may hold a token: no error repeats what was sent.
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class Authenticate(Message):
    """Who is there: the first message of a connection, and again with a new token before the old one expires."""

    token: Annotated[str, Field(min_length=1, max_length=8192, repr=False)]
    """An access token or API key, as the API takes it."""
    after: Sequence | None = None
    """The number of the last event that an earlier connection brought: what followed is sent first. Left out, what
    happens from now on is. Of no effect when the connection has begun."""


class Subscribe(Message):
    """Which events to send, in place of what was asked for before; without this message, all that are the caller's."""

    types: Annotated[list[Text], Field(max_length=MAX_TYPES)] = []
    """Only events of these types; any type when it is empty."""
    subjects: Annotated[list[Text], Field(max_length=MAX_SUBJECTS)] = []
    """Only events about these, such as `ins_…`; any subject when it is empty."""
    all: bool = False
    """Everybody's events, which takes the scope `admin`. Those of others are sent as they come, and not again."""
    after: Sequence | None = None
    """Go on after this number in the account's events, back or forth; left out, where the connection is."""


class Follow(Message):
    """Send the events of a run too, as they come, whatever was subscribed to. Following it again begins anew."""

    run_id: Text
    """`run_…`"""
    after: Sequence = 0
    """The number of the last of them that the client had: what followed is sent first."""


class Unfollow(Message):
    """Send no more events of a run. The run goes on."""

    run_id: Text


FromClient = Authenticate | Subscribe | Follow | Unfollow


class Envelope(Message):
    """A message of a client: one of these."""

    authenticate: Authenticate | None = None
    subscribe: Subscribe | None = None
    follow: Follow | None = None
    unfollow: Unfollow | None = None

    @model_validator(mode="after")
    def one(self) -> Self:
        """Let one message be one thing."""
        if len(self.model_fields_set) != 1 or None in (getattr(self, name) for name in self.model_fields_set):
            message = "exactly one of authenticate, subscribe, follow and unfollow"
            raise ValueError(message)
        return self


class Ready(Message):
    """The token is good. Sent for every `authenticate`; events follow."""

    account_id: str
    expires_at: datetime
    """When the connection ends, unless a new token comes before."""
    live: bool
    """Whether events arrive at this moment; if not, `resumed` will tell when they do."""
    sequence: int
    """The number after which the account's events follow: `after`, if that was given, and otherwise the last one's."""
    heartbeat_seconds: int
    """How often `heartbeat` comes: after twice that time without a message the connection is dead."""


class Subscribed(Message):
    """What is sent from now on."""

    types: list[str]
    subjects: list[str]
    all: bool
    sequence: int
    """The number after which the account's events follow."""


class Heartbeat(Message):
    """Nothing happened, and the connection lives."""

    live: bool
    """Whether events arrive at this moment."""
    sequence: int
    """The number up to which the account's events were sent, or not asked for: where to go on from later."""


class Stale(Message):
    """Events don't arrive at present. The connection stays; `resumed` follows when they do again."""

    since: datetime


class Resumed(Message):
    """Events arrive again: those of the meantime follow."""


class Missed(Message):
    """Events are not there to be sent: read what you show from the API again."""

    reason: MissedReason
    """Why not."""
    sequence: int | None
    """Where the account's events go on: what follows has higher numbers. None if events of others were missed."""


class RunEvent(Message):
    """The next event of a run that is followed."""

    run_id: str
    sequence: int
    """Its number, counted from 1 without gaps."""
    at: datetime
    type: str
    data: dict[str, JsonValue]


class RunEnded(Message):
    """Nothing more comes of a run that was followed."""

    run_id: str
    sequence: int
    """The number of the last event that was sent, or that the client had."""
    reason: str
    """`ended`, or `run_not_found` if there is no such run or it isn't yours."""


SAID: Final[tuple[type[Message], ...]] = (Authenticate, Subscribe, Follow, Unfollow)
"""What a client says."""

NOTICES: Final[tuple[type[Message], ...]] = (
    *(Ready, Subscribed, Heartbeat, Stale, Resumed, Missed),
    *(RunEvent, RunEnded),
)
"""What the gateway says, beside events."""


def encode(notice: Message) -> bytes:
    """Return a notice as it is sent."""
    return f'{{"{name_of(type(notice))}":{notice.model_dump_json()}}}'.encode()


def name_of(message: type[Message]) -> str:
    """Return the key that names a message."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", message.__name__).lower()


def framed(run_id: str, event: run_events.RunEvent) -> bytes:
    """Return the message RunEvent, whose data is text already."""
    head = (
        f'"run_id":{json.dumps(run_id)},"sequence":{event.sequence},"at":"{event.at}","type":{json.dumps(event.type)}'
    )
    return f'{{"{name_of(RunEvent)}":{{{head},"data":{event.data}}}}}'.encode()


def decode(text: str | bytes) -> FromClient:
    """Read a client's message, or raise CloseError."""
    if isinstance(text, bytes):
        raise CloseError(CloseCode.BINARY, "binary")
    try:
        message = Envelope.model_validate_json(text)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        raise CloseError(CloseCode.MALFORMED, f"malformed: {where}" if where else "malformed") from None
    asked = message.authenticate, message.subscribe, message.follow, message.unfollow
    [said] = [each for each in asked if each is not None]
    return said
