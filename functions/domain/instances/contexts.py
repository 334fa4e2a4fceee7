"""Contexts: what the agent host is told of an instance, or of those to end, with each call, sealed for it.

The host has no database. Whoever calls it says what the instance consists of, its secrets among it, and seals that with
AES-256-GCM by a key that only callers and hosts have. What is called and of which instance is authenticated with it,
so that nothing can be passed off as something else.
"""

import time
from enum import StrEnum
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from typing_extensions import override

from core.configuration import secret
from functions.domain import encryption
from functions.domain.encryption import NotSealedError

KEYS_NAME: Final = "agent-host-keys"
"""The secret that holds the keys, one a line, in Base64. Callers seal by the first that a host knows; it opens by any.

So `botberi secrets rotate` exchanges them without loss: two may be live, and it may reach either side first.
"""

MESSAGE_BYTES: Final = 64 * 1024
"""Bytes of UTF-8 that a message's text may have."""

LINE_BYTES: Final = 1024 * 1024 + 64 * 1024
"""Bytes of the longest line of a host's answer: an event, or how a call failed."""

LONGEST_SECONDS: Final = 600
"""How long a call may take at most."""

ACCEPT: Final = "text/event-stream, application/x-ndjson"
"""What callers accept: OpenFaaS' gateway passes an answer on as it comes to whoever names the first of them first."""

LIFETIME: Final = 60
"""Seconds for which a context is taken after it was sealed, beyond the time that its call may take."""


class Kind(StrEnum):
    """What a host is called for."""

    CALL = "call"
    """Pass a message to the agent."""
    PREPARE = "prepare"
    """Have its version's code in place."""
    VERIFY = "verify"
    """See that an agent with this config answers."""
    END = "end"
    """End whatever is awake of some instances."""
    STATUS = "status"
    """Tell how much of it is awake."""


class _Part(BaseModel):
    """A part of what the agent is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tool(_Part):
    """A tool of the client's, which the agent may want called."""

    name: str
    description: str = ""
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    """A JSON Schema of its arguments."""


class EarlierMessage(_Part):
    """A message of the conversation so far."""

    role: Literal["user", "agent"]
    text: str


class Conversation(_Part):
    """The conversation that the message belongs to."""

    id: str
    messages: tuple[EarlierMessage, ...] = ()
    """The last ones before this message, oldest first."""


class InstanceNamed(_Part):
    """The instance that is asked."""

    id: str
    name: str


class Answer(_Part):
    """What was answered to what the agent has asked in this run before."""

    id: str
    """Of the event by which it asked."""
    value: JsonValue


class Message(_Part):
    """What the agent is asked."""

    id: str
    """Ours."""
    text: str
    protocol_id: str | None = None
    """The one that the client's protocol has given it."""
    run: str | None = None
    attempt: int = 1
    tools: tuple[Tool, ...] = ()
    conversation: Conversation | None = None
    instance: InstanceNamed | None = None
    answer: Answer | None = None
    memory_token: str | None = None
    """With which the agent gets at its memory while it answers."""
    cost_limit: str | None = None
    """What the agent may report as cost from now on, a decimal; None if no budget says so."""
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    def asked(self, memory_url: str | None = None) -> dict[str, JsonValue]:
        """Return it as the agent gets it: what is absent is left out. `memory_url` is where its memory answers."""
        asked = self.model_dump(mode="json", exclude_defaults=True, exclude={"memory_token"})
        if self.run is not None:
            asked["attempt"] = self.attempt
        if memory_url is not None and self.memory_token is not None:
            asked["memory"] = {"url": memory_url, "token": self.memory_token}
        return asked


class Told(BaseModel):
    """What a host is told with a call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(8, gt=0, le=LONGEST_SECONDS)
    """How long the call may take."""
    expires_at: float = 0
    """In seconds since the epoch."""

    @property
    def subject(self) -> str:
        """What the call is about: part of its path, and nothing where that says all."""
        return ""


class Ends(Told):
    """The instances that a host is to end."""

    row_versions: dict[str, int]
    """Of their rows as the caller read them, by their ids. A host leaves alone of what it has heard later things."""


class OfInstance(Told):
    """Which instance a call is about."""

    instance_id: str

    @property
    @override
    def subject(self) -> str:
        """The instance's id."""
        return self.instance_id


class Context(OfInstance):
    """What a host has to know of an instance for one call."""

    owner_id: str
    row_version: int
    """Of the instance's row as the caller read it. A host refuses what is older than the last end that it was told."""
    generation: int
    """Which of the instance's specs this is. A host refuses a call of an earlier one than it has served."""
    version_id: str
    digest: str | None
    """The SHA-256 of the version's bundle in hex; None for an image."""
    url: str | None = None
    """Where the version answers, if it is an image that is deployed."""
    config: dict[str, JsonValue] = Field(repr=False)
    """With its secrets."""
    secret_places: tuple[str, ...]
    """JSON Pointers to the secrets in the config: their values are masked in whatever leaves the host."""
    limits: dict[str, int] = Field(default_factory=dict)
    """Those of its own, by their names; what isn't named has the host's default."""
    message: Message | None = Field(default=None, repr=False)


T = TypeVar("T", bound=Told)


def keys() -> tuple[bytes, ...]:
    """Return the keys in the secret. Raises MissingSettingError, NotKeysError."""
    return encryption.keys(KEYS_NAME, secret(KEYS_NAME))


def seal(kind: Kind, told: Told, key: bytes) -> bytes:
    """Return what is told sealed for one kind of call; it expires LIFETIME after the time that the call may take."""
    expiring = told.model_copy(update={"expires_at": time.time() + told.seconds + LIFETIME})
    return encryption.encrypt(key, expiring.model_dump_json().encode(), _bound_to(kind, told.subject))


def unseal(model: type[T], kind: Kind, subject: str, sealed: bytes) -> T:
    """Return what is told with a call of this kind about this subject.

    Raises NotSealedError for what isn't sealed by anybody who may call, is meant for something else, or has expired.
    """
    for key in keys():
        try:
            told = model.model_validate_json(encryption.decrypt(key, sealed, _bound_to(kind, subject)))
        except (NotSealedError, ValidationError):
            continue
        if told.subject != subject or told.expires_at < time.time():
            break
        return told
    raise NotSealedError("it isn't sealed by any of the keys, is meant for something else, or has expired")


def _bound_to(kind: Kind, subject: str) -> bytes:
    return f"botberi agent host 1 {kind} {subject}".encode()
