"""Contexts: what the agent host is told of an instance with each call, sealed for it.

The host has no database. Whoever calls it says what the instance consists of, its secrets among it, and seals that with
AES-256-GCM by a key that only callers and hosts have. What is called and of which instance is authenticated with it,
so that nothing can be passed off as something else.
"""

import time
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from core.configuration import secret
from functions.domain import encryption
from functions.domain.encryption import NotSealedError

SECRET: Final = "agent-host-keys"  # noqa: S105 - the name of a secret
"""The secret that holds the keys, one a line, in Base64. Callers seal by the first that a host knows; it opens by any.

So `botberi secrets rotate` exchanges them without loss: two may be live, and it may reach either side first.
"""

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
    """End whatever is awake of the instance."""
    STATUS = "status"
    """Tell how much of it is awake."""


class Message(BaseModel):
    """What the agent is asked, as its contract has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    text: str


class Context(BaseModel):
    """What a host has to know for one call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance_id: str
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
    seconds: float = 8
    """How long the call may take."""
    expires_at: float = 0
    """In seconds since the epoch."""


def keys() -> tuple[bytes, ...]:
    """Return the keys in the secret. Raises MissingSettingError, NotKeysError."""
    return encryption.keys(SECRET, secret(SECRET))


def seal(kind: Kind, context: Context, key: bytes) -> bytes:
    """Return the context sealed for one kind of call; it expires LIFETIME after the time that the call may take."""
    told = context.model_copy(update={"expires_at": time.time() + context.seconds + LIFETIME})
    return encryption.encrypt(key, told.model_dump_json().encode(), _bound_to(kind, context.instance_id))


def unseal(kind: Kind, instance_id: str, sealed: bytes) -> Context:
    """Return the context of a call of this kind and for this instance.

    Raises NotSealedError for what isn't sealed by anybody who may call, is meant for something else, or has expired.
    """
    for key in keys():
        try:
            context = Context.model_validate_json(encryption.decrypt(key, sealed, _bound_to(kind, instance_id)))
        except (NotSealedError, ValidationError):
            continue
        if context.instance_id != instance_id or context.expires_at < time.time():
            break
        return context
    raise NotSealedError("it isn't sealed by any of the keys, is meant for something else, or has expired")


def _bound_to(kind: Kind, instance_id: str) -> bytes:
    return f"botberi agent host 1 {kind} {instance_id}".encode()
